package jobs

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// sleeper is a scripted job of which nothing but the name is needed while it waits.
type sleeper struct{ *scripted }

func (sleeper) Sleeps() bool { return true }

func sleepers(started chan string, endings chan error) map[string]Factory {
	return map[string]Factory{"Scripted": func(_ int, data []byte) (Job, error) {
		job := newScripted("")
		job.started, job.endings = started, endings
		job.steps <- finish
		return sleeper{job}, json.Unmarshal(data, job)
	}}
}

// A job that waits is not in memory, and is the same when it is run, cancelled, resubmitted or shown.
func TestWaitingJobsSleep(t *testing.T) {
	t.Parallel()
	saved, started, endings := newMemory(), make(chan string, 8), make(chan error, 8)
	e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved, Factories: sleepers(started, endings)})
	first := newScripted("first")
	blocker := submit(t, e, first, Options{})
	reach(t, e, blocker, Running)
	id := submit(t, e, sleeper{newScripted("second")}, Options{})
	asleep := func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.entries[id].asleep()
	}
	if !asleep() {
		t.Error("it is in memory")
	}
	if err := errors.Join(e.SetPriority(t.Context(), id, 5), e.Pause(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if r, _ := saved.get(id); r.State != Paused || string(r.Data) != `{"Done":0,"Name":"second"}` || string(r.Content) != string(r.Data) || !asleep() {
		t.Errorf("kept: %s %s %s", r.State, r.Data, r.Content)
	}
	if err := e.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := <-endings; CodeOf(err) != CodeCanceled {
		t.Errorf("it was told %v", err)
	}
	if err := e.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	first.steps <- finish
	if name := <-started; name != "second" {
		t.Errorf("%s runs", name)
	}
	if info, err := e.Wait(t.Context(), id); err != nil || info.State != Success {
		t.Errorf("%s %s, %v", info.State, info.ErrorDetails, err)
	}
}

// A job that cannot be loaded is tried again, not lost.
func TestSleepingJobIsLoadedLater(t *testing.T) {
	t.Parallel()
	saved, started := newMemory(), make(chan string, 8)
	e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved, Factories: sleepers(started, nil),
		Retry: RetryPolicy{Base: time.Hour}})
	first := newScripted("first")
	reach(t, e, submit(t, e, first, Options{}), Running)
	id := submit(t, e, sleeper{newScripted("second")}, Options{})
	broken := errors.New("the disk is away")
	saved.breakDown(broken)
	if err := e.Cancel(t.Context(), id); !errors.Is(err, broken) {
		t.Errorf("cancel: %v", err)
	}
	first.steps <- finish
	if info := reach(t, e, id, Retry, Failure); info.State != Retry || info.ErrorCode != CodeDatabase {
		t.Errorf("%s %d %s", info.State, info.ErrorCode, info.ErrorDetails)
	}
	saved.breakDown(nil)
	if err := e.TryNow(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info, err := e.Wait(t.Context(), id); err != nil || info.State != Success {
		t.Errorf("%s %s, %v", info.State, info.ErrorDetails, err)
	}
}
