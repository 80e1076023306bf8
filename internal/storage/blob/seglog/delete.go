package seglog

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Delete writes tombstones, several records when there are very many refs.
func (s *Store) Delete(ctx context.Context, refs ...blob.Ref) (blob.Ticket, error) {
	most := int(s.opt.reserve()/4) / refSize
	for {
		part := refs[:min(len(refs), most)]
		t, err := s.tombstone(ctx, part)
		if refs = refs[len(part):]; err != nil || len(refs) == 0 {
			return t, err
		}
	}
}

func (s *Store) tombstone(ctx context.Context, refs []blob.Ref) (blob.Ticket, error) {
	payload := make([]byte, 0, len(refs)*refSize)
	for _, r := range refs {
		payload = appendRef(payload, r)
	}
	h := header{kind: blob.KindTombstone, ref: blob.Ref{Key: blob.NewKey()}, size: int64(len(payload)), sum: blob.Checksum(0, payload)}
	h.meta = blob.AppendMeta(nil, &blob.Meta{Time: s.opt.Clock()})
	h.blocks = blocksFor(len(h.meta), h.size)
	p, err := s.reserve(ctx, &h)
	if err != nil {
		return nil, err
	}
	record := make([]byte, 0, h.length())
	record = append(appendHeader(record, &h, p.seg.id, p.off), payload...)
	if err := p.file.WriteAt(p.off, record[:h.length()]); err != nil {
		return nil, s.giveUp(&p, err)
	}
	s.bury(p.seg, refs)
	s.complete(&p, blob.KindTombstone)
	return p.ticket(s, h.ref), nil
}

// bury makes objects unreadable for the rest of the process.
func (s *Store) bury(g *segment, refs []blob.Ref) {
	g.mu.Lock()
	g.deleted = append(g.deleted, refs...)
	g.mu.Unlock()
	s.view.Lock()
	defer s.view.Unlock()
	for _, r := range refs {
		if _, ok := s.dead[r]; ok {
			continue
		}
		s.dead[r] = false
		if s.counted {
			s.countDead(r)
		}
	}
}

// countDead adds an object to what its segment holds in vain. Called with view held.
func (s *Store) countDead(ref blob.Ref) {
	for g := range s.spans.with(ref.Seq) {
		if e, ok, err := g.find(ref); err == nil && ok {
			g.mu.Lock()
			g.dead += e.size
			g.deadObjects++
			g.mu.Unlock()
		}
	}
}

// Reclaim overwrites deleted objects: their header blocks stay, so that the
// segment can be read on, the rest becomes a hole.
// What a running backup or compaction has copied follows when that ends.
func (s *Store) Reclaim(ctx context.Context, refs ...blob.Ref) error {
	s.reclaiming.RLock()
	defer s.reclaiming.RUnlock()
	if s.deferReclaim(refs) {
		return nil
	}
	return s.reclaim(ctx, refs)
}

func (s *Store) deferReclaim(refs []blob.Ref) bool {
	s.view.Lock()
	defer s.view.Unlock()
	if s.backups == 0 {
		return false
	}
	s.deferred = append(s.deferred, refs...)
	return true
}

func (s *Store) reclaim(ctx context.Context, refs []blob.Ref) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	if s.opt.ReadOnly {
		return blob.ErrReadOnly
	}
	for {
		s.view.RLock()
		generation := s.generation
		s.view.RUnlock()
		done, err := s.overwriteAll(ctx, refs)
		if err != nil {
			return disk.WriteError("give deleted bytes back", err)
		}
		if s.reclaimed(generation, done) {
			s.wake() // there may be room now
			return nil
		}
	}
}

// reclaimed notes what was given back, unless a compaction has put a segment into
// place meanwhile that may hold a copy.
func (s *Store) reclaimed(generation uint64, refs []blob.Ref) bool {
	s.view.Lock()
	defer s.view.Unlock()
	if s.generation != generation {
		return false
	}
	for _, ref := range refs {
		if _, dead := s.dead[ref]; dead {
			s.dead[ref] = true
		}
	}
	return true
}

// share is what of a reclaim lies in one segment.
type share struct {
	seg     *segment
	entries []entry
}

// overwriteAll gives back the bytes of those of refs that are buried, and syncs.
func (s *Store) overwriteAll(ctx context.Context, refs []blob.Ref) (done []blob.Ref, err error) {
	shares, done, err := s.shares(refs)
	drop := slices.ContainsFunc(shares, func(p *share) bool { return p.seg.mayDrop(len(p.entries)) }) && s.compacting.TryLock()
	if drop {
		defer s.compacting.Unlock()
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	errs := make([]error, len(shares))
	for i, p := range shares {
		group.Go(func() error {
			errs[i] = s.overwriteShare(ctx, p, drop)
			return nil
		})
	}
	_ = group.Wait() // errs has all of them
	return done, errors.Join(err, errors.Join(errs...))
}

// atOnce is in how many segments bytes are given back at a time. Much of that is waiting: for the file system, which does
// one thing after the other within a file, and for disks that are told of every block that is free.
const atOnce = 4

// shares tells where those of refs lie that are buried: everywhere, as an interrupted compaction leaves two copies.
func (s *Store) shares(refs []blob.Ref) (shares []*share, done []blob.Ref, err error) {
	at := map[*segment]*share{}
	for _, ref := range refs {
		if !s.buried(ref) {
			continue
		}
		done = append(done, ref)
		for _, g := range s.holding(ref) {
			e, ok, e2 := g.find(ref)
			if err = errors.Join(err, e2); !ok {
				continue
			}
			if at[g] == nil {
				at[g] = &share{seg: g}
				shares = append(shares, at[g])
			}
			at[g].entries = append(at[g].entries, e)
		}
	}
	return shares, done, err
}

// overwriteShare gives back records of one segment, and syncs: all of the segment with drop when nothing else is in it.
func (s *Store) overwriteShare(ctx context.Context, p *share, drop bool) (err error) {
	if drop && p.seg.mayDrop(len(p.entries)) {
		if dropped, err := s.drop(p.seg, p.entries); dropped || err != nil {
			return err
		}
	}
	f, err := p.seg.useAgain()
	if errors.Is(err, errGone) {
		return nil // compacted: what of it was copied is reclaimed after that
	}
	if err != nil {
		return err
	}
	folders := map[string]bool{}
	for _, e := range p.entries {
		if e := ctx.Err(); e != nil {
			err = errors.Join(err, e)
			break
		}
		path, e := s.overwrite(p.seg, f, e)
		if e != nil {
			err = errors.Join(err, e)
		} else if path != "" {
			folders[filepath.Dir(path)] = true
		}
	}
	if err == nil {
		p.seg.mu.Lock()
		p.seg.given += int64(len(p.entries))
		p.seg.mu.Unlock()
	}
	return errors.Join(err, s.syncShared(p.seg, f), p.seg.release(), s.syncFolders(folders))
}

// syncShared syncs a file that the syncer may be syncing too. The system tells of
// a failure only once, so here as there it stops writing.
func (s *Store) syncShared(g *segment, f disk.File) error {
	err := f.Sync()
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail("sync "+g.path, err)
	}
	return err
}

// buried reports whether an object was deleted and is not reclaimed yet.
func (s *Store) buried(ref blob.Ref) bool {
	s.view.RLock()
	defer s.view.RUnlock()
	reclaimed, dead := s.dead[ref]
	return dead && !reclaimed
}

// overwrite gives back what lies behind the header of a record; it returns the
// path of the file it removed.
func (s *Store) overwrite(g *segment, f disk.File, e entry) (string, error) {
	block := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(block)
	h, err := readHeader(g, f, e, block[:])
	if err != nil {
		return "", ignoreDamage(err) // Check has it in its hands
	}
	if h.flags&flagReclaimed == 0 {
		h.flags |= flagReclaimed
		clean := appendHeader(make([]byte, 0, blockSize), &h, g.id, e.offset())
		if err := f.WriteAt(e.offset(), clean[:blockSize]); err != nil {
			return "", err
		}
		if rest := e.length() - blockSize; rest > 0 {
			if err := f.Punch(e.offset()+blockSize, rest); err != nil {
				return "", err
			}
		}
	}
	if !h.large() {
		return "", nil
	}
	path := s.payloadPath(h.ref.Key, h.kind, h.flags)
	return path, ignoreMissing(s.fs.Remove(path))
}
