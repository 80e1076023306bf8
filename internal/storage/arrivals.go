package storage

import (
	"context"
	"errors"
	"sync"

	"gantry/internal/storage/index"
)

// maxRemembered bounds the instances that arrivals remembers.
const maxRemembered = 100_000

// arrivals spares most arrivals the question whether the index knows them already. It remembers the instances of every
// series that is arriving; where the series itself was not in the index when that began, what is not remembered is new.
type arrivals struct {
	mu     sync.Mutex
	series map[index.ID]*arriving
	count  int // instances remembered
}

// arriving is a series. What it remembers may be more than there is, after deletions and failures, never less than what
// came since it was begun.
type arriving struct {
	instances map[index.ID]struct{}
	complete  bool // the series had no instances when this was begun
	overflown bool // there were too many instances to remember
	users     int  // arrivals under way
}

// enter is called before an arrival asks for anything; leave when it has ended, one way or the other.
func (r *arrivals) enter(a *arrival) (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.series[a.n.Series]
	if s == nil {
		if r.series == nil || r.count > maxRemembered {
			r.evict()
		}
		s, first = &arriving{instances: map[index.ID]struct{}{}}, true
		r.series[a.n.Series] = s
	}
	s.users++
	a.series = s
	_, a.remembered = s.instances[a.n.ID]
	switch {
	case a.remembered || s.overflown:
	case len(s.instances) >= maxRemembered:
		r.count -= len(s.instances)
		s.instances, s.overflown = nil, true
	default:
		s.instances[a.n.ID] = struct{}{}
		r.count++
	}
	return first
}

// evict forgets all series but those that something is arriving of.
func (r *arrivals) evict() {
	kept := map[index.ID]*arriving{}
	r.count = 0
	for id, s := range r.series {
		if s.users > 0 {
			kept[id] = s
			r.count += len(s.instances)
		}
	}
	r.series = kept
}

func (r *arrivals) leave(a *arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.series != nil {
		a.series.users--
	}
}

// isNew reports whether an arrival is certainly not in the index.
func (r *arrivals) isNew(ctx context.Context, s *Store, a *arrival) (bool, error) {
	if r.enter(a) {
		complete, err := s.seriesIsNew(ctx, a.n.Series)
		if err != nil {
			return false, err
		}
		r.mu.Lock()
		a.series.complete = complete
		r.mu.Unlock()
		return complete, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return a.series.complete && !a.remembered && !a.series.overflown, nil
}

// seriesIsNew asks the index. What is pending of a series forgotten meanwhile has to be in it first.
func (s *Store) seriesIsNew(ctx context.Context, id index.ID) (bool, error) {
	if err := s.flush(ctx); err != nil {
		return false, err
	}
	err := s.idx.View(ctx, func(r index.ReadTx) error { _, err := r.Resource(id); return err })
	if errors.Is(err, index.ErrNotFound) {
		return true, nil
	}
	return false, s.typed("look for a series", err)
}
