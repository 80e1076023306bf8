package jobs

import (
	"context"
	"fmt"
	"slices"
)

// waiter is somebody who waits for room in the queue.
type waiter struct {
	seq   int64
	ready chan struct{} // closed when it has room
}

// reserve takes room for one unfinished job and its place in the order. Those who wait for room get it in the order in
// which they came.
func (e *Engine) reserve(ctx context.Context, noWait bool) (int64, error) {
	e.mu.Lock()
	if e.stopped {
		e.mu.Unlock()
		return 0, ErrStopped
	}
	w := &waiter{ready: make(chan struct{})}
	e.waiting = append(e.waiting, w)
	e.admit()
	full := w.seq == 0
	if full && noWait {
		e.waiting = e.waiting[:len(e.waiting)-1]
	}
	e.mu.Unlock()
	if !full {
		return w.seq, nil
	}
	e.observeFull()
	if noWait {
		return 0, ErrQueueFull
	}
	select {
	case <-w.ready:
		return w.seq, nil
	case <-ctx.Done():
		e.giveUp(w)
		return 0, fmt.Errorf("%w: %w", ErrQueueFull, ctx.Err())
	case <-e.ctx.Done():
		return 0, ErrStopped
	}
}

// admit gives room to those who wait, as far as there is any. Engine.mu is held.
func (e *Engine) admit() {
	for len(e.waiting) > 0 && (e.cfg.Limit <= 0 || e.unfinished < e.cfg.Limit) {
		w := e.waiting[0]
		e.waiting = e.waiting[1:]
		e.unfinished++
		e.seq++
		w.seq = e.seq
		close(w.ready)
	}
}

// giveUp takes somebody out of those who wait, who may have got room in the same moment.
func (e *Engine) giveUp(w *waiter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.waiting, w); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
		return
	}
	e.leave()
}

// leave gives the room of an unfinished job back. Engine.mu is held.
func (e *Engine) leave() {
	e.unfinished--
	e.admit()
}
