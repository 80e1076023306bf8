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
	for _, g := range s.segments {
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
	touched := map[*segment]disk.File{}
	var done []blob.Ref
	var err error
	folders := map[string]bool{} // to be synced
	for _, ref := range refs {
		if err = ctx.Err(); err != nil {
			break
		}
		if s.view.RLock(); !s.buried(ref) {
			s.view.RUnlock()
			continue
		}
		s.view.RUnlock()
		folder, e := s.reclaimOne(ref, touched)
		if e != nil && !errors.Is(e, blob.ErrNotFound) {
			err = errors.Join(err, e)
			continue
		}
		if folder != "" {
			folders[folder] = true
		}
		done = append(done, ref)
	}
	for g, f := range touched {
		err = errors.Join(err, f.Sync(), g.release())
	}
	for dir := range folders {
		err = errors.Join(err, s.fs.SyncDir(dir))
	}
	if err != nil {
		return disk.WriteError("give deleted bytes back", err)
	}
	s.view.Lock()
	defer s.view.Unlock()
	for _, ref := range done {
		s.dead[ref] = true
	}
	s.wake() // there may be room now
	return nil
}

// buried: deleted, and not reclaimed yet. Called with view held.
func (s *Store) buried(ref blob.Ref) bool {
	reclaimed, dead := s.dead[ref]
	return dead && !reclaimed
}

// reclaimOne overwrites one object; the caller syncs and releases the segments
// in touched, and syncs the folder it removed a file from.
func (s *Store) reclaimOne(ref blob.Ref, touched map[*segment]disk.File) (folder string, err error) {
	g, e, err := s.lookup(ref, false)
	if err != nil {
		return "", err
	}
	f := touched[g]
	if f == nil {
		if f, err = g.use(); err != nil {
			return "", err
		}
		touched[g] = f
	}
	block := make([]byte, blockSize)
	if _, err := f.ReadAt(block, e.offset()); err != nil {
		return "", err
	}
	h, err := decodeHeader(block, g.id, e.offset(), e.length())
	if err != nil || h.ref != ref {
		return "", nil // damaged: Check has it in its hands
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
	return filepath.Dir(path), ignoreMissing(s.fs.Remove(path))
}
