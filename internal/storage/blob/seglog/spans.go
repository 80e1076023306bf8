package seglog

import (
	"cmp"
	"iter"
	"slices"
)

// spans finds the segments that may hold a sequence number. Segments follow one
// another, but compacted ones reach over others.
type spans struct {
	open     []*segment // their spans may grow
	complete []span     // by least
	reach    []uint64   // the greatest number of complete[:i+1]
}

type span struct {
	seg             *segment
	least, greatest uint64
}

// arrange makes the spans anew. Called with view held, whenever segments has changed.
func (s *Store) arrange() {
	p := spans{complete: make([]span, 0, len(s.segments)), reach: make([]uint64, 0, len(s.segments))}
	for _, g := range slices.Backward(s.segments) {
		g.mu.RLock()
		if g.sealed {
			p.complete = append(p.complete, span{g, g.min, g.max})
		} else {
			p.open = append(p.open, g)
		}
		g.mu.RUnlock()
	}
	slices.SortStableFunc(p.complete, func(a, b span) int { return cmp.Compare(a.least, b.least) })
	greatest := uint64(0)
	for _, c := range p.complete {
		greatest = max(greatest, c.greatest)
		p.reach = append(p.reach, greatest)
	}
	s.spans = p
}

// with yields the segments that may hold a record with the number. Two of them do
// where a compaction was interrupted.
func (p *spans) with(seq uint64) iter.Seq[*segment] {
	return func(yield func(*segment) bool) {
		for _, g := range p.open {
			if !yield(g) {
				return
			}
		}
		i, _ := slices.BinarySearchFunc(p.complete, seq, func(c span, seq uint64) int {
			if c.least <= seq {
				return -1
			}
			return 1
		})
		for i--; i >= 0 && p.reach[i] >= seq; i-- {
			if c := p.complete[i]; c.greatest >= seq && !yield(c.seg) {
				return
			}
		}
	}
}
