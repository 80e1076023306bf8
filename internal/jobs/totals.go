package jobs

import (
	"container/list"
	"time"
)

// Observer is told what becomes of jobs, for metrics. Each of its functions may be nil; they are called by many
// goroutines, must not wait, and must not call the engine.
type Observer struct {
	Ended   func(kind string, state State, runtime time.Duration) // Success or Failure
	Retried func(kind string)                                     // a job waits for another attempt
	Full    func()                                                // a job found Config.Limit unfinished ones
}

// Total is how many jobs of a kind are in a state.
type Total struct {
	Kind  string
	State State
	Count int
}

// totals count the jobs as they change, so that nobody has to walk through all of them. Engine.mu guards them.
type totals struct {
	counts map[totalKey]int
	open   map[string]*list.List // of *entry that have not ended, by kind, the one made first at the front
}

type totalKey struct {
	kind  string
	state State
}

func newTotals() totals {
	return totals{counts: map[totalKey]int{}, open: map[string]*list.List{}}
}

// Totals returns the number of jobs of each kind and state that there has been one of. It takes the same time however
// many jobs there are.
func (e *Engine) Totals() []Total {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Total, 0, len(e.totals.counts))
	for key, n := range e.totals.counts {
		all = append(all, Total{key.kind, key.state, n})
	}
	return all
}

// Oldest returns when the oldest job of a kind was made that has not ended; false if there is none.
func (e *Engine) Oldest(kind string) (created time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	open := e.totals.open[kind]
	if open == nil || open.Len() == 0 {
		return time.Time{}, false
	}
	return open.Front().Value.(*entry).rec.Created, true
}

// count notes the state of a job, "" for one that is forgotten. It has to follow every change; Engine.mu is held.
func (e *Engine) count(en *entry, now State) {
	t, before := &e.totals, en.counted
	if before == now {
		return
	}
	en.counted = now
	if before != "" {
		t.counts[totalKey{en.rec.Kind, before}]--
	}
	if now != "" {
		t.counts[totalKey{en.rec.Kind, now}]++
	}
	switch open := now != "" && !now.Ended(); {
	case open && en.place == nil:
		t.enter(en)
	case !open && en.place != nil:
		t.open[en.rec.Kind].Remove(en.place)
		en.place = nil
	}
}

// enter puts a job into the list of its kind, by the time it was made: as good as always that is the end.
func (t *totals) enter(en *entry) {
	open := t.open[en.rec.Kind]
	if open == nil {
		open = list.New()
		t.open[en.rec.Kind] = open
	}
	at := open.Back()
	for at != nil && at.Value.(*entry).rec.Created.After(en.rec.Created) {
		at = at.Prev()
	}
	if at == nil {
		en.place = open.PushFront(en)
		return
	}
	en.place = open.InsertAfter(en, at)
}

// observeMove tells the observer of a job's new state. Engine.mu is held.
func (e *Engine) observeMove(en *entry, before State) {
	o := e.cfg.Observer
	now := en.rec.State
	switch {
	case o == nil || before == now:
	case now.Ended() && o.Ended != nil:
		o.Ended(en.rec.Kind, now, en.rec.Runtime)
	case now == Retry && o.Retried != nil:
		o.Retried(en.rec.Kind)
	}
}

// observeFull tells the observer that there is no room.
func (e *Engine) observeFull() {
	if o := e.cfg.Observer; o != nil && o.Full != nil {
		o.Full()
	}
}
