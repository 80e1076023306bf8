package rest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gantry/internal/jobs"
	"gantry/internal/metrics"
)

// polled is the answer to a long poll that runs beside the test.
type polled struct {
	status int
	state  jobs.State
	tag    string
}

func (s *jobServer) poll(path, tag string) <-chan polled {
	answers := make(chan polled, 1)
	go func() {
		defer close(answers) // also when the request fails
		var job struct{ State jobs.State }
		answer, body := s.ask("GET", path, "", "If-None-Match", tag) //nolint:bodyclose // ask has read and closed it
		_ = json.Unmarshal([]byte(body), &job)
		answers <- polled{answer.StatusCode, job.State, answer.Header.Get("ETag")}
	}()
	return answers
}

// waiting returns when so many requests wait for jobs.
func (s *jobServer) waiting(n int64) {
	s.t.Helper()
	for began := time.Now(); s.streams.Load() != n; {
		if time.Since(began) > 2*time.Minute { // says what is missing in place of hanging
			s.t.Fatalf("%d requests wait, want %d", s.streams.Load(), n)
		}
		time.Sleep(time.Millisecond) // nothing else tells that a request has come so far
	}
}

func TestLongPollAnswersAtTheNextChange(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	job := newDeed("Deed")
	id := s.submit(job, jobs.Options{})
	s.reach(id, jobs.Running)
	answers := s.poll("/jobs/"+id+"?wait=60", "")
	s.waiting(1)
	job.steps <- goOn
	first := <-answers
	if first.status != http.StatusOK || first.state != jobs.Running {
		t.Errorf("%+v", first)
	}
	if err := s.Jobs.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.reach(id, jobs.Paused)
	if late := <-s.poll("/jobs/"+id+"?wait=60", first.tag); late.state != jobs.Paused || late.tag == first.tag {
		t.Errorf("what has changed since the last answer is told at once: %+v", late)
	}
	if err := s.Jobs.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if ended := <-s.poll("/jobs/"+id+"?wait=60", ""); ended.state != jobs.Failure {
		t.Errorf("an ended job has nothing to wait for: %+v", ended)
	}
	if unknown := <-s.poll("/jobs/"+jobs.NewID()+"?wait=60", ""); unknown.status != http.StatusNotFound {
		t.Errorf("unknown: %+v", unknown)
	}
	if answer, body := s.ask("GET", "/jobs/"+id+"?wait=soon", ""); summary(answer.StatusCode, body) != "400 5" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

func TestLongPollIsBounded(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	id := s.bring(jobs.Paused, "Deed")
	if answer := <-s.poll("/jobs/"+id+"?wait=1", ""); answer.state != jobs.Paused {
		t.Errorf("%+v", answer)
	}
	s.streams.Store(maximumStreams)
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	if answer, body := s.ask("GET", "/jobs/"+id+"?wait=1", ""); summary(answer.StatusCode, body) != "503 36" {
		t.Errorf("too many: %d %s", answer.StatusCode, body)
	}
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("a limit that holds is logged as %s", &log)
	}
	s.streams.Store(0)
}

// Who waits is let go when the server stops and forgotten when the client leaves.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	id := s.bring(jobs.Paused, "Deed")
	ctx, hangUp := context.WithCancel(t.Context())
	for _, path := range []string{"/jobs/" + id + "?wait=300", "/jobs/events"} {
		go func() {
			rq, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+path, nil)
			if answer, err := http.DefaultClient.Do(rq); err == nil {
				defer func() { _ = answer.Body.Close() }()
				<-ctx.Done()
			}
		}()
	}
	s.waiting(2)
	hangUp()
	s.waiting(0)
	answers := s.poll("/jobs/"+id+"?wait=300", "")
	events := s.events("")
	s.waiting(2)
	if err := s.http.Config.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if answer := <-answers; answer.status != http.StatusOK || answer.state != jobs.Paused {
		t.Errorf("%+v", answer)
	}
	for events.next() != "" {
	}
	s.waiting(0)
}

// A client that hangs up while it waits is no failure of the server.
func TestHangingUpIsNoError(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	s.Metrics = metrics.New(metrics.Options{Enabled: true})
	id := s.bring(jobs.Paused, "Deed")
	ctx, hangUp := context.WithCancel(t.Context())
	w := httptest.NewRecorder()
	rq := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/jobs/"+id+"?wait=300", nil)
	rq.RemoteAddr = "127.0.0.1:50000"
	ended := make(chan any, 1)
	go func() {
		defer func() { ended <- recover() }()
		s.ServeHTTP(w, rq)
	}()
	s.waiting(1)
	hangUp()
	if p := <-ended; p != http.ErrAbortHandler || w.Body.Len() > 0 { //nolint:errorlint // a panic gives the value itself
		t.Errorf("%v, answered with %s", p, w.Body)
	}
	scrape := httptest.NewRecorder()
	if err := s.Metrics.Serve(scrape, httptest.NewRequest(http.MethodGet, "/", nil), []string{"gantry"}); err != nil {
		t.Fatal(err)
	}
	if want := `gantry_http_requests_total{method="GET",route="/jobs/{id}",status="none"} 1`; !strings.Contains(scrape.Body.String(), want) {
		t.Error("not counted as a request without an answer")
	}
}

// eventStream reads server-sent events.
type eventStream struct {
	t     *testing.T
	lines *bufio.Scanner
	id    string // of the last event
}

func (s *jobServer) events(lastID string) *eventStream {
	s.t.Helper()
	rq, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.http.URL+"/jobs/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if lastID != "" {
		rq.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	return &eventStream{t: s.t, lines: bufio.NewScanner(answer.Body)}
}

// next returns the next event in short, "" at the end of the stream.
func (e *eventStream) next() string {
	name := ""
	for e.lines.Scan() {
		switch field, value, _ := strings.Cut(e.lines.Text(), ": "); field {
		case "event":
			name = value
		case "id":
			e.id = value
		case "data":
			var data struct {
				State string
				Count int
			}
			if err := json.Unmarshal([]byte(value), &data); err != nil {
				e.t.Errorf("%q: %v", value, err)
			}
			return strings.TrimSpace(name + " " + data.State)
		}
	}
	return ""
}

func TestEventsOfJobs(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{HistorySize: 1})
	events := s.events("")
	s.waiting(1)
	job := newDeed("Deed")
	id := s.submit(job, jobs.Options{})
	job.steps <- job.write
	before := ""
	for _, want := range []string{"job Pending", "job Running", "job Success"} {
		got := events.next()
		for before != "" && got == before { // progress, on a slow machine
			got = events.next()
		}
		if before = got; got != want {
			t.Errorf("event %q, want %q", got, want)
		}
	}
	if err := s.Jobs.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := events.next(); got != "gone" || events.id == "" {
		t.Errorf("event %q, id %q", got, events.id)
	}
	// Who was away while something happened is told so, and who was not is not.
	last := s.bring(jobs.Success, "Deed")
	if got := s.events(events.id).next(); got != "missed" {
		t.Errorf("event %q", got)
	}
	if _, err := s.Jobs.Wait(t.Context(), last); err != nil { // its end is its last change
		t.Fatal(err)
	}
	again := s.events(fmt.Sprint(s.Jobs.Changes()))
	s.bring(jobs.Success, "Deed")
	if got := again.next(); got != "job Pending" && got != "gone" {
		t.Errorf("event %q", got)
	}
}

// blocked is a client that takes nothing until it is let go.
type blocked struct {
	http.ResponseWriter
	gate, inside, told chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	select {
	case b.inside <- struct{}{}:
	default:
	}
	<-b.gate
	if strings.Contains(string(p), "event: missed") {
		close(b.told)
	}
	return b.ResponseWriter.Write(p)
}

// A reader who does not read costs a bounded buffer, and is told that it missed something.
func TestSlowReaderMisses(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{HistorySize: 1})
	w := &blocked{httptest.NewRecorder(), make(chan struct{}), make(chan struct{}, 1), make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		rq := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/jobs/events", nil)
		rq.RemoteAddr = "127.0.0.1:1"
		s.ServeHTTP(w, rq)
	}()
	<-w.inside
	for range eventBuffer {
		job := newDeed("Deed")
		job.steps <- giveUp
		if _, err := s.Jobs.Run(t.Context(), job, jobs.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	close(w.gate)
	<-w.told
	s.EndStreams()
	<-ended
}

// Unwrap lets http.ResponseController reach what is flushed.
func (b *blocked) Unwrap() http.ResponseWriter { return b.ResponseWriter }
