package jobs

import (
	"context"
	"sync"
	"testing"
)

// slow is a job that takes its time to say where it stands after a step, once.
type slow struct {
	*scripted
	once            sync.Once
	inside, release chan struct{}
}

func (j *slow) State() (int, []byte, error) {
	if j.Done > 0 {
		j.once.Do(func() { close(j.inside); <-j.release })
	}
	return j.scripted.State()
}

// stopping is a call that stops a job, and what becomes of the job.
type stopping struct {
	name  string
	ask   func(*Engine, context.Context, string) error
	state State
	code  Code
}

func stoppings() []stopping {
	return []stopping{
		{"pause", (*Engine).Pause, Paused, CodeSuccess},
		{"cancel", (*Engine).Cancel, Failure, CodeCanceled},
	}
}

// What is asked after a step has ended, while the job leaves its slot for a time, is not lost.
func TestAskedWhileTheJobLeavesItsSlot(t *testing.T) {
	t.Parallel()
	for _, c := range stoppings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := start(t, Config{Workers: 1, HistorySize: 10, Factories: factory(nil)})
			job := &slow{scripted: newScripted(c.name), inside: make(chan struct{}), release: make(chan struct{})}
			job.endings = make(chan error, 1)
			job.steps <- again
			id := submit(t, e, job, Options{})
			<-job.inside
			if err := c.ask(e, t.Context(), id); err != nil {
				t.Fatal(err)
			}
			close(job.release)
			if info := reach(t, e, id, Retry, c.state); info.State != c.state || info.ErrorCode != c.code {
				t.Errorf("%s with code %d", info.State, info.ErrorCode)
			}
			if told := len(job.endings) == 1; told != (c.state == Failure) {
				t.Errorf("told of its end: %v", told)
			}
		})
	}
}

// A pause or cancel of a running job that was acknowledged holds, even if the process is killed before the step has ended.
func TestWhatARunningJobWasAskedSurvivesACrash(t *testing.T) {
	t.Parallel()
	for _, c := range stoppings() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			saved := newMemory()
			e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved})
			inside, release := make(chan struct{}), make(chan struct{})
			defer close(release)
			job := newScripted("deaf")
			job.steps <- func() (Result, error) { close(inside); <-release; return goOn() }
			id := submit(t, e, job, Options{})
			<-inside
			if err := c.ask(e, t.Context(), id); err != nil {
				t.Fatal(err)
			}

			left, endings := saved.crash(), make(chan error, 1)
			after := start(t, Config{Workers: 1, HistorySize: 10, Saver: left, Factories: map[string]Factory{
				"Scripted": func(int, []byte) (Job, error) {
					job := newScripted("restored")
					job.endings = endings
					return job, nil
				}}})
			if info, _ := after.Get(id); info.State != c.state || info.ErrorCode != c.code {
				t.Errorf("after the crash: %s with code %d", info.State, info.ErrorCode)
			}
			if kept, _ := left.get(id); kept.State != c.state {
				t.Errorf("kept as %s", kept.State)
			}
			if told := len(endings) == 1; told != (c.state == Failure) {
				t.Errorf("told of its end: %v", told)
			}
		})
	}
}
