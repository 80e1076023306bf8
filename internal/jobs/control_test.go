package jobs

import (
	"context"
	"errors"
	"testing"
)

// bring makes a job that is in the given state, or none ("").
func bring(t *testing.T, e *Engine, state State) (string, *scripted) {
	t.Helper()
	job := newScripted(string(state))
	if state == "" {
		return NewID(), job
	}
	if state == Pending || state == Paused { // the only slot is taken, so that the job stays where it is
		blocker := newScripted("blocker")
		reach(t, e, submit(t, e, blocker, Options{Priority: 1}), Running)
	}
	id := submit(t, e, job, Options{})
	switch state {
	case Success:
		job.steps <- finish
	case Failure:
		job.steps <- fails
	case Retry:
		job.steps <- again
	case Paused:
		if err := e.Pause(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	reach(t, e, id, state)
	return id, job
}

// Every control call in every state, as in Orthanc's job engine.
func TestControlTable(t *testing.T) {
	t.Parallel()
	type outcome struct {
		err   error
		state State // where the job ends up; "" means that it is gone
	}
	same := func(states ...State) map[State]outcome {
		m := map[State]outcome{}
		for _, s := range states {
			m[s] = outcome{nil, s}
		}
		return m
	}
	with := func(m map[State]outcome, state State, o outcome) map[State]outcome { m[state] = o; return m }
	refused := func() map[State]outcome {
		m := map[State]outcome{"": {ErrUnknown, ""}}
		for _, s := range []State{Pending, Running, Paused, Retry, Success, Failure} {
			m[s] = outcome{ErrState, s}
		}
		return m
	}
	pause := same(Paused, Success, Failure)
	for _, s := range []State{Pending, Running, Retry} {
		pause[s] = outcome{nil, Paused}
	}
	cancel := same(Success, Failure)
	for _, s := range []State{Pending, Running, Paused, Retry} {
		cancel[s] = outcome{nil, Failure}
	}
	calls := []struct {
		name string
		call func(*Engine, context.Context, string) error
		want map[State]outcome
	}{
		{"pause", (*Engine).Pause, with(pause, "", outcome{ErrUnknown, ""})},
		{"cancel", (*Engine).Cancel, with(cancel, "", outcome{ErrUnknown, ""})},
		{"resume", (*Engine).Resume, with(refused(), Paused, outcome{nil, Pending})},
		{"resubmit", (*Engine).Resubmit, with(refused(), Failure, outcome{nil, Running})},
		{"try now", (*Engine).TryNow, with(with(refused(), Retry, outcome{nil, Running}), Running, outcome{nil, Running})},
		{"remove", (*Engine).Remove, with(with(refused(), Success, outcome{nil, ""}), Failure, outcome{nil, ""})},
	}
	for _, c := range calls {
		for state, want := range c.want {
			t.Run(c.name+" "+string(state), func(t *testing.T) {
				t.Parallel()
				e := start(t, Config{Workers: 1, HistorySize: 10, Saver: newMemory()})
				id, _ := bring(t, e, state)
				if err := c.call(e, t.Context(), id); !errors.Is(err, want.err) || want.err == nil && err != nil {
					t.Errorf("error %v, want %v", err, want.err)
				}
				if want.state == "" {
					if _, ok := e.Get(id); ok {
						t.Error("the job is still there")
					}
					return
				}
				info := reach(t, e, id, want.state)
				if c.name == "cancel" && state != Success && state != Failure && info.ErrorCode != CodeCanceled {
					t.Errorf("error code %d", info.ErrorCode)
				}
			})
		}
	}
}

func TestResubmitStartsOver(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	id, job := bring(t, e, Failure)
	if err := e.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	info := reach(t, e, id, Running)
	if info.ErrorCode != CodeSuccess || info.ErrorDetails != "" || info.Err() != nil {
		t.Errorf("the failure is still shown: %+v", info)
	}
	job.steps <- finish
	if info, err := e.Wait(t.Context(), id); err != nil || info.State != Success {
		t.Errorf("%v %v", info.State, err)
	}
}

func TestResubmitRefused(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	id, job := bring(t, e, Failure)
	job.refuse = Failf(CodeSequence, "cannot be done twice")
	var refused *RefusedError
	if err := e.Resubmit(t.Context(), id); !errors.As(err, &refused) || CodeOf(err) != CodeSequence {
		t.Errorf("error %v", err)
	}
	reach(t, e, id, Failure)
}

// A job whose last step succeeds is a success, whatever was asked while that step ran.
func TestLastStepWins(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	inside, release := make(chan struct{}), make(chan struct{})
	job := newScripted("deaf")
	job.steps <- func() (Result, error) { close(inside); <-release; return finish() }
	id := submit(t, e, job, Options{})
	<-inside
	if err := e.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	close(release)
	if info, err := e.Wait(t.Context(), id); err != nil || info.State != Success {
		t.Errorf("%v %v", info.State, err)
	}
}

// A cancel after a pause is not lost, and a pause after a cancel does not undo it.
func TestCancelOutweighsPause(t *testing.T) {
	t.Parallel()
	for _, calls := range [][]func(*Engine, context.Context, string) error{
		{(*Engine).Pause, (*Engine).Cancel}, {(*Engine).Cancel, (*Engine).Pause},
	} {
		e := start(t, Config{Workers: 1, HistorySize: 10})
		inside, release := make(chan struct{}), make(chan struct{})
		job := newScripted("deaf")
		job.steps <- func() (Result, error) { close(inside); <-release; return goOn() }
		id := submit(t, e, job, Options{})
		<-inside
		for _, call := range calls {
			if err := call(e, t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		close(release)
		if info := reach(t, e, id, Failure, Paused); info.ErrorCode != CodeCanceled {
			t.Errorf("%s with code %d", info.State, info.ErrorCode)
		}
	}
}

func TestEndedIsTold(t *testing.T) {
	t.Parallel()
	for state, want := range map[State]Code{Pending: CodeCanceled, Running: CodeCanceled, Paused: CodeCanceled, Retry: CodeCanceled} {
		e := start(t, Config{Workers: 1, HistorySize: 10, Factories: factory(nil)})
		id, job := bring(t, e, state)
		job.endings = make(chan error, 1)
		if err := e.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		reach(t, e, id, Failure)
		if state != Running && len(job.endings) == 0 { // Cancel itself has told it
			t.Errorf("%s: not told", state)
			continue
		}
		if got := CodeOf(<-job.endings); got != want {
			t.Errorf("%s: told %d, want %d", state, got, want)
		}
	}
}

func TestSetPriorityReorders(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	started := make(chan string, 8)
	blocker := newScripted("blocker")
	first := submit(t, e, blocker, Options{})
	reach(t, e, first, Running)
	var ids []string
	for _, name := range []string{"a", "b", "c"} {
		job := newScripted(name)
		job.started = started
		job.steps <- finish
		ids = append(ids, submit(t, e, job, Options{}))
	}
	if err := e.SetPriority(t.Context(), ids[2], 5); err != nil {
		t.Fatal(err)
	}
	blocker.steps <- finish
	if got := <-started + <-started + <-started; got != "cab" {
		t.Errorf("order %s", got)
	}
	if _, err := e.Wait(t.Context(), ids[1]); err != nil {
		t.Fatal(err)
	}
	if err := e.SetPriority(t.Context(), first, 1); !errors.Is(err, ErrState) {
		t.Errorf("an ended job: %v", err)
	}
}
