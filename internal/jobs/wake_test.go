package jobs

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// stubborn is a job that sleeps while it waits, and is never done.
type stubborn struct{ sleeper }

func (stubborn) Step(context.Context) (Result, error) { return again() }

// A job that is stored again in the moment in which it is loaded is loaded all the same.
func TestSleepingJobIsStoredWhileItIsLoaded(t *testing.T) {
	t.Parallel()
	e := start(t, Config{HistorySize: 10, Saver: newMemory(), Factories: map[string]Factory{
		"Scripted": func(_ int, data []byte) (Job, error) {
			job := newScripted("")
			return stubborn{sleeper{job}}, json.Unmarshal(data, job)
		}}})
	id := submit(t, e, stubborn{sleeper{newScripted("it")}}, Options{})
	for range 500 {
		if info := reach(t, e, id, Retry, Failure); info.State == Failure {
			t.Fatalf("attempt %d: %s", info.Attempt, info.ErrorDetails)
		}
		if err := e.TryNow(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// A job that is to be tried now while an attempt is ending does not miss it.
func TestTryNowOfARunningJob(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		step func() (Result, error)
		want State
	}{
		"failed":  {again, Running},
		"waits":   {func() (Result, error) { return Result{RetryAfter: time.Hour}, nil }, Running},
		"success": {finish, Success},
		"failure": {fails, Failure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, Config{HistorySize: 10, Saver: newMemory()})
			job := newScripted("it")
			job.started = make(chan string, 8)
			id := submit(t, e, job, Options{})
			<-job.started
			job.steps <- func() (Result, error) {
				if err := e.TryNow(t.Context(), id); err != nil {
					t.Error(err)
				}
				return row.step()
			}
			if row.want == Running {
				select {
				case <-job.started:
				case <-time.After(time.Minute):
					t.Error("it waits for its next attempt")
				}
				job.steps <- again // and that is all
				row.want = Retry
			}
			reach(t, e, id, row.want)
		})
	}
}

// A job that panics while it is asked something costs that call alone.
func TestPanicInAControlCall(t *testing.T) {
	t.Parallel()
	e := start(t, Config{HistorySize: 10})
	job := &fragile{newScripted("it")}
	job.steps <- fails
	id := submit(t, e, job, Options{})
	reach(t, e, id, Failure)
	func() {
		defer func() { _ = recover() }()
		_ = e.Resubmit(t.Context(), id)
		t.Error("no panic")
	}()
	if info, known := e.Get(id); !known || info.State != Failure {
		t.Errorf("%v %s", known, info.State)
	}
}

// fragile is a job that cannot be asked to begin again.
type fragile struct{ *scripted }

func (*fragile) Resubmit() error { panic("out of order") }

// Many jobs are tried at once without a wait for the disk: whoever brings them about has something to answer.
func TestTryAllNowWaitsForNothing(t *testing.T) {
	t.Parallel()
	saver := &heldMemory{newMemory(), make(chan struct{}), make(chan struct{})}
	e := start(t, Config{Workers: 2, HistorySize: 10, Saver: saver})
	jobs := []*scripted{newScripted("one"), newScripted("two"), newScripted("three")}
	var ids []string
	for _, job := range jobs {
		job.steps <- again
		ids = append(ids, submit(t, e, job, Options{}))
		reach(t, e, ids[len(ids)-1], Retry)
	}
	last := newScripted("last")
	submit(t, e, last, Options{})
	last.steps <- finish
	<-saver.reached // and nothing can be kept
	e.TryAllNow(append(ids, NewID()))
	for _, job := range jobs {
		job.steps <- finish
	}
	close(saver.goOn)
	for _, id := range ids {
		reach(t, e, id, Success)
	}
}
