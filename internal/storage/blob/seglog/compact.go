package seglog

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Compact rewrites every complete segment that holds something deleted.
func (s *Store) Compact(ctx context.Context) error {
	return s.compact(ctx, func(gs []*segment) []*segment {
		return slices.DeleteFunc(gs, func(g *segment) bool { return !g.hasDead() })
	}, 0)
}

func (g *segment) hasDead() bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.deadObjects > 0 || len(g.deleted) > 0
}

// worthwhile picks segments of which half the objects are dead, and small ones
// when there are several.
func (s *Store) worthwhile(gs []*segment) []*segment {
	var picked, small []*segment
	for _, g := range gs {
		g.mu.RLock()
		switch {
		case g.deadObjects*2 > g.objects:
			picked = append(picked, g)
		case g.end < s.opt.SegmentSize/8:
			small = append(small, g)
		}
		g.mu.RUnlock()
	}
	if len(small) >= 4 {
		picked = append(picked, small...)
	}
	return picked
}

// compact copies what lives in the picked segments into new ones and removes
// them. rate is in bytes per second, 0 for as fast as can be.
func (s *Store) compact(ctx context.Context, pick func([]*segment) []*segment, rate int64) error {
	s.compacting.Lock()
	defer s.compacting.Unlock()
	if s.closed.Load() {
		return blob.ErrClosed
	}
	s.mu.Lock()
	err := s.writable()
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.count()
	victims := pick(slices.DeleteFunc(s.snapshot(), func(g *segment) bool {
		g.mu.RLock()
		defer g.mu.RUnlock()
		return !g.sealed || g.spoilt
	}))
	for len(victims) > 0 {
		c := compaction{store: s, ctx: ctx, victims: victims, rate: rate}
		err := c.run()
		if err == nil {
			return s.Reclaim(ctx, c.again...)
		}
		var damaged *sourceError
		if err = errors.Join(err, c.abandon()); !errors.As(err, &damaged) {
			return disk.WriteError("compact the log", err)
		}
		victims = slices.DeleteFunc(victims, func(g *segment) bool { return g == damaged.seg })
		s.leaveAlone(damaged)
	}
	return nil
}

// sourceError tells that a segment cannot be read where a record is to be copied from.
type sourceError struct {
	seg *segment
	entry
	err error
}

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// leaveAlone keeps a damaged segment out of compactions until it was repaired: the
// damage stays where it is, for Check.
func (s *Store) leaveAlone(e *sourceError) {
	e.seg.mu.Lock()
	e.seg.spoilt = true
	e.seg.mu.Unlock()
	s.damaged(blob.Finding{Ref: e.ref, Position: e.seg.position(e.offset()), Path: e.seg.path, Err: e.err,
		Problem: "a record cannot be read; its segment is left out of compaction until it is repaired"})
}

// compaction is one rewriting of some segments.
type compaction struct {
	store     *Store
	ctx       context.Context
	victims   []*segment
	rate      int64
	watermark blob.Position
	outputs   []*segment
	out       *copier
	dropped   []blob.Ref // objects of which no trace is left
	again     []blob.Ref // given back while they were copied
}

func (c *compaction) run() error {
	s := c.store
	s.mu.Lock()
	c.watermark = s.synced
	s.mu.Unlock()
	for _, g := range c.victims {
		f, err := g.use()
		if err != nil {
			return err
		}
		defer func() { _ = g.release() }() // its errors are those of removing, seen at the next start
		_ = f
	}
	records, err := c.living()
	if err != nil {
		return err
	}
	if err := c.copy(records); err != nil {
		return err
	}
	if err := c.publish(); err != nil {
		return err
	}
	c.replace()
	for _, g := range c.victims {
		err = errors.Join(err, g.remove())
	}
	c.victims, c.outputs = nil, nil
	return errors.Join(err, s.fs.SyncDir(s.segmentDir()))
}

// living lists what is to be kept, in order of sequence.
func (c *compaction) living() ([]tailRecord, error) {
	var kept []tailRecord
	for _, g := range c.victims {
		table, err := g.entries()
		if err != nil {
			return nil, err
		}
		if err := g.allRead(table); err != nil {
			return nil, err
		}
		for _, e := range table {
			keep := e.object() && !c.store.isDead(e.ref)
			if e.kind == blob.KindTombstone {
				if keep, err = c.needed(g, e); err != nil {
					return nil, err
				}
			}
			if keep {
				kept = append(kept, tailRecord{g, e})
			}
		}
	}
	slices.SortFunc(kept, func(a, b tailRecord) int { return cmp.Compare(a.ref.Seq, b.ref.Seq) })
	return slices.CompactFunc(kept, func(a, b tailRecord) bool { return a.ref == b.ref }), nil
}

// allRead returns an error if there is a place in g that cannot be read: what lies there may be the only copy of an object.
func (g *segment) allRead(table []entry) error {
	var block [blockSize]byte
	for _, gap := range g.gaps(table) {
		from, to := gap[0], gap[1]
		if _, err := g.file.ReadAt(block[:], from); err != nil {
			return err
		}
		if h, err := decodeHeader(block[:], g.id, from, to-from); err != nil || h.kind != kindVoid || h.length() != to-from {
			e := entry{block: uint32(from / blockSize), blocks: uint32((to - from) / blockSize)}
			return &sourceError{g, e, g.unreadable(from, to)}
		}
	}
	return nil
}

// needed reports whether a tombstone must stay: because some segment that stays
// holds what it deletes, or because the caller may not have heard of it.
func (c *compaction) needed(g *segment, e entry) (bool, error) {
	known := c.store.known.Load()
	if known == nil || !g.position(e.offset()).Less(*known) {
		return true, nil
	}
	h, err := readHeader(g, g.file, e, make([]byte, blockSize))
	if err != nil {
		return false, &sourceError{g, e, err}
	}
	refs, err := readRefs(g.file, e.offset(), &h)
	if err != nil {
		return false, &sourceError{g, e, err}
	}
	for _, r := range refs {
		for _, other := range c.store.holding(r) {
			if slices.Contains(c.victims, other) {
				continue
			}
			if _, ok, err := other.find(r); err != nil || ok {
				return true, err
			}
		}
	}
	c.dropped = append(c.dropped, refs...)
	return false, nil
}

// copy writes the records into new segments that nobody sees yet.
func (c *compaction) copy(records []tailRecord) error {
	began, copied := time.Now(), int64(0)
	for _, r := range records {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if c.out == nil || c.out.at+r.length() > c.store.opt.SegmentSize {
			if err := c.open(); err != nil {
				return err
			}
		}
		if err := c.out.copy(r.seg, r.seg.file, r.entry); err != nil {
			return err
		}
		copied += r.length()
		if c.rate > 0 {
			due := time.Duration(float64(copied) / float64(c.rate) * float64(time.Second))
			if wait := due - time.Since(began); wait > 0 && !sleep(c.ctx, wait) {
				return c.ctx.Err()
			}
		}
	}
	if c.out == nil { // says that the victims are gone, in one step
		return c.open()
	}
	return nil
}

func (c *compaction) open() error {
	s := c.store
	s.mu.Lock()
	s.number++
	number, seq := s.number, s.seq
	s.mu.Unlock()
	g, err := s.newFile(s.segmentPath(number)+newSuffix, number, seq)
	if err != nil {
		return err
	}
	g.sources = []uint64{0}
	c.outputs = append(c.outputs, g)
	c.out = &copier{store: s, to: g, at: blockSize, watermark: c.watermark, buf: make([]byte, copySize)}
	return nil
}

// publish makes the outputs durable under their names; the last one says that it
// and those before it stand for the victims.
func (c *compaction) publish() error {
	s := c.store
	for i, g := range c.outputs {
		if i == len(c.outputs)-1 {
			sources, err := c.sources()
			if err != nil {
				return err
			}
			g.sources = sources
		}
		g.end = c.endOf(g)
		if err := g.file.Truncate(g.end); err != nil {
			return err
		}
		if err := g.file.Sync(); err != nil {
			return err
		}
		final := s.segmentPath(g.number)
		if err := writeTable(s.fs, g, final, g.deleted); err != nil {
			return err
		}
		if err := g.rename(final); err != nil {
			return err
		}
		g.sealed = true
		if err := g.release(); err != nil {
			return err
		}
	}
	return nil
}

// sources names the victims, and those they stand for that somebody still reads.
func (c *compaction) sources() ([]uint64, error) {
	s := c.store
	infos, err := s.fs.List(s.segmentDir())
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, v := range c.victims {
		numbers = append(numbers, v.number)
		for _, n := range v.sources {
			name := filepath.Base(s.segmentPath(n))
			if slices.ContainsFunc(infos, func(i disk.Info) bool { return i.Name == name }) {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers, nil
}

func (c *compaction) endOf(g *segment) int64 {
	end := int64(blockSize)
	if n := len(g.table); n > 0 {
		end = g.table[n-1].offset() + g.table[n-1].length()
	}
	return end
}

// replace lets readers see the outputs instead of the victims.
func (c *compaction) replace() {
	s := c.store
	for _, g := range c.outputs {
		s.insert(g)
	}
	s.view.Lock()
	defer s.view.Unlock()
	s.segments = slices.DeleteFunc(s.segments, func(g *segment) bool { return slices.Contains(c.victims, g) })
	s.arrange()
	for _, r := range c.dropped {
		delete(s.dead, r)
	}
	for _, g := range c.outputs { // what was deleted while it was copied
		for i := range g.table {
			ref := g.table[i].ref
			reclaimed, dead := s.dead[ref]
			if !dead {
				continue
			}
			g.dead += g.table[i].size
			g.deadObjects++
			if reclaimed {
				s.dead[ref] = false
				c.again = append(c.again, ref)
			}
		}
	}
}

// abandon removes outputs that were not published. Those that were stay: what
// is in them is in the victims too, and either is good.
func (c *compaction) abandon() error {
	var err error
	for _, g := range c.outputs {
		if !g.sealed {
			g.users = 0
			err = errors.Join(err, g.remove())
		} else {
			c.store.insert(g)
		}
	}
	return err
}
