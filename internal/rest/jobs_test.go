package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/jobs"
)

// deed is a job whose steps the test hands out, and which leaves a file behind.
type deed struct {
	kind   string
	steps  chan func() (jobs.Result, error)
	handle jobs.Handle
	done   int
}

func newDeed(kind string) *deed {
	return &deed{kind: kind, steps: make(chan func() (jobs.Result, error), 8)}
}

func (d *deed) Kind() string                  { return d.kind }
func (d *deed) Bind(h jobs.Handle)            { d.handle = h }
func (d *deed) Progress() (int, int)          { return d.done, 4 }
func (d *deed) Content() any                  { return map[string]int{"Done": d.done} }
func (d *deed) State() (int, []byte, error)   { return 1, []byte("{}"), nil }
func (d *deed) RetryPolicy() jobs.RetryPolicy { return jobs.RetryPolicy{Base: time.Hour} }

func (d *deed) Outputs() []jobs.OutputInfo {
	return []jobs.OutputInfo{{Key: "archive", Name: "it.zip", ContentType: "application/zip"}}
}

func (d *deed) Resubmit() error {
	if d.kind == "Archive" {
		return jobs.Failf(jobs.CodeSequence, "cannot resubmit the creation of an archive")
	}
	return nil
}

func (d *deed) Step(ctx context.Context) (jobs.Result, error) {
	select {
	case step := <-d.steps:
		d.done++
		return step()
	case <-ctx.Done():
		return jobs.Result{}, ctx.Err()
	}
}

// write is a last step that leaves a file.
func (d *deed) write() (jobs.Result, error) {
	f, err := d.handle.CreateOutput("archive")
	if err != nil {
		return jobs.Result{}, err
	}
	_, err = io.WriteString(f, "0123456789")
	return jobs.Result{Done: true}, errors.Join(err, f.Close())
}

func tryAgain() (jobs.Result, error) { return jobs.Result{}, jobs.Again(errors.New("peer is away")) }
func giveUp() (jobs.Result, error) {
	return jobs.Result{}, jobs.Failf(jobs.CodeNetworkProtocol, "no route")
}
func goOn() (jobs.Result, error) { return jobs.Result{}, nil }

// jobServer is the API over an engine, and nothing else.
type jobServer struct {
	*Server
	t    *testing.T
	http *httptest.Server
}

func serveJobs(t *testing.T, cfg jobs.Config) *jobServer {
	t.Helper()
	cfg.Workers, cfg.OutputDir = 1, t.TempDir()
	if cfg.HistorySize == 0 {
		cfg.HistorySize = 10
	}
	engine := jobs.New(cfg)
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := New(Deps{Config: config.Default(), Jobs: engine})
	h := httptest.NewServer(s)
	h.Config.RegisterOnShutdown(s.EndStreams)
	t.Cleanup(func() {
		s.EndStreams()
		h.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := engine.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return &jobServer{s, t, h}
}

func (s *jobServer) submit(job jobs.Job, o jobs.Options) string {
	s.t.Helper()
	id, err := s.Jobs.Submit(s.t.Context(), job, o)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *jobServer) reach(id string, states ...jobs.State) jobs.Info {
	s.t.Helper()
	for {
		info, changed, err := s.Jobs.Watch(id)
		if err != nil {
			s.t.Fatal(err)
		}
		if slices.Contains(states, info.State) {
			return info
		}
		select {
		case <-changed:
		case <-time.After(time.Minute): // says what is missing in place of hanging
			s.t.Fatalf("the job is %s, want %v", info.State, states)
		}
	}
}

// bring makes a job that is in the state, or none (""); the only slot is taken by another where it must not run.
func (s *jobServer) bring(state jobs.State, kind string) string {
	s.t.Helper()
	job := newDeed(kind)
	if state == "" {
		return jobs.NewID()
	}
	if state == jobs.Pending || state == jobs.Paused {
		s.reach(s.submit(newDeed("blocker"), jobs.Options{Priority: 1}), jobs.Running)
	}
	id := s.submit(job, jobs.Options{})
	switch state {
	case jobs.Success:
		job.steps <- job.write
	case jobs.Failure:
		job.steps <- giveUp
	case jobs.Retry:
		job.steps <- tryAgain
	case jobs.Paused:
		if err := s.Jobs.Pause(s.t.Context(), id); err != nil {
			s.t.Fatal(err)
		}
	}
	s.reach(id, state)
	return id
}

// reply is an answer without its body.
type reply struct {
	StatusCode int
	Header     http.Header
}

// ask sends a request and returns the answer with its body.
func (s *jobServer) ask(method, path, body string, header ...string) (reply, string) {
	s.t.Helper()
	rq, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		rq.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header}, string(text)
}

// summary is an answer in short: "200 {}", "400" for one without a body, "404 7" for a described error.
func summary(status int, body string) string {
	var problem struct{ OrthancStatus int }
	text := strings.TrimSpace(body)
	if json.Unmarshal([]byte(body), &problem) == nil && problem.OrthancStatus != 0 {
		text = jsonNumber(problem.OrthancStatus)
	}
	return strings.TrimSpace(jsonNumber(status) + " " + text)
}

func jsonNumber(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// Every control call in every state: the answers of Orthanc's table, and where the job is afterwards ("gone": nowhere).
func TestControlAnswers(t *testing.T) {
	t.Parallel()
	states := []jobs.State{"", jobs.Pending, jobs.Running, jobs.Paused, jobs.Retry, jobs.Success, jobs.Failure}
	for _, row := range []struct {
		method, path string
		want         [7]string // answer, " > ", state afterwards if it changes
	}{
		{"POST", "/pause", [7]string{"400", "200 {} > Paused", "200 {} > Paused", "200 {}", "200 {} > Paused", "200 {}", "200 {}"}},
		{"POST", "/cancel", [7]string{"400", "200 {} > Failure", "200 {} > Failure", "200 {} > Failure", "200 {} > Failure", "200 {}", "200 {}"}},
		{"POST", "/resume", [7]string{"400", "400", "400", "200 {} > Pending", "400", "400", "400"}},
		{"POST", "/resubmit", [7]string{"400", "400", "400", "400", "400", "400", "200 {} > Running"}},
		{"DELETE", "", [7]string{"404 7", "404 7", "404 7", "404 7", "404 7", "200 > gone", "200 > gone"}},
		{"GET", "/archive", [7]string{"404 7", "404 7", "404 7", "404 7", "404 7", "200 0123456789", "404 7"}},
		{"GET", "/other", [7]string{"404 7", "404 7", "404 7", "404 7", "404 7", "404 7", "404 7"}},
		{"DELETE", "/archive", [7]string{"404 7", "404 7", "404 7", "404 7", "404 7", "200", "404 7"}},
		{"PUT", "/priority", [7]string{"404 7", "200 {}", "200 {}", "200 {}", "200 {}", "409 6", "409 6"}},
	} {
		for i, state := range states {
			t.Run(row.method+row.path+" "+string(state), func(t *testing.T) {
				t.Parallel()
				s := serveJobs(t, jobs.Config{})
				id := s.bring(state, "Deed")
				answer, body := s.ask(row.method, "/jobs/"+id+row.path, "5")
				want, after, _ := strings.Cut(row.want[i], " > ")
				if got := summary(answer.StatusCode, body); got != want {
					t.Errorf("answer %q, want %q", got, want)
				}
				switch after {
				case "":
					if info, known := s.Jobs.Get(id); known && info.State != state {
						t.Errorf("the job is %s, was %s", info.State, state)
					}
				case "gone":
					if answer, body := s.ask("GET", "/jobs/"+id, ""); answer.StatusCode != http.StatusNotFound || body != "" {
						t.Errorf("afterwards: %d %q", answer.StatusCode, body)
					}
				default:
					s.reach(id, jobs.State(after))
				}
			})
		}
	}
}

// An archive cannot be resubmitted; a cancelled job can.
func TestResubmitOfAnArchive(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	var log bytes.Buffer
	s.log = slog.New(slog.NewTextHandler(&log, nil))
	id := s.bring(jobs.Failure, "Archive")
	answer, body := s.ask("POST", "/jobs/"+id+"/resubmit", "")
	if !strings.Contains(log.String(), "level=INFO") {
		t.Errorf("a refused call is logged as %s", &log)
	}
	if got := summary(answer.StatusCode, body); got != "500 6" || !strings.Contains(body, "cannot resubmit the creation of an archive") {
		t.Errorf("%s %s", got, body)
	}
	id = s.bring(jobs.Paused, "Deed")
	for _, call := range []string{"cancel", "resubmit"} {
		if answer, _ := s.ask("POST", "/jobs/"+id+"/"+call, ""); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", call, answer.StatusCode)
		}
	}
	if info := s.reach(id, jobs.Pending); info.ErrorCode != jobs.CodeSuccess {
		t.Errorf("error code %d", info.ErrorCode)
	}
}

func TestPriorityBodies(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	id := s.bring(jobs.Paused, "Deed")
	for body, want := range map[string]string{
		"7": "200 {}", " -3\n": "200 {}", `{"Priority": 9}`: "200 {}", "": "400 15", "{}": "400 15", "1.5": "400 15", `"7"`: "400 15",
		"null": "400 15", `{"Priority": "x"}`: "400 15", "[1]": "400 15", "99999999999": "400 5", "{": "400 15",
	} {
		before, _ := s.Jobs.Get(id)
		answer, text := s.ask("PUT", "/jobs/"+id+"/priority", body)
		if got := summary(answer.StatusCode, text); got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
		after, _ := s.Jobs.Get(id)
		if accepted := strings.Trim(strings.NewReplacer(`"Priority"`, "", ":", "").Replace(body), " {}\n"); want == "200 {}" && jsonNumber(after.Priority) != accepted ||
			want != "200 {}" && after.Priority != before.Priority {
			t.Errorf("%q: priority %d", body, after.Priority)
		}
	}
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	a, b := s.bring(jobs.Success, "Deed"), s.bring(jobs.Failure, "Other")
	r := s.bring(jobs.Paused, "Deed")
	every := slices.Collect(s.Jobs.Infos())
	running := every[slices.IndexFunc(every, func(i jobs.Info) bool { return i.State == jobs.Running })].ID
	info, _ := s.Jobs.Get(r)
	sorted := func(ids ...string) []string { slices.Sort(ids); return ids }
	all := sorted(a, b, r, running)
	for query, want := range map[string][]string{
		"": all, "state=Success": {a}, "state=Success,Failure": sorted(a, b), "state=Paused&state=Running": sorted(r, running),
		"type=Other": {b}, "type=Deed&state=Paused": {r}, "type=None": {}, "since=1": all[1:], "limit=2": all[:2],
		"since=1&limit=2": all[1:3], "since=9": {}, "since=" + jobs.FormatTime(info.Changed): {r}, "since=20990101T000000": {},
	} {
		for _, expand := range []string{"", "&expand"} {
			answer, body := s.ask("GET", "/jobs?"+query+expand, "")
			ids, full := []string{}, []struct{ ID string }{}
			if expand == "" {
				_ = json.Unmarshal([]byte(body), &ids)
			} else if err := json.Unmarshal([]byte(body), &full); err != nil {
				t.Fatal(err)
			}
			for _, f := range full {
				ids = append(ids, f.ID)
			}
			if answer.StatusCode != http.StatusOK || !slices.Equal(ids, want) {
				t.Errorf("%s%s: %d %v, want %v", query, expand, answer.StatusCode, ids, want)
			}
		}
	}
	for query, want := range map[string]string{
		"state=running": "400 3", "state=": "400 3", "type=": "400 3", "since=-1": "400 5", "since=yesterday": "400 5", "limit=x": "400 5",
		"limit=": "400 5", "since=": "400 5", "expand=x": "400 3",
	} {
		answer, body := s.ask("GET", "/jobs?"+query, "")
		if got := summary(answer.StatusCode, body); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// A download goes on where it broke off, and begins anew where it is another file.
func TestOutputInParts(t *testing.T) {
	t.Parallel()
	s := serveJobs(t, jobs.Config{})
	id := s.bring(jobs.Success, "Deed")
	whole, body := s.ask("GET", "/jobs/"+id+"/archive", "")
	tag := whole.Header.Get("ETag")
	if body != "0123456789" || tag == "" || whole.Header.Get("Content-Type") != "application/zip" ||
		whole.Header.Get("Content-Disposition") != `filename="it.zip"` || whole.Header.Get("Content-Length") != "10" {
		t.Errorf("%q %v", body, whole.Header)
	}
	for _, part := range []struct {
		header []string
		status int
		body   string
	}{
		{[]string{"Range", "bytes=4-"}, 206, "456789"},
		{[]string{"Range", "bytes=4-", "If-Range", tag}, 206, "456789"},
		{[]string{"Range", "bytes=4-", "If-Range", `"other"`}, 200, "0123456789"},
		{[]string{"If-None-Match", tag}, 304, ""},
	} {
		if answer, body := s.ask("GET", "/jobs/"+id+"/archive", "", part.header...); answer.StatusCode != part.status || body != part.body {
			t.Errorf("%v: %d %q", part.header, answer.StatusCode, body)
		}
	}
	if answer, _ := s.ask("GET", "/jobs/"+id+"/archive", "", "Range", "bytes=10-"); answer.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("behind the end: %d", answer.StatusCode)
	}
	if answer, _ := s.ask("DELETE", "/jobs/"+id+"/archive", ""); answer.StatusCode != http.StatusOK {
		t.Errorf("delete: %d", answer.StatusCode)
	}
	if answer, _ := s.ask("GET", "/jobs/"+id+"/archive", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("after the deletion: %d", answer.StatusCode)
	}
}
