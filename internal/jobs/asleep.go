package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Sleeper is a job of which nothing but its State is needed while it waits. The engine lets go of it then, and has its
// Factory make it again for its next step, so that a long queue takes little memory.
type Sleeper interface {
	// Sleeps reports whether this one may be let go of. It is asked while no step runs.
	Sleeps() bool
}

// errAsleep means that a job has to be loaded first.
var errAsleep = errors.New("jobs: the job is not loaded")

// setState notes the private state of a job, nil if it needs none any more. Engine.mu is held.
func (en *entry) setState(version int, data []byte) {
	en.rec.Version, en.rec.Data = version, data
	en.durable = false
	en.states++
}

// asleep reports whether a job cannot be made again before its state is loaded. Engine.mu is held.
func (en *entry) asleep() bool { return en.job == nil && en.rec.Data == nil && en.durable }

// hasSaved notes that the Saver holds a state of a job, and lets go of what it can give back. Engine.mu is held.
func (e *Engine) hasSaved(en *entry, states int64) {
	if e.cfg.Saver == nil || en.states != states {
		return
	}
	en.durable, en.rec.Data = true, nil
	if en.rec.State == Running || en.rec.State.Ended() || e.cfg.Factories[en.rec.Kind] == nil {
		return
	}
	if s, ok := en.job.(Sleeper); !ok || !s.Sleeps() {
		return
	}
	if content, err := json.Marshal(en.content); err == nil {
		en.job, en.content = nil, json.RawMessage(content)
	}
}

// haveSaved is hasSaved for many, each with the number of its state that was written.
func (e *Engine) haveSaved(states map[string]int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, number := range states {
		if en, ok := e.entries[id]; ok {
			e.hasSaved(en, number)
		}
	}
}

// fetch gets the state of a job back from the Saver, if that is where it is.
func (e *Engine) fetch(ctx context.Context, en *entry) error {
	e.mu.Lock()
	asleep, states := en.asleep(), en.states
	e.mu.Unlock()
	if !asleep {
		return nil
	}
	data, err := e.cfg.Saver.State(ctx, en.rec.ID)
	if err != nil {
		return fmt.Errorf("jobs: load the state of a %s: %w", en.rec.Kind, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if en.asleep() && en.states == states {
		en.rec.Data = append([]byte{}, data...) // not nil, whatever it was
	}
	return nil
}

// wake makes a job again that was let go of while it waited. It runs in the job's own goroutine.
func (e *Engine) wake(ctx context.Context, en *entry) error {
	if en.job != nil {
		return nil
	}
	for {
		err := e.fetch(ctx, en)
		if errors.Is(err, ErrUnknown) {
			return err
		}
		if err != nil {
			return Again(Fail(CodeDatabase, err))
		}
		if err := e.reviveLoaded(en); !errors.Is(err, errAsleep) {
			return err
		}
	}
}

// reviveLoaded makes a job again from the state that was loaded; errAsleep when that was let go of meanwhile, because the
// job was stored once more.
func (e *Engine) reviveLoaded(en *entry) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if en.asleep() {
		return errAsleep
	}
	err := e.revive(en)
	if en.durable {
		en.rec.Data = nil
	}
	return err
}

// controlAwake is control for a change that needs the job itself, and answers errAsleep while it is not loaded.
func (e *Engine) controlAwake(ctx context.Context, id string, change func(*entry) error) error {
	for {
		err := e.control(ctx, id, change)
		if !errors.Is(err, errAsleep) {
			return err
		}
		e.mu.Lock()
		en, ok := e.entries[id]
		e.mu.Unlock()
		if !ok {
			return ErrUnknown
		}
		if err := e.fetch(ctx, en); err != nil {
			return err
		}
	}
}
