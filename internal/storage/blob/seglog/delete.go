package seglog

import (
	"context"
	"errors"
	"path/filepath"

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

// overwriteAll gives back the bytes of those of refs that are buried, and syncs.
func (s *Store) overwriteAll(ctx context.Context, refs []blob.Ref) (done []blob.Ref, err error) {
	touched, folders := map[*segment]disk.File{}, map[string]bool{}
	for _, ref := range refs {
		if err = ctx.Err(); err != nil {
			break
		}
		if !s.buried(ref) {
			continue
		}
		folder, e := s.reclaimOne(ref, touched)
		if folder != "" {
			folders[folder] = true
		}
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		done = append(done, ref)
	}
	for g, f := range touched {
		err = errors.Join(err, s.syncShared(g, f), g.release())
	}
	for dir := range folders {
		err = errors.Join(err, s.fs.SyncDir(dir))
	}
	return done, err
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

// reclaimOne overwrites one object, everywhere it lies: an interrupted compaction
// leaves two copies. The caller syncs and releases the segments in touched, and
// syncs the folder a file was removed from.
func (s *Store) reclaimOne(ref blob.Ref, touched map[*segment]disk.File) (folder string, err error) {
	for _, g := range s.holding(ref) {
		e, ok, err := g.find(ref)
		if err != nil {
			return folder, err
		}
		if !ok {
			continue
		}
		f := touched[g]
		if f == nil {
			if f, err = g.use(); errors.Is(err, errGone) {
				continue // compacted: what of it was copied is reclaimed after that
			} else if err != nil {
				return folder, err
			}
			touched[g] = f
		}
		path, err := s.overwrite(g, f, e)
		if err != nil {
			return folder, err
		}
		if path != "" {
			folder = filepath.Dir(path)
		}
	}
	return folder, nil
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
