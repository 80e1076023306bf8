package seglog

import (
	"context"
	"fmt"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// place is a reserved range of the log.
type place struct {
	seg    *segment
	file   disk.File
	off    int64
	length int64
	index  int    // in the segment's table
	slot   uint64 // in the queue
	lsn    uint64 // bytes reserved since opening, with this record
}

func (p *place) ticket(s *Store, ref blob.Ref) *ticket {
	return &ticket{store: s, lsn: p.lsn, ref: ref, at: p.seg.position(p.off), next: p.seg.position(p.off + p.length)}
}

// reserve gives a record the next range of the log and the next sequence
// number; it sets ref.Seq and watermark of h. Only tombstones may use the room
// kept for them. The range must be filled and then completed by the caller.
func (s *Store) reserve(ctx context.Context, h *header) (place, error) {
	need := h.length()
	room := need
	if h.kind != blob.KindTombstone {
		room += s.opt.reserve()
	}
	if blockSize+room > s.opt.SegmentSize {
		return place{}, fmt.Errorf("blob: a record of %d bytes does not fit into a segment", need)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.makeRoom(ctx, need, room); err != nil {
		return place{}, err
	}
	s.seq++
	h.ref.Seq, h.watermark = s.seq, s.synced
	e := h.entry(s.tail)
	e.ready = false
	p := place{seg: s.active, file: s.active.file, off: s.tail, length: need, index: s.active.add(e)}
	s.tail += need
	p.slot, p.lsn = s.queue.push(s.active, s.tail, need)
	s.traffic.note(need, time.Now())
	if s.wanting() {
		s.wake()
	}
	return p, nil
}

// makeRoom waits until the active segment has room bytes that need not be asked
// of the disk any more. Called with mu held.
func (s *Store) makeRoom(ctx context.Context, need, room int64) error {
	for {
		if err := s.writable(); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("blob: wait for room in the log: %w", err)
		}
		r := &s.active.room
		switch {
		case s.tail+room > s.opt.SegmentSize && s.next != nil:
			s.rotate()
			continue
		case s.tail+room > s.opt.SegmentSize:
			if err := s.spare(room, room > need); err != nil {
				return err
			}
			if err := s.prepare(); err != nil {
				return err
			}
			continue
		case r.zeroing && s.tail < r.to && s.tail+need > r.from:
			s.wait(ctx)
			continue
		case s.tail+room > r.allocated:
			if err := s.spare(s.tail+room-r.allocated, room > need); err != nil {
				return err
			}
			if err := s.allocate(s.active, s.tail+room); err != nil {
				return err
			}
		}
		return nil
	}
}

// wait waits for a change or for the end of ctx. Called with mu held.
func (s *Store) wait(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	s.changed.Wait()
	stop()
}

// rotate makes the prepared segment the active one. Called with mu held.
func (s *Store) rotate() {
	old := s.active
	old.mu.Lock()
	old.end = s.tail
	old.mu.Unlock()
	s.active, s.next = s.next, nil
	s.insert(s.active)
	s.tail = blockSize
	s.dirty = append(s.dirty, s.active)
	s.wake()
}

// complete notes that a reserved range is filled, with a record of the given
// kind, and lets the syncer go as far as there is no gap.
func (s *Store) complete(p *place, kind blob.Kind) {
	p.seg.settle(p.index, kind)
	s.records.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.queue.done(p.slot) {
		return
	}
	if s.opt.NoSync {
		s.promise(s.queue.written)
	}
	s.work.Signal()
	if s.closing {
		s.changed.Broadcast()
	}
}

// promise releases the tickets up to lsn. Called with mu held.
func (s *Store) promise(lsn uint64) {
	s.durable.Store(lsn)
	next := make(chan struct{})
	close(*s.round.Swap(&next))
}

// queue holds the reserved ranges that are not known to be filled, in order.
type queue struct {
	slots    []slot
	first    uint64 // number of slots[0]
	reserved uint64 // bytes
	written  uint64 // bytes, without a gap
	seg      *segment
	off      int64 // where written ends
}

type slot struct {
	seg  *segment
	end  int64
	lsn  uint64
	done bool
}

func (q *queue) empty() bool { return len(q.slots) == 0 }

func (q *queue) push(g *segment, end, length int64) (number, lsn uint64) {
	q.reserved += uint64(length)
	q.slots = append(q.slots, slot{seg: g, end: end, lsn: q.reserved})
	return q.first + uint64(len(q.slots)) - 1, q.reserved
}

// done marks a slot and reports whether written has moved.
func (q *queue) done(number uint64) bool {
	q.slots[number-q.first].done = true
	n := 0
	for n < len(q.slots) && q.slots[n].done {
		q.written, q.seg, q.off = q.slots[n].lsn, q.slots[n].seg, q.slots[n].end
		n++
	}
	q.first += uint64(n)
	q.slots = q.slots[:copy(q.slots, q.slots[n:])]
	return n > 0
}
