package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/jobs"
)

// The fields of every route that makes a job, with the errors of Orthanc 1.13.0.
func TestSubmission(t *testing.T) {
	t.Parallel()
	type request struct {
		submission
		Resources []string
	}
	for body, want := range map[string]submission{
		`{}`:                      {},
		`{"Synchronous": true}`:   {},
		`{"Synchronous": false}`:  {Background: true},
		`{"Asynchronous": true}`:  {Background: true},
		`{"Asynchronous": false}`: {},
		`{"Synchronous": true, "Asynchronous": true}`:   {},
		`{"Synchronous": false, "Asynchronous": false}`: {Background: true},
		`{"Synchronous": true, "Asynchronous": "x"}`:    {},
		`{"Priority": -3, "Permissive": true}`:          {Priority: -3, Permissive: true},
		`{"UserData": {"a": [1]}, "Resources": ["x"]}`:  {UserData: json.RawMessage(`{"a": [1]}`)},
		`{"UserData": null}`:                            {},
	} {
		var r request
		if err := decodeJSON([]byte(body), &r); err != nil || r.Background != want.Background || r.Priority != want.Priority ||
			r.Permissive != want.Permissive || string(r.UserData) != string(want.UserData) {
			t.Errorf("%s: %+v %v", body, r, err)
		}
	}
	for body, want := range map[string]apiError{
		`{"Synchronous": "yes"}`:     {Code: statusBadFileFormat, Details: "Boolean value expected in field: Synchronous"},
		`{"Synchronous": null}`:      {Code: statusBadFileFormat, Details: "Boolean value expected in field: Synchronous"},
		`{"Asynchronous": 1}`:        {Code: statusBadFileFormat, Details: "Boolean value expected in field: Asynchronous"},
		`{"Permissive": "x"}`:        {Code: statusBadFileFormat, Details: "Boolean value expected in field: Permissive"},
		`{"Priority": "1"}`:          {Code: statusBadFileFormat, Details: "Integer value expected in field: Priority"},
		`{"Priority": 2.0}`:          {Code: statusBadFileFormat, Details: "Integer value expected in field: Priority"},
		`{"Priority": null}`:         {Code: statusBadFileFormat, Details: "Integer value expected in field: Priority"},
		`{"Priority": 999999999999}`: {Code: statusBadParameterType, Details: "Value too large to fit in an integer in field 'Priority'"},
	} {
		var r request
		var got *apiError
		if err := decodeJSON([]byte(body), &r); !errors.As(err, &got) || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// run calls runJob as a route does. A client who has hung up gets no answer.
func (s *jobServer) run(ctx context.Context, job jobs.Job, o submission) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	rq := httptest.NewRequestWithContext(ctx, http.MethodPost, "/x", nil)
	rec := &recorder{ResponseWriter: w, control: http.NewResponseController(w)}
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a panic gives the value itself
			panic(p)
		}
	}()
	if err := s.runJob(&Call{Request: rq, w: rec}, job, o); err != nil {
		s.answerError(rec, rq, err)
	}
	return w
}

func TestSynchronousAnswers(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	good, bad := newDeed("Deed"), newDeed("Deed")
	good.steps <- good.write
	if w := s.run(t.Context(), good, submission{}); w.Code != http.StatusOK || strings.Join(strings.Fields(w.Body.String()), "") != `{"Done":1}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	bad.steps <- giveUp
	if w := s.run(t.Context(), bad, submission{}); summary(w.Code, w.Body.String()) != "500 9" || !strings.Contains(w.Body.String(), "no route") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	later := newDeed("Deed")
	w := s.run(t.Context(), later, submission{Background: true, Priority: 4, UserData: json.RawMessage(`"mine"`)})
	var answer struct{ ID, Path string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Path != "/jobs/"+answer.ID {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if info := s.reach(answer.ID, jobs.Running); info.Priority != 4 || string(info.UserData) != `"mine"` {
		t.Errorf("%+v", info)
	}
}

// Who waits for a job that somebody cancels is told so; for the log of the server nothing has failed.
func TestCancelledUnderItsCaller(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	events := s.Jobs.Subscribe(8)
	defer events.Close()
	answer := make(chan *httptest.ResponseRecorder, 1)
	go func() { answer <- s.run(t.Context(), newDeed("Deed"), submission{}) }()
	id := (<-events.C).ID
	s.reach(id, jobs.Running)
	if err := s.Jobs.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w := <-answer; summary(w.Code, w.Body.String()) != "500 37" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "level=INFO") {
		t.Errorf("a cancelled job is logged as %s", &log)
	}
}

// Who hangs up cancels nothing.
func TestHangUpCancelsNothing(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	ctx, hangUp := context.WithCancel(t.Context())
	job := newDeed("Deed")
	ended := make(chan struct{})
	events := s.Jobs.Subscribe(8)
	defer events.Close()
	go func() { defer close(ended); s.run(ctx, job, submission{}) }()
	id := (<-events.C).ID
	s.reach(id, jobs.Running)
	hangUp()
	<-ended
	job.steps <- job.write
	s.reach(id, jobs.Success)
}

// A full queue refuses who does not wait, and lets who waits wait, until a job has ended or the client is gone.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{Limit: 1})
	first := newDeed("Deed")
	s.submit(first, jobs.Options{})
	if w := s.run(t.Context(), newDeed("Deed"), submission{Background: true}); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "LimitJobs") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	s.run(gone, newDeed("Deed"), submission{})
	second := newDeed("Deed")
	second.steps <- second.write
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- s.run(t.Context(), second, submission{}) }()
	first.steps <- first.write
	if w := <-answer; w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if n := len(s.Jobs.List()); n != 2 {
		t.Errorf("%d jobs, want 2", n)
	}
}

// A server that stops does not wait for a job that takes longer: its caller hears that it goes on later.
func TestSynchronousCallerOfAServerThatStops(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	s.Config.ShutdownTimeout = 0
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- s.run(t.Context(), newDeed("Deed"), submission{}) }()
	s.EndStreams()
	if w := <-answer; w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "next start") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
