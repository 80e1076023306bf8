package jobs

// lane is a number of slots, with the jobs that wait for one of them in their order.
type lane struct {
	slots   int
	running int
	pending queue
}

// newLanes makes those of the kinds that have one of their own.
func newLanes(slots map[string]int) map[string]*lane {
	lanes := make(map[string]*lane, len(slots))
	for kind, n := range slots {
		lanes[kind] = &lane{slots: max(n, 1)}
	}
	return lanes
}

// lane returns that in which a job runs.
func (e *Engine) lane(en *entry) *lane {
	if own, ok := e.lanes[en.rec.Kind]; ok {
		return own
	}
	return &e.common
}

// dispatch starts the pending jobs of a lane while it has free slots. Engine.mu is held.
func (e *Engine) dispatch(l *lane) {
	for e.started && !e.stopped && l.running < l.slots && len(l.pending) > 0 {
		l.running++
		e.launch(l.pending.next())
	}
}

// dispatchAll is dispatch for every lane. Engine.mu is held.
func (e *Engine) dispatchAll() {
	e.dispatch(&e.common)
	for _, l := range e.lanes {
		e.dispatch(l)
	}
}
