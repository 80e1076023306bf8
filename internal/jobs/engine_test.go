package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPriorityThenFirstInFirstOut(t *testing.T) {
	t.Parallel()
	e := New(Config{Workers: 1, HistorySize: 20})
	started := make(chan string, 20)
	for i, priority := range []int{0, 0, 5, 0, -1, 5, 0, 0} {
		job := newScripted(fmt.Sprint(i))
		job.started = started
		job.steps <- finish
		submit(t, e, job, Options{Priority: priority})
	}
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var order []string
	for range 8 {
		order = append(order, <-started)
	}
	if got := strings.Join(order, ""); got != "25013674" {
		t.Errorf("order %s, want 25013674", got)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWorkersBoundRunningJobs(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 2, HistorySize: 10})
	var jobs []*scripted
	var ids []string
	for i := range 3 {
		jobs = append(jobs, newScripted(fmt.Sprint(i)))
		ids = append(ids, submit(t, e, jobs[i], Options{}))
	}
	reach(t, e, ids[0], Running)
	reach(t, e, ids[1], Running)
	if counts := e.Counts(); counts[Running] != 2 || counts[Pending] != 1 {
		t.Errorf("counts %v", counts)
	}
	jobs[1].steps <- finish
	reach(t, e, ids[2], Running)
}

func TestRetryBacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := start(t, Config{Workers: 1, HistorySize: 10})
		job := newScripted("retry")
		job.policy = RetryPolicy{Base: time.Second, Max: 3 * time.Second, Attempts: 5}
		begin := time.Now()
		for range 5 {
			job.steps <- again
		}
		id := submit(t, e, job, Options{})
		var at []time.Duration
		for range 4 {
			synctest.Wait()
			info, _ := e.Get(id)
			if info.State != Retry || info.ErrorDetails != "peer is away" {
				t.Fatalf("%s %q", info.State, info.ErrorDetails)
			}
			at = append(at, info.NextAttempt.Sub(begin))
			time.Sleep(time.Until(info.NextAttempt))
		}
		if got := fmt.Sprint(at); got != "[1s 3s 6s 9s]" {
			t.Errorf("attempts at %s", got)
		}
		info, err := e.Wait(t.Context(), id)
		if err != nil || info.State != Failure || !strings.Contains(info.ErrorDetails, "5 attempts") {
			t.Errorf("%v %v", info, err)
		}
	})
}

func TestSuccessfulStepResetsAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := start(t, Config{Workers: 1, HistorySize: 10})
		job := newScripted("retry")
		job.policy = RetryPolicy{Base: time.Second, Attempts: 2}
		for _, step := range []func() (Result, error){again, goOn, again, finish} {
			job.steps <- step
		}
		if info, err := e.Run(t.Context(), job, Options{}); err != nil || info.State != Success {
			t.Errorf("%v %v", info, err)
		}
	})
}

// EffectiveRuntime counts the time a job ran, not the time it waited.
func TestRuntimeCountsRunningOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := start(t, Config{Workers: 1, HistorySize: 10})
		slow := newScripted("slow")
		slow.steps <- func() (Result, error) { time.Sleep(10 * time.Second); return finish() }
		submit(t, e, slow, Options{})
		job := newScripted("measured")
		job.steps <- func() (Result, error) { time.Sleep(2 * time.Second); return Result{RetryAfter: time.Minute}, nil }
		job.steps <- func() (Result, error) { time.Sleep(1500 * time.Millisecond); return finish() }
		info, err := e.Run(t.Context(), job, Options{})
		if err != nil || info.Runtime != 3500*time.Millisecond {
			t.Errorf("runtime %v, %v", info.Runtime, err)
		}
	})
}

func TestPanicCostsOneJob(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	job := newScripted("panics")
	job.steps <- func() (Result, error) { panic("out of range") }
	info, err := e.Run(t.Context(), job, Options{})
	if err != nil || info.State != Failure || info.ErrorCode != CodeInternal || !strings.Contains(info.ErrorDetails, "out of range") {
		t.Errorf("%+v %v", info, err)
	}
	next := newScripted("next")
	next.steps <- finish
	if info, err := e.Run(t.Context(), next, Options{}); err != nil || info.State != Success {
		t.Errorf("%+v %v", info, err)
	}
}

// A synchronous call works even when nothing is remembered.
func TestNoHistory(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := start(t, Config{Workers: 1, Saver: saved})
	job := newScripted("quick")
	job.steps <- finish
	info, err := e.Run(t.Context(), job, Options{})
	if err != nil || info.State != Success {
		t.Fatalf("%+v %v", info, err)
	}
	if _, ok := e.Get(info.ID); ok {
		t.Error("the job is remembered")
	}
	if _, ok := saved.get(info.ID); ok {
		t.Error("the job is kept")
	}
}

func TestHistoryForgetsOldest(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 2, Saver: newMemory()})
	var ids []string
	for range 3 {
		job := newScripted("job")
		job.steps <- finish
		info, err := e.Run(t.Context(), job, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, info.ID)
	}
	if _, ok := e.Get(ids[0]); ok || len(e.List()) != 2 {
		t.Errorf("%v are remembered", e.List())
	}
}

func TestQueueLimit(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10, Limit: 1})
	job := newScripted("first")
	id := submit(t, e, job, Options{})
	if _, err := e.Submit(t.Context(), newScripted("refused"), Options{NoWait: true}); !errors.Is(err, ErrQueueFull) {
		t.Errorf("error %v", err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Submit(short, newScripted("gives up"), Options{}); !errors.Is(err, ErrQueueFull) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	added := make(chan error)
	go func() {
		_, err := e.Submit(t.Context(), newScripted("waits"), Options{})
		added <- err
	}()
	job.steps <- finish
	if err := <-added; err != nil {
		t.Error(err)
	}
	if _, err := e.Wait(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestSubmitNeedsTheSaver(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := start(t, Config{Workers: 1, HistorySize: 10, Saver: saved, Limit: 1})
	full := errors.New("disk full")
	if _, err := e.Submit(t.Context(), newScripted("own"), Options{Save: func(context.Context, Record) error { return full }}); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	if len(e.List()) != 0 {
		t.Error("a job that is not kept is there")
	}
	submit(t, e, newScripted("room again"), Options{NoWait: true})
}

func TestUnknownJob(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1})
	if _, err := e.Wait(t.Context(), "none"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Wait: %v", err)
	}
	if _, _, err := e.Watch("none"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Watch: %v", err)
	}
	if _, err := e.Output("none", "archive"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Output: %v", err)
	}
	if err := e.SetPriority(t.Context(), "none", 1); !errors.Is(err, ErrUnknown) {
		t.Errorf("SetPriority: %v", err)
	}
}

func TestOutputsOfJobsWithout(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	id, _ := bring(t, e, Success)
	if _, err := e.Output(id, "archive"); !errors.Is(err, ErrNoOutput) {
		t.Errorf("Output: %v", err)
	}
	if err := e.DeleteOutput(id, "archive"); !errors.Is(err, ErrNoOutput) {
		t.Errorf("DeleteOutput: %v", err)
	}
}

// The fields of GET /jobs/{id}.
func TestInfoJSON(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 3, 4, 5, 6, 7, 890_000, time.FixedZone("", 3600))
	info := Info{
		ID: "b9c08539", Kind: "DicomModalityStore", State: Running, Priority: -2, Done: 1, Total: 4,
		Content: map[string]string{"Description": "REST API"}, Created: created, Changed: created,
		Taken: created.Add(10 * time.Second), Runtime: 2*time.Second + 1600*time.Microsecond, UserData: json.RawMessage(`{"a":1}`),
	}
	check := func(i Info, want string) {
		t.Helper()
		got, err := json.Marshal(i)
		if err != nil || string(got) != want {
			t.Errorf("got  %s (%v)\nwant %s", got, err, want)
		}
	}
	check(info, `{"Content":{"Description":"REST API"},"CreationTime":"20260304T040607.000890","EffectiveRuntime":2.002,`+
		`"ErrorCode":0,"ErrorDescription":"Success","ErrorDetails":"","EstimatedTimeOfArrival":"20260304T040623.005690",`+
		`"ID":"b9c08539","Priority":-2,"Progress":25,"State":"Running","Timestamp":"20260304T040617.000890",`+
		`"Type":"DicomModalityStore","UserData":{"a":1}}`)
	info.State, info.ErrorCode, info.ErrorDetails, info.UserData, info.Content = Failure, CodeCanceled, "stop", nil, nil
	check(info, `{"CompletionTime":"20260304T040607.000890","Content":{},"CreationTime":"20260304T040607.000890","EffectiveRuntime":2.002,`+
		`"ErrorCode":37,"ErrorDescription":"This job was canceled","ErrorDetails":"stop",`+
		`"ID":"b9c08539","Priority":-2,"Progress":25,"State":"Failure","Timestamp":"20260304T040617.000890",`+
		`"Type":"DicomModalityStore"}`)
	info.State, info.ErrorCode, info.Attempt, info.NextAttempt = Retry, CodeNetworkProtocol, 3, created
	check(info, `{"Attempts":3,"Content":{},"CreationTime":"20260304T040607.000890","EffectiveRuntime":2.002,`+
		`"ErrorCode":9,"ErrorDescription":"Error in the network protocol","ErrorDetails":"stop",`+
		`"ID":"b9c08539","NextAttempt":"20260304T040607.000890","Priority":-2,"Progress":25,"State":"Retry","Timestamp":"20260304T040617.000890",`+
		`"Type":"DicomModalityStore"}`)
}
