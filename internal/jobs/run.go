package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// saveInterval bounds how often progress alone is stored.
const saveInterval = time.Second

// launch begins to run a job. Engine.mu is held.
func (e *Engine) launch(en *entry) {
	ctx, stop := context.WithCancelCause(e.ctx)
	en.stop, en.wish, en.hurried, en.since = stop, "", false, time.Now()
	en.rec.State, en.rec.Changed = Running, en.since
	e.count(en, Running)
	e.notify(en)
	e.active.Add(1)
	go e.run(ctx, en)
}

// run does the steps of a job until it ends or leaves the state Running.
func (e *Engine) run(ctx context.Context, en *entry) {
	defer e.active.Done()
	log := e.log.With("job", en.rec.ID, "type", en.rec.Kind)
	for {
		res, err := Result{}, e.wake(ctx, en)
		if err == nil {
			res, err = safeStep(ctx, en.job)
			e.publish(en)
		}
		next := e.judge(en, res, err)
		if next.state != Running {
			log.Debug("job leaves its slot", "state", next.state, "error", next.err)
			e.settle(en, next)
			return
		}
		e.between(en, res)
	}
}

// safeStep runs one step; a panic in it costs only this job.
func safeStep(ctx context.Context, job Job) (res Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Failf(CodeInternal, "jobs: panic in a step: %v\n%s", p, debug.Stack())
		}
	}()
	return job.Step(ctx)
}

// verdict is where a job goes after a step.
type verdict struct {
	state State
	err   error         // why it failed, or is tried again
	delay time.Duration // in state Retry
}

// judge decides what follows from a step. A job whose last step succeeded is a success whatever was
// asked meanwhile; a cancel outweighs a pause; both outweigh an error, which may be their effect.
func (e *Engine) judge(en *entry, res Result, err error) verdict {
	e.mu.Lock()
	defer e.mu.Unlock()
	var again *againError
	switch {
	case err == nil && res.Done:
		return verdict{state: Success}
	case en.wish == Failure:
		return verdict{state: Failure, err: errCanceled}
	case en.wish == Paused:
		return verdict{state: Paused}
	case e.stopped:
		return verdict{state: Pending}
	case err == nil && res.RetryAfter > 0:
		en.rec.Attempt = 0
		return verdict{state: Retry, delay: res.RetryAfter}
	case err == nil:
		en.rec.Attempt, en.hurried = 0, false
		return verdict{state: Running}
	case errors.As(err, &again):
		en.rec.Attempt++
		if delay, ok := e.policy(en.job).Delay(en.rec.Attempt); ok {
			return verdict{state: Retry, err: err, delay: delay}
		}
		return verdict{state: Failure, err: fmt.Errorf("given up after %d attempts: %w", en.rec.Attempt, err)}
	default:
		return verdict{state: Failure, err: err}
	}
}

// between stores progress between two steps, as often as it is due.
func (e *Engine) between(en *entry, res Result) {
	now := time.Now()
	if !res.Save && now.Sub(en.saved) < saveInterval {
		return
	}
	en.saved = now
	e.takeState(en)
	if res.Save {
		e.flush(en.rec.ID)
	} else {
		e.saves.mark(en.rec.ID)
	}
}

// settle moves a job out of its slot; those who wait hear of it when it is kept.
func (e *Engine) settle(en *entry, v verdict) {
	if v.state == Success {
		if err := e.keepOutputs(en); err != nil {
			v = verdict{state: Failure, err: err}
		}
	}
	if v.state.Ended() {
		if ender, ok := en.job.(Ender); ok {
			ender.Ended(context.WithoutCancel(e.ctx), v.err)
			e.publish(en)
		}
	}
	if en.job != nil {
		e.takeState(en)
	}
	if v.state.Ended() {
		e.freeze(en)
	}
	e.mu.Lock()
	if later, ok := en.overtaken(v); ok {
		e.mu.Unlock()
		e.settle(en, later)
		return
	}
	now := time.Now()
	en.stop(nil)
	en.stop, en.wish = nil, ""
	en.rec.Runtime += now.Sub(en.since)
	if !en.beside {
		e.lane(en).running--
	}
	en.beside = false
	e.move(en, v)
	if en.ending = v.state.Ended(); !en.ending {
		e.notify(en) // an end is told when it is kept
	}
	if v.state == Retry && en.hurried {
		e.toPending(en)
	}
	e.dispatch(e.lane(en))
	ends := en.ends
	e.mu.Unlock()
	e.flush(en.rec.ID)
	e.announce(en, ends)
}

// overtaken gives another verdict on a job that was asked to pause or cancel after it was judged: what was acknowledged
// must not be lost. Engine.mu is held.
func (en *entry) overtaken(v verdict) (verdict, bool) {
	switch {
	case v.state.Ended() || en.wish == "" || en.wish == v.state:
		return v, false
	case en.wish == Failure:
		return verdict{state: Failure, err: errCanceled}, true
	}
	return verdict{state: Paused}, true
}

// move gives a job that holds no slot its new state. Engine.mu is held.
func (e *Engine) move(en *entry, v verdict) {
	before := en.rec.State
	en.rec.State, en.rec.Changed = v.state, time.Now()
	e.count(en, v.state)
	e.observeMove(en, before)
	en.rec.ErrorCode, en.rec.ErrorDetails, en.rec.ErrorPayload = CodeSuccess, "", nil
	if v.err != nil {
		en.rec.ErrorCode, en.rec.ErrorDetails, en.rec.ErrorPayload = CodeOf(v.err), detailsOf(v.err), payloadOf(v.err)
	}
	switch v.state {
	case Pending:
		e.lane(en).pending.add(en)
	case Retry:
		en.rec.NextAttempt = en.rec.Changed.Add(v.delay)
		e.waitForRetry(en, v.delay)
	case Success, Failure:
		e.end(en)
	}
}

// end puts a job into the history, without what only a living job needs. Engine.mu is held.
func (e *Engine) end(en *entry) {
	switch _, leaves := en.job.(Outputter); {
	case en.rec.State == Success:
		en.job, en.used = nil, en.rec.Changed
		if !leaves {
			en.setState(en.rec.Version, nil)
		}
	case leaves:
		e.dropOutputs(en.rec.ID)
	}
	if e.cfg.Factories[en.rec.Kind] != nil {
		en.job = nil // a resubmit makes it again from its state
	}
	en.living = nil
	en.ends++
	e.remember(en)
	e.leave()
	if len(en.outputs) > 0 {
		e.evictOutputs()
	}
	e.trim()
}

// remember puts a job that has ended into the history. What many have in common, like a peer that is away, is held once.
// Engine.mu is held.
func (e *Engine) remember(en *entry) {
	if last := len(e.history) - 1; last >= 0 {
		before := &e.history[last].rec
		if before.ErrorDetails == en.rec.ErrorDetails {
			en.rec.ErrorDetails = before.ErrorDetails
		}
		if before.Kind == en.rec.Kind {
			en.rec.Kind = before.Kind
		}
	}
	e.history = append(e.history, en)
}

// trim forgets the oldest ended jobs beyond the size of the history. Engine.mu is held.
func (e *Engine) trim() {
	for len(e.history) > max(e.cfg.HistorySize, 0) {
		old := e.history[0]
		e.history[0] = nil
		e.history = e.history[1:]
		e.forget(old)
	}
}

// forget drops an ended job. Engine.mu is held.
func (e *Engine) forget(en *entry) {
	delete(e.entries, en.rec.ID)
	if en.kept {
		e.notifyGone(en)
	}
	e.count(en, "")
	if en.outputs != nil && !en.evicted {
		e.dropOutputs(en.rec.ID)
	}
	e.saves.mark(en.rec.ID)
}

// waitForRetry makes the job pending after the delay. Engine.mu is held.
func (e *Engine) waitForRetry(en *entry, delay time.Duration) {
	en.timer = time.AfterFunc(max(delay, 0), func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if en.rec.State == Retry && !e.stopped {
			e.toPending(en)
		}
	})
}

// toPending queues a job that waited in Paused, Retry or Failure. Engine.mu is held.
func (e *Engine) toPending(en *entry) {
	if en.timer != nil {
		en.timer.Stop()
		en.timer = nil
	}
	en.rec.State, en.rec.Changed, en.kept, en.ending = Pending, time.Now(), false, false
	e.count(en, Pending)
	e.lane(en).pending.add(en)
	e.notify(en)
	e.dispatch(e.lane(en))
}

// publish takes progress and content from the job, between steps or within one.
func (e *Engine) publish(en *entry) {
	done, total := en.job.Progress()
	content := en.job.Content()
	e.mu.Lock()
	defer e.mu.Unlock()
	en.rec.Done, en.rec.Total, en.content = done, total, content
	e.notify(en)
}

// capture is publish and the private state.
func (e *Engine) capture(en *entry) error {
	version, data, err := en.job.State()
	if err != nil {
		return fmt.Errorf("jobs: state of a %s: %w", en.rec.Kind, err)
	}
	e.publish(en)
	e.mu.Lock()
	defer e.mu.Unlock()
	en.setState(version, data)
	return nil
}

func (e *Engine) takeState(en *entry) {
	if err := e.capture(en); err != nil {
		e.log.Error("the state of a job cannot be stored", "job", en.rec.ID, "error", err)
	}
}

// announce tells those who watch a job that the state is kept which it had when it had ended so often; it may have been
// run again since, and have ended anew.
func (e *Engine) announce(en *entry, ends int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if en.ends == ends {
		en.kept, en.ending = en.rec.State.Ended(), false
	}
	e.notify(en)
	if e.entries[en.rec.ID] != en && !en.gone {
		e.notifyGone(en)
	}
}

// freeze keeps the content of a job that has ended as text: it is shown again and again, and changes no more.
func (e *Engine) freeze(en *entry) {
	content, err := json.Marshal(en.content)
	if err != nil {
		return // said when it is stored
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	en.content = json.RawMessage(content)
}
