package seglog

import (
	"context"
	"time"

	"gantry/internal/storage/blob"
)

// ticket is the promise of a record. It is released by place alone: once the
// log is durable up to lsn.
type ticket struct {
	store    *Store
	lsn      uint64
	ref      blob.Ref
	at, next blob.Position
}

func (t *ticket) Ref() blob.Ref           { return t.ref }
func (t *ticket) Position() blob.Position { return t.at }
func (t *ticket) Next() blob.Position     { return t.next }

func (t *ticket) Wait(ctx context.Context) error { return t.store.waitFor(ctx, t.lsn) }

func (s *Store) waitFor(ctx context.Context, lsn uint64) error {
	for {
		round := *s.round.Load()
		if s.durable.Load() >= lsn {
			return nil
		}
		if err := s.Err(); err != nil {
			return err
		}
		select {
		case <-round:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Barrier waits for everything committed before it.
func (s *Store) Barrier(ctx context.Context) error {
	s.mu.Lock()
	lsn, err := s.queue.reserved, s.failure
	s.mu.Unlock()
	if s.closed.Load() {
		return blob.ErrClosed
	}
	if err != nil {
		return err
	}
	return s.waitFor(ctx, lsn)
}

// lazySync is how often a log opened with NoSync is synced after all.
const lazySync = time.Second

// syncLoop is the one goroutine that syncs.
func (s *Store) syncLoop(ctx context.Context) {
	defer s.wg.Done()
	var done uint64
	for {
		s.mu.Lock()
		for s.failure == nil && s.queue.written == done && !s.closing {
			s.work.Wait()
		}
		if s.failure != nil {
			s.promise(s.durable.Load()) // wakes those who wait in vain
			s.mu.Unlock()
			return
		}
		target, last := s.queue.written, s.closing && s.queue.empty()
		at := s.synced
		if s.queue.seg != nil {
			at = s.queue.seg.position(s.queue.off)
		}
		dirty := append([]*segment(nil), s.dirty...)
		s.mu.Unlock()
		if target > done {
			if err := s.syncSegments(dirty, at); err != nil {
				continue
			}
			done = target
			s.synchronised(target, at)
		}
		if last {
			return
		}
		if s.opt.NoSync {
			sleep(ctx, lazySync)
		}
	}
}

// syncSegments syncs what of the segments lies before at.
func (s *Store) syncSegments(dirty []*segment, at blob.Position) error {
	for _, g := range dirty {
		if g.number > at.Segment {
			break
		}
		if err := g.file.Sync(); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fail("sync "+g.path, err)
			return err
		}
		s.syncs.Add(1)
	}
	return nil
}

// synchronised notes that the log is durable up to at, releases the tickets and
// sends complete segments to be sealed.
func (s *Store) synchronised(lsn uint64, at blob.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.synced = at
	for len(s.dirty) > 1 && (s.dirty[0].number < at.Segment || s.dirty[0].end == at.Offset) {
		old := s.dirty[0]
		s.dirty = s.dirty[1:]
		s.wg.Go(func() { s.sealOld(old) })
	}
	if !s.opt.NoSync {
		s.promise(lsn)
	}
}

// sealOld seals a segment that is not the active one any more.
func (s *Store) sealOld(g *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g.room.busy {
		s.changed.Wait()
	}
	s.mu.Unlock()
	err := s.seal(g, g.end)
	s.mu.Lock()
	if err != nil { // it can be sealed at the next start as well
		s.opt.Logger.Warn("object log: segment not sealed", "file", g.path, "error", err)
	}
}

// seal cuts what a segment has not used and writes its table. All its records
// are synced. The file stays open for its users.
func (s *Store) seal(g *segment, end int64) error {
	if err := g.file.Truncate(end); err != nil {
		return err
	}
	if err := g.file.Sync(); err != nil {
		return err
	}
	g.mu.Lock()
	g.end = end
	g.mu.Unlock()
	if err := writeTable(s.fs, g, g.path, g.deleted); err != nil {
		return err
	}
	g.mu.Lock()
	g.sealed = true
	g.mu.Unlock()
	return g.release()
}

// sleep waits for d or for the end of ctx, and reports whether d passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
