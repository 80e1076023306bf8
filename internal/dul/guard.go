package dul

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errInterrupted ends a wait because the association itself is ending.
var errInterrupted = errors.New("dul: interrupted")

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// guard bounds the calls of one direction of a connection by a deadline and by
// a context. It costs no allocation per call as long as the context stays the
// same one.
type guard struct {
	set      func(time.Time) error // SetReadDeadline or SetWriteDeadline
	deadline func() time.Time      // until when a call may block now; zero: for ever

	mu          sync.Mutex
	active      bool
	interrupted bool
	limit       time.Time       // no call may go on after it; zero: none
	watched     <-chan struct{} // the context that stop belongs to
	stop        func() bool
}

// enter begins a call that may block until the deadline or until ctx is cancelled.
func (g *guard) enter(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if g.interrupted {
		return errInterrupted
	}
	g.watch(ctx)
	g.active = true
	return g.set(earlier(g.deadline(), g.limit))
}

// leave ends a call.
func (g *guard) leave() {
	g.mu.Lock()
	g.active = false
	g.mu.Unlock()
}

// expired reports whether a call that timed out did so for good: not because it
// was cancelled or interrupted, as enter tells, and not by a deadline that has
// just been lifted.
func (g *guard) expired(ctx context.Context) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return ctx.Err() == nil && !g.interrupted && !earlier(g.deadline(), g.limit).IsZero()
}

func (g *guard) watch(ctx context.Context) {
	done := ctx.Done()
	if done == g.watched {
		return
	}
	g.unwatch()
	if done == nil {
		return
	}
	g.watched = done
	g.stop = context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.active && g.watched == done {
			_ = g.set(longAgo)
		}
	})
}

func (g *guard) unwatch() {
	if g.stop != nil {
		g.stop()
	}
	g.stop, g.watched = nil, nil
}

// restart gives the call that is under way, if one is, a new deadline.
func (g *guard) restart() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.active && !g.interrupted {
		_ = g.set(earlier(g.deadline(), g.limit))
	}
}

// interrupt ends the call under way, and lets none begin.
func (g *guard) interrupt() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.interrupted = true
	g.unwatch()
	if g.active {
		_ = g.set(longAgo)
	}
}

// limitTo gives the call under way, and those that follow, no more than d.
func (g *guard) limitTo(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = time.Now().Add(d)
	if g.active {
		_ = g.set(g.limit)
	}
}

// earlier gives the earlier of two deadlines; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
