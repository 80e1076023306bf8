package jobs

import (
	"context"
	"slices"
	"time"
)

// Pause stops a job until Resume. A running one is asked to and pauses within its step; an ended or
// paused one stays as it is. Unknown ids give ErrUnknown.
func (e *Engine) Pause(ctx context.Context, id string) error {
	return e.control(ctx, id, func(en *entry) error {
		switch en.rec.State {
		case Pending:
			e.lane(en).pending.remove(en)
			e.move(en, verdict{state: Paused})
		case Retry:
			en.timer.Stop()
			e.move(en, verdict{state: Paused})
		case Running:
			if en.wish == "" {
				en.wish = Paused
				en.stop(errPaused)
			}
		}
		return nil
	})
}

// Resume makes a paused job pending; in every other state it gives ErrState.
func (e *Engine) Resume(ctx context.Context, id string) error {
	return e.control(ctx, id, func(en *entry) error {
		if en.rec.State != Paused {
			return ErrState
		}
		e.toPending(en)
		return nil
	})
}

// TryNow makes a job that waits for its next attempt pending. A running one does not wait if its present step asks for
// another attempt: what the caller knows may have come too late for it. In every other state it gives ErrState.
func (e *Engine) TryNow(ctx context.Context, id string) error {
	return e.control(ctx, id, func(en *entry) error {
		switch en.rec.State {
		case Retry:
			e.toPending(en)
		case Running:
			en.hurried = true
		default:
			return ErrState
		}
		return nil
	})
}

// TryAllNow is TryNow for many jobs at once; those in other states are passed over. It does not wait until the change is
// kept: after a crash they wait as long as they would have.
func (e *Engine) TryAllNow(ids []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range ids {
		en, ok := e.entries[id]
		switch {
		case !ok || e.stopped:
		case en.rec.State == Retry:
			e.toPending(en)
			e.saves.mark(id)
		case en.rec.State == Running:
			en.hurried = true
		}
	}
}

// Cancel ends a job as a Failure with CodeCanceled. A running one is asked to and ends within its
// step, unless that step completes the job; an ended one stays as it is.
func (e *Engine) Cancel(ctx context.Context, id string) error {
	var ended *entry
	var job Job
	err := e.controlAwake(ctx, id, func(en *entry) error {
		switch en.rec.State {
		case Pending, Paused, Retry:
			if en.asleep() {
				return errAsleep
			}
			if err := e.revive(en); err != nil {
				e.log.Error("a job that is cancelled cannot be told", "job", id, "type", en.rec.Kind, "error", err)
			}
			e.lane(en).pending.remove(en)
			if en.timer != nil {
				en.timer.Stop()
			}
			ended, job = en, en.job // which the history lets go of
			e.move(en, verdict{state: Failure, err: errCanceled})
		case Running:
			en.wish = Failure
			en.stop(errCanceled)
		}
		return nil
	})
	if ender, ok := job.(Ender); ok {
		ender.Ended(context.WithoutCancel(ctx), errCanceled)
		e.keepEnding(ended, job)
	}
	return err
}

// keepEnding notes what Ended has changed in a job that was cancelled while it waited.
func (e *Engine) keepEnding(en *entry, job Job) {
	version, data, err := job.State()
	if err != nil {
		e.log.Error("the state of a job cannot be stored", "job", en.rec.ID, "error", err)
		return
	}
	content := job.Content()
	e.mu.Lock()
	defer e.mu.Unlock()
	if en.rec.State != Failure { // somebody was quick to resubmit it
		return
	}
	en.setState(version, data)
	en.content = content
	e.saves.mark(en.rec.ID)
}

// Resubmit runs a failed job again, behind those that wait already. In every other state it gives
// ErrState, and a *RefusedError when the job does not allow it.
func (e *Engine) Resubmit(ctx context.Context, id string) error {
	return e.controlAwake(ctx, id, func(en *entry) error {
		if en.rec.State != Failure {
			return ErrState
		}
		if en.asleep() {
			return errAsleep
		}
		if err := e.revive(en); err != nil {
			return &RefusedError{id, err}
		}
		if r, ok := en.job.(Resubmitter); ok {
			if err := r.Resubmit(); err != nil {
				return &RefusedError{id, err}
			}
		}
		version, data, err := en.job.State()
		if err != nil {
			return &RefusedError{id, err}
		}
		en.setState(version, data)
		e.dropFromHistory(en)
		e.unfinished++
		e.seq++
		en.rec.Seq, en.rec.Runtime, en.rec.Attempt = e.seq, 0, 0
		en.rec.ErrorCode, en.rec.ErrorDetails, en.rec.ErrorPayload = CodeSuccess, "", nil
		en.living = &living{saved: time.Now()}
		e.toPending(en)
		return nil
	})
}

// Remove forgets an ended job and its outputs; a job that has not ended gives ErrState.
func (e *Engine) Remove(ctx context.Context, id string) error {
	return e.control(ctx, id, func(en *entry) error {
		if !en.rec.State.Ended() {
			return ErrState
		}
		e.dropFromHistory(en)
		e.forget(en)
		return nil
	})
}

// SetPriority changes the priority of a job that has not ended; else it gives ErrState.
func (e *Engine) SetPriority(ctx context.Context, id string, priority int) error {
	return e.control(ctx, id, func(en *entry) error {
		if en.rec.State.Ended() {
			return ErrState
		}
		en.rec.Priority = priority
		e.lane(en).pending.fix(en)
		return nil
	})
}

// control changes a job under the lock and returns when the change is kept; what was asked of a running job is, too.
func (e *Engine) control(ctx context.Context, id string, change func(*entry) error) error {
	en, changed, err := e.alter(id, change)
	if err != nil || !changed.any {
		return err
	}
	if changed.ended {
		defer e.announce(en, changed.ends)
	}
	return e.saves.flush(ctx, id)
}

// alteration is what became of a job.
type alteration struct {
	any   bool // there is something to keep
	ended bool
	ends  int // how often it has
}

// alter changes a job under the lock, which is free again when code of the job panics.
func (e *Engine) alter(id string, change func(*entry) error) (en *entry, changed alteration, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	en, ok := e.entries[id]
	switch {
	case !ok:
		return nil, changed, ErrUnknown
	case e.stopped:
		return nil, changed, ErrStopped
	}
	before, wished := en.rec, en.asked()
	err = change(en)
	same := before.State == en.rec.State && before.Priority == en.rec.Priority && e.entries[id] == en
	if !same {
		e.notify(en)
	}
	return en, alteration{!same || en.asked() != wished, en.rec.State.Ended(), en.ends}, err
}

func (e *Engine) dropFromHistory(en *entry) {
	if i := slices.Index(e.history, en); i >= 0 {
		e.history = slices.Delete(e.history, i, i+1)
	}
}
