package jobs

import (
	"maps"
	"sync/atomic"
	"testing"
	"time"
)

// The totals say what a walk through all jobs would, after every kind of change.
func TestTotalsFollowTheJobs(t *testing.T) {
	t.Parallel()
	kept := newMemory()
	var ended, retried, full atomic.Int32
	cfg := Config{Workers: 1, HistorySize: 1, Saver: kept, Observer: &Observer{
		Ended:   func(string, State, time.Duration) { ended.Add(1) },
		Retried: func(string) { retried.Add(1) },
	}}
	e := start(t, cfg)
	check := func(e *Engine, after string) {
		t.Helper()
		walked := map[State]int{}
		for info := range e.Infos() {
			walked[info.State]++
		}
		counted := map[State]int{}
		for _, total := range e.Totals() {
			if total.Kind != "Scripted" || total.Count < 0 {
				t.Errorf("after %s: %+v", after, total)
			}
			if total.Count > 0 {
				counted[total.State] = total.Count
			}
		}
		if !maps.Equal(walked, counted) {
			t.Errorf("after %s: counted %v, walked %v", after, counted, walked)
		}
	}
	check(e, "nothing")
	if _, ok := e.Oldest("Scripted"); ok {
		t.Error("there is an oldest of no jobs")
	}
	first, id := newScripted("first"), ""
	id = submit(t, e, first, Options{})
	waiting := submit(t, e, newScripted("waiting"), Options{})
	check(e, "submit")
	first.steps <- again
	reach(t, e, id, Retry)
	check(e, "retry")
	if at, ok := e.Oldest("Scripted"); !ok || !at.Equal(reach(t, e, id, Retry).Created) {
		t.Errorf("the oldest is of %v", at)
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"pause", func() error { return e.Pause(t.Context(), id) }},
		{"resume", func() error { return e.Resume(t.Context(), id) }},
		{"cancel", func() error { return e.Cancel(t.Context(), id) }},
		{"resubmit", func() error { return e.Resubmit(t.Context(), id) }},
		{"cancel again", func() error { return e.Cancel(t.Context(), id) }},
		{"cancel the other, the history forgets one", func() error {
			err := e.Cancel(t.Context(), waiting)
			reach(t, e, waiting, Failure) // it ran
			return err
		}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		check(e, step.name)
	}
	reach(t, e, waiting, Failure)
	check(e, "the end")
	if _, ok := e.Oldest("Scripted"); ok || ended.Load() != 3 || retried.Load() != 1 {
		t.Errorf("oldest %v, %d ended, %d retried", ok, ended.Load(), retried.Load())
	}
	limited := Config{Workers: 1, Limit: 1, Observer: &Observer{Full: func() { full.Add(1) }}}
	small := start(t, limited)
	submit(t, small, newScripted("the only one"), Options{})
	if _, err := small.Submit(t.Context(), newScripted("too many"), Options{NoWait: true}); err == nil || full.Load() != 1 {
		t.Errorf("error %v, told %d times that it is full", err, full.Load())
	}
}

// What is restored is counted, too.
func TestTotalsAfterARestart(t *testing.T) {
	t.Parallel()
	kept := newMemory()
	e := New(Config{Workers: 1, Saver: kept})
	submit(t, e, newScripted("one"), Options{})
	factories := map[string]Factory{"Scripted": func(int, []byte) (Job, error) { return newScripted("restored"), nil }}
	next := start(t, Config{Workers: 1, Saver: kept.crash(), Factories: factories})
	if _, ok := next.Oldest("Scripted"); !ok {
		t.Error("a restored job is not open")
	}
	sum := 0
	for _, total := range next.Totals() {
		sum += total.Count
	}
	if sum != 1 {
		t.Errorf("%d jobs after the restart, want 1", sum)
	}
}
