package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// factory restores scripted jobs that tell when they start and finish in one step.
func factory(started chan string) map[string]Factory {
	return map[string]Factory{"Scripted": func(version int, data []byte) (Job, error) {
		if version != 1 {
			return nil, errors.New("unknown version")
		}
		job := newScripted("")
		job.started = started
		job.steps <- finish
		return job, json.Unmarshal(data, job)
	}}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (j *scripted) UnmarshalJSON(data []byte) error {
	var state struct {
		Name string
		Done int
	}
	err := json.Unmarshal(data, &state)
	j.Name, j.Done = state.Name, state.Done
	return err
}

func TestUnfinishedJobsGoOnInTheirOrder(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved})
	running := newScripted("running")
	running.steps <- goSave
	first := submit(t, e, running, Options{Priority: 9})
	for info, changed, _ := e.Watch(first); info.Done == 0; info, changed, _ = e.Watch(first) {
		<-changed
	}
	submit(t, e, newScripted("low"), Options{Priority: -1})
	submit(t, e, newScripted("b"), Options{})
	paused := submit(t, e, newScripted("paused"), Options{Priority: 7})
	submit(t, e, newScripted("c"), Options{})
	if err := e.Pause(t.Context(), paused); err != nil {
		t.Fatal(err)
	}

	started := make(chan string, 10)
	after := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved.crash(), Factories: factory(started)})
	for _, want := range []string{"running", "b", "c", "low"} {
		if got := <-started; got != want {
			t.Fatalf("%s goes on, want %s", got, want)
		}
	}
	if info, err := after.Wait(t.Context(), first); err != nil || info.Done != 2 {
		t.Errorf("the running job has done %d steps: %v", info.Done, err)
	}
	if info, _ := after.Get(paused); info.State != Paused {
		t.Errorf("the paused job is %s", info.State)
	}
	if err := after.Resume(t.Context(), paused); err != nil {
		t.Fatal(err)
	}
	if got := <-started; got != "paused" {
		t.Errorf("%s was resumed", got)
	}
}

func TestStopStoresAndLetsGo(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := New(Config{Workers: 1, HistorySize: 10, Saver: saved})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	job := newScripted("job")
	job.steps <- goOn
	id := submit(t, e, job, Options{UserData: json.RawMessage(`"mine"`)})
	for info, changed, _ := e.Watch(id); info.Done == 0; info, changed, _ = e.Watch(id) {
		<-changed
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	rec, ok := saved.get(id)
	if !ok || rec.State != Pending || rec.Done != 1 || string(rec.UserData) != `"mine"` {
		t.Errorf("kept: %+v", rec)
	}
	if _, err := e.Submit(t.Context(), newScripted("late"), Options{}); !errors.Is(err, ErrStopped) {
		t.Errorf("submit after stop: %v", err)
	}
	if _, err := e.Wait(t.Context(), id); !errors.Is(err, ErrStopped) {
		t.Errorf("wait after stop: %v", err)
	}
	if err := e.Cancel(t.Context(), id); !errors.Is(err, ErrStopped) {
		t.Errorf("cancel after stop: %v", err)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
}

// Jobs that were submitted before the start come after those of the last run.
func TestSubmitBeforeStart(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	last := New(Config{Saver: saved})
	for _, name := range []string{"a", "b"} {
		submit(t, last, newScripted(name), Options{})
	}
	started := make(chan string, 10)
	e := New(Config{Workers: 1, HistorySize: 10, Saver: saved, Factories: factory(started)})
	early := newScripted("early")
	early.started = started
	early.steps <- finish
	submit(t, e, early, Options{})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a", "b", "early"} {
		if got := <-started; got != want {
			t.Errorf("%s runs, want %s", got, want)
		}
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What is changed before the start is kept once the engine runs.
func TestChangesBeforeStart(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := New(Config{Workers: 1, HistorySize: 10, Saver: saved})
	id := submit(t, e, newScripted("early"), Options{})
	if err := e.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rec, _ := saved.get(id); rec.State != Paused {
		t.Errorf("kept as %s", rec.State)
	}
}

func TestUnknownKindOrVersionIsKeptAsFailure(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	for id, kind := range map[string]string{"1": "FromTheFuture", "2": "Scripted"} {
		saved.records[id] = Record{ID: id, Kind: kind, State: Pending, Version: 7, Data: []byte("secret"), Content: []byte(`{"A":1}`)}
	}
	e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved, Factories: factory(nil)})
	for _, id := range []string{"1", "2"} {
		info, ok := e.Get(id)
		if !ok || info.State != Failure || info.ErrorDetails == "" {
			t.Errorf("%s: %+v", id, info)
		}
		if content, _ := json.Marshal(info.Content); string(content) != `{"A":1}` {
			t.Errorf("content %s", content)
		}
		var refused *RefusedError
		if err := e.Resubmit(t.Context(), id); !errors.As(err, &refused) {
			t.Errorf("resubmit: %v", err)
		}
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rec, _ := saved.get("1"); rec.State != Failure || string(rec.Data) != "secret" {
		t.Errorf("kept: %+v", rec)
	}
}

func TestEndedJobsStayInTheHistory(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved})
	id, _ := bring(t, e, Failure)
	if err := e.saves.flush(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	started := make(chan string, 1)
	after := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved.crash(), Factories: factory(started)})
	info, ok := after.Get(id)
	if !ok || info.State != Failure || info.ErrorCode != CodeNetworkProtocol || info.ErrorDetails != "no route" {
		t.Fatalf("%+v", info)
	}
	if err := after.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info, err := after.Wait(t.Context(), id); err != nil || info.State != Success {
		t.Errorf("%+v %v", info, err)
	}
}

// A job in Retry waits out the rest of its delay.
func TestRetryGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := newMemory()
		e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved})
		job := newScripted("retry")
		job.policy = RetryPolicy{Base: time.Hour}
		job.steps <- again
		id := submit(t, e, job, Options{})
		synctest.Wait()
		begin := time.Now()
		time.Sleep(20 * time.Minute)
		started := make(chan string, 1)
		after := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved.crash(), Factories: factory(started)})
		if info, _ := after.Get(id); info.State != Retry || info.Attempt != 1 {
			t.Errorf("%+v", info)
		}
		if _, err := after.Wait(t.Context(), id); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

// A clock that was set back while the program was down does not make a job wait longer than it was to.
func TestRetryUnderClockSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := newMemory()
		later := time.Now().Add(1000 * time.Hour)
		_, data, _ := newScripted("retry").State()
		err := saved.Save(t.Context(), []Record{{ID: NewID(), Kind: newScripted("retry").Kind(), State: Retry, Data: data, Version: 1,
			Created: later, Changed: later, NextAttempt: later.Add(time.Minute), Attempt: 1}})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		started := make(chan string, 1)
		e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved, Factories: factory(started)})
		if _, err := e.Wait(t.Context(), e.List()[0]); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
	})
}

// A write that fails is done again; a control call says that it is not kept.
func TestFailedWritesAreRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := newMemory()
		e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved})
		id := submit(t, e, newScripted("job"), Options{})
		saved.mu.Lock()
		saved.fail = errors.New("disk full")
		saved.mu.Unlock()
		synctest.Wait()
		if err := e.SetPriority(t.Context(), id, 3); err == nil {
			t.Error("a change that is not kept was confirmed")
		}
		saved.mu.Lock()
		saved.fail = nil
		saved.mu.Unlock()
		time.Sleep(2 * saveInterval)
		synctest.Wait()
		if rec, _ := saved.get(id); rec.Priority != 3 {
			t.Errorf("kept: %+v", rec)
		}
	})
}

// Progress alone is written at most once a second.
func TestProgressIsWrittenSparingly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := newMemory()
		e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved})
		job := newScripted("busy")
		go func() {
			for range 100 {
				job.steps <- func() (Result, error) { time.Sleep(50 * time.Millisecond); return goOn() }
			}
			job.steps <- finish
		}()
		if _, err := e.Run(t.Context(), job, Options{}); err != nil {
			t.Fatal(err)
		}
		if saved.saves < 4 || saved.saves > 8 {
			t.Errorf("%d writes in five seconds", saved.saves)
		}
	})
}

// A bound job notes its progress in a transaction of its own.
type bound struct {
	*scripted
	handle Handle
	wrote  Record
}

func (b *bound) Bind(h Handle) { b.handle = h }

func (b *bound) Step(ctx context.Context) (Result, error) {
	res, err := b.scripted.Step(ctx)
	if err == nil {
		b.wrote, err = b.handle.Record()
	}
	return res, err
}

func TestHandleGivesTheRecord(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	job := &bound{scripted: newScripted("bound")}
	job.steps <- goOn
	job.steps <- finish
	info, err := e.Run(t.Context(), job, Options{})
	if err != nil || job.wrote.ID != info.ID || job.wrote.Done != 2 || string(job.wrote.Data) != `{"Done":2,"Name":"bound"}` {
		t.Errorf("%+v %v", job.wrote, err)
	}
}
