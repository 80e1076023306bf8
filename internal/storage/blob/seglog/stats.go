package seglog

import (
	"context"
	"time"

	"gantry/internal/storage/blob"
)

// Stats tells sizes and counts. The first call reads the tables of segments in
// which something was deleted.
func (s *Store) Stats(context.Context) blob.Stats {
	s.count()
	s.mu.Lock()
	st := blob.Stats{Synced: s.synced}
	s.mu.Unlock()
	st.Memory, st.MemoryMax = s.budget.Used(), s.budget.Limit()
	st.Syncs, st.Records, st.Findings = s.syncs.Load(), s.records.Load(), s.findings.Load()
	s.view.RLock()
	defer s.view.RUnlock()
	st.Segments = len(s.segments)
	for _, g := range s.segments {
		g.mu.RLock()
		st.Objects += g.objects - g.deadObjects
		st.LiveBytes += g.bytes - g.dead
		st.DeadBytes += g.dead
		g.mu.RUnlock()
		if f, err := g.use(); err == nil {
			if used, err := f.Used(); err == nil {
				st.DiskBytes += used
			}
			_ = g.release() // nothing to lose: it was only looked at
		}
	}
	if infos, err := s.fs.List(s.largeDir()); err == nil {
		for _, i := range infos {
			st.DiskBytes += i.Size
		}
	}
	if infos, err := s.fs.List(s.quarantineDir()); err == nil {
		st.Quarantine = int64(len(infos))
	}
	return st
}

// Gauges tells what costs nothing to tell.
func (s *Store) Gauges() blob.Gauges {
	return blob.Gauges{Memory: s.budget.Used(), MemoryMax: s.budget.Limit(), Syncs: s.syncs.Load(),
		Records: s.records.Load(), Findings: s.findings.Load()}
}

// count finds out how much of each segment is dead; from then on Delete and
// compaction keep the figures.
func (s *Store) count() {
	s.view.Lock()
	defer s.view.Unlock()
	if s.counted {
		return
	}
	s.counted = true
	for ref := range s.dead {
		s.countDead(ref)
	}
}

// compactPause lies between two looks of the background compaction.
const compactPause = time.Minute

// compactLoop finishes what a stop left undone and compacts, within the rate.
func (s *Store) compactLoop(ctx context.Context) {
	for sleep(ctx, compactPause) {
		if err := s.finishReclaims(ctx); err != nil && ctx.Err() == nil {
			s.opt.Logger.Warn("object log: deleted bytes are not given back yet", "error", err)
		}
		if err := s.compact(ctx, s.worthwhile, s.opt.CompactRate); err != nil && ctx.Err() == nil {
			s.opt.Logger.Warn("object log: compaction", "error", err)
		}
	}
}

// finishReclaims gives back what was deleted before the process was stopped in
// between: the caller knows these tombstones, so its index does not need the
// bytes any more.
func (s *Store) finishReclaims(ctx context.Context) error {
	var refs []blob.Ref
	known := s.known.Load()
	if known == nil {
		return nil
	}
	for _, g := range s.snapshot() {
		if g.position(g.end).Compare(*known) > 0 {
			continue
		}
		g.mu.RLock()
		refs = append(refs, g.deleted...)
		g.mu.RUnlock()
	}
	return s.Reclaim(ctx, refs...)
}
