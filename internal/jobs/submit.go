package jobs

import (
	"context"
	"fmt"
	"time"
)

// Handle is what a [Bound] job knows of itself.
type Handle struct {
	e  *Engine
	en *entry
}

// ID returns the id of the job.
func (h Handle) ID() string { return h.en.rec.ID }

// Publish shows the job's present progress and content to users before the step ends. Only a step may call it.
func (h Handle) Publish() { h.e.publish(h.en) }

// StepAside gives the slot of a running job to the next that waits for one, and lets the job run on beside: for a step
// that turns out to depend on somebody else, such as a peer that hangs. The job's kind has to bound how many do. It may be
// called from any goroutine.
func (h Handle) StepAside() {
	h.e.mu.Lock()
	defer h.e.mu.Unlock()
	if h.en.living == nil || h.en.rec.State != Running || h.en.beside {
		return
	}
	h.en.beside = true
	l := h.e.lane(h.en)
	l.running--
	h.e.dispatch(l)
}

// Record returns the job as it stands now, for a transaction of the job's own that changes the store
// and notes the progress at once. Only a step may call it.
func (h Handle) Record() (Record, error) {
	if err := h.e.capture(h.en); err != nil {
		return Record{}, err
	}
	h.e.mu.Lock()
	defer h.e.mu.Unlock()
	return h.en.stored()
}

// Submit adds a job and returns its id once the job is kept. When the engine holds Limit unfinished
// jobs it waits for one to end, or answers ErrQueueFull if the options say so.
func (e *Engine) Submit(ctx context.Context, job Job, o Options) (string, error) {
	en, err := e.submit(ctx, job, o)
	if err != nil {
		return "", err
	}
	return en.rec.ID, nil
}

// Run submits a job and waits for its end. If ctx ends first the job goes on.
func (e *Engine) Run(ctx context.Context, job Job, o Options) (Info, error) {
	en, err := e.submit(ctx, job, o)
	if err != nil {
		return Info{}, err
	}
	return e.wait(ctx, en)
}

func (e *Engine) submit(ctx context.Context, job Job, o Options) (*entry, error) {
	seq, err := e.reserve(ctx, o.NoWait)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	en := &entry{job: job, index: -1, unborn: true, living: &living{saved: now}}
	en.rec = Record{
		ID: o.ID, Kind: job.Kind(), State: Pending, Priority: o.Priority, Seq: seq,
		Created: now, Changed: now, UserData: o.UserData,
	}
	if o.ID == "" {
		en.rec.ID = NewID()
	}
	// From here on the job is accepted: a caller who leaves does not leave it half kept.
	if err := e.keep(context.WithoutCancel(ctx), en, o); err != nil {
		e.mu.Lock()
		e.leave()
		e.mu.Unlock()
		return nil, fmt.Errorf("jobs: keep the new job: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	states := en.states
	e.entries[en.rec.ID], en.unborn = en, false
	e.count(en, Pending)
	if en.beside = o.Beside && e.started && !e.stopped; en.beside {
		e.launch(en)
		return en, nil
	}
	e.lane(en).pending.add(en)
	e.notify(en)
	e.dispatch(e.lane(en))
	e.hasSaved(en, states)
	return en, nil
}

// keep binds a new job and makes it durable before anybody can see it.
func (e *Engine) keep(ctx context.Context, en *entry, o Options) error {
	if b, ok := en.job.(Bound); ok {
		b.Bind(Handle{e, en})
	}
	if err := e.capture(en); err != nil {
		return err
	}
	rec, err := en.stored()
	switch {
	case err != nil:
		return err
	case o.Save != nil:
		return o.Save(ctx, rec)
	case e.cfg.Saver != nil:
		return e.cfg.Saver.Save(ctx, []Record{rec})
	}
	return nil
}

func (e *Engine) policy(job Job) RetryPolicy {
	if r, ok := job.(Retrier); ok {
		return r.RetryPolicy()
	}
	return e.cfg.Retry
}

// restore puts a kept job back. Engine.mu is held.
func (e *Engine) restore(r Record) {
	en := &entry{rec: r, index: -1, content: rawContent(r.Content)}
	en.rec.Content = nil
	e.entries[r.ID] = en
	defer func() {
		e.count(en, en.rec.State)
		e.hasSaved(en, en.states)
	}()
	e.seq = max(e.seq, r.Seq)
	en.kept = r.State.Ended()
	if r.State.Ended() {
		en.used = r.Changed
		if r.State == Success && e.outputs.holds(r.ID) {
			e.describeOutputs(en)
		}
		e.remember(en)
		return
	}
	if err := e.revive(en); err != nil {
		e.log.Error("a kept job cannot go on", "job", r.ID, "type", r.Kind, "error", err)
		en.rec.State, en.rec.Changed = Failure, time.Now()
		en.rec.ErrorCode, en.rec.ErrorDetails = CodeOf(err), err.Error()
		en.kept = true
		e.history = append(e.history, en)
		e.saves.mark(r.ID)
		return
	}
	en.living = &living{saved: time.Now()}
	en.rec.Done, en.rec.Total = en.job.Progress()
	en.content = en.job.Content()
	e.unfinished++
	switch {
	case r.toCancel(): // by Start
		en.rec.State, en.rec.ErrorCode = Paused, CodeSuccess
	case r.State == Paused:
	case r.State == Retry:
		// A clock that was set back since must not make it wait longer than it was to.
		e.waitForRetry(en, min(time.Until(r.NextAttempt), r.NextAttempt.Sub(r.Changed)))
	default:
		en.rec.State = Pending
		e.lane(en).pending.add(en)
	}
}

// revive makes the job of an entry again from its record, if it is not there. Engine.mu is held.
func (e *Engine) revive(en *entry) error {
	if en.job != nil {
		return nil
	}
	factory, ok := e.cfg.Factories[en.rec.Kind]
	if !ok {
		return Failf(CodeInternal, "jobs: no job type %q in this version", en.rec.Kind)
	}
	job, err := factory(en.rec.Version, en.rec.Data)
	if err != nil {
		return fmt.Errorf("jobs: restore a %s of version %d: %w", en.rec.Kind, en.rec.Version, err)
	}
	en.job = job
	if b, ok := job.(Bound); ok {
		b.Bind(Handle{e, en})
	}
	return nil
}
