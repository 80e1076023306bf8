package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gantry/internal/cli"
	"gantry/internal/config"
	"gantry/internal/jobs"
	"gantry/internal/rest"
)

// deed is a job that ends when the test says so, and leaves a file behind.
type deed struct {
	text   string
	handle jobs.Handle
	done   chan struct{}
}

func (d *deed) Kind() string                { return "Archive" }
func (d *deed) Bind(h jobs.Handle)          { d.handle = h }
func (d *deed) Progress() (int, int)        { return 1, 2 }
func (d *deed) Content() any                { return map[string]any{"InstancesCount": 3} }
func (d *deed) State() (int, []byte, error) { return 1, nil, nil }

func (d *deed) Outputs() []jobs.OutputInfo {
	return []jobs.OutputInfo{{Key: "archive", Name: "it.zip", ContentType: "application/zip"}}
}

func (d *deed) Step(ctx context.Context) (jobs.Result, error) {
	d.handle.Publish()
	select {
	case <-d.done:
	case <-ctx.Done():
		return jobs.Result{}, ctx.Err()
	}
	f, err := d.handle.CreateOutput("archive")
	if err != nil {
		return jobs.Result{}, err
	}
	_, err = io.WriteString(f, d.text)
	return jobs.Result{Done: true}, errors.Join(err, f.Close())
}

// jobDaemon serves the routes of jobs, through a handler of the test.
type jobDaemon struct {
	t       *testing.T
	engine  *jobs.Engine
	environ []string
}

func serveJobs(t *testing.T, through func(http.Handler) http.Handler) *jobDaemon {
	t.Helper()
	engine := jobs.New(jobs.Config{Workers: 1, HistorySize: 10, OutputDir: t.TempDir()})
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := rest.New(rest.Deps{Config: config.Default(), Jobs: engine})
	s := httptest.NewServer(through(api))
	t.Cleanup(func() {
		api.EndStreams()
		s.CloseClientConnections()
		s.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := engine.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return &jobDaemon{t, engine, []string{"GANTRY_URL=" + s.URL}}
}

func plainly(h http.Handler) http.Handler { return h }

func (d *jobDaemon) submit(job *deed) string {
	d.t.Helper()
	id, err := d.engine.Submit(d.t.Context(), job, jobs.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// finished is a job that has left a file of some length behind, and what is in it.
func (d *jobDaemon) finished(length int) (id, text string) {
	d.t.Helper()
	job := &deed{text: strings.Repeat("0123456789", length/10), done: make(chan struct{})}
	close(job.done)
	id = d.submit(job)
	if _, err := d.engine.Wait(d.t.Context(), id); err != nil {
		d.t.Fatal(err)
	}
	return id, job.text
}

// cutting breaks downloads off after some bytes, as often as it is told.
type cutting struct {
	times, after atomic.Int64
	ranges       []string // what was asked for
}

type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > w.left {
		_, _ = w.ResponseWriter.Write(p[:w.left])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	w.left -= int64(len(p))
	return w.ResponseWriter.Write(p)
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (c *cutting) through(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/archive") {
			h.ServeHTTP(w, r)
			return
		}
		c.ranges = append(c.ranges, r.Header.Get("Range"))
		if c.times.Add(-1) >= 0 {
			w = &cutWriter{w, c.after.Load()}
		}
		h.ServeHTTP(w, r)
	})
}

func contents(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A download that breaks off goes on where it was, in the same run and in the next one.
func TestOutputGoesOn(t *testing.T) {
	t.Parallel()
	var c cutting
	d := serveJobs(t, c.through)
	id, text := d.finished(1_000_000)
	file := filepath.Join(t.TempDir(), "it [1].zip")

	c.after.Store(300_000)
	c.times.Store(2)
	run(t, d.environ, "jobs", "output", id[:8], file).want(t, 0)
	if contents(t, file) != text || !slices.Equal(c.ranges, []string{"", "bytes=300000-", "bytes=600000-"}) {
		t.Errorf("%d bytes after %q", len(contents(t, file)), c.ranges)
	}

	c.times.Store(1)
	if out := run(t, d.environ, "jobs", "output", id, "-").want(t, 0); out.stdout != text {
		t.Errorf("%d bytes on standard output", len(out.stdout))
	}

	// A server that is of no more use ends the run; the next one goes on.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c.ranges = nil
	c.times.Store(1)
	run(t, d.environ, "jobs", "output", id, file).want(t, 0)
	run(t, d.environ, "jobs", "output", id, file).want(t, 2) // it is there
	c.after.Store(0)
	c.times.Store(100)
	run(t, d.environ, "jobs", "output", id, file, "--force").want(t, 5)
	c.after.Store(400_000)
	c.times.Store(1)
	c.ranges = nil
	run(t, d.environ, "jobs", "output", id, file, "--json", "--force").want(t, 0)
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.part"))
	if err != nil || contents(t, file) != text || len(left) != 0 {
		t.Errorf("%d bytes, %v left, after %q", len(contents(t, file)), left, c.ranges)
	}
}

// What an earlier run has left goes on if it is of this file, and is forgotten if it is of another.
func TestOutputFromAnEarlierRun(t *testing.T) {
	t.Parallel()
	var c cutting
	d := serveJobs(t, c.through)
	id, text := d.finished(100_000)
	dir := t.TempDir()
	file := filepath.Join(dir, "it.zip")
	c.after.Store(40_000)
	c.times.Store(1)
	out, err := d.engine.Output(id, "archive")
	if err != nil {
		t.Fatal(err)
	}
	tag := fmt.Sprintf(`"%x-%x"`, out.Size, out.Modified.UnixNano())
	if err := out.Data.Close(); err != nil {
		t.Fatal(err)
	}
	for _, left := range []struct{ tag, have string }{{tag, text[:25_000]}, {`"another"`, "xxxx"}} {
		c.ranges = nil
		part := file + "." + fmt.Sprintf("%x", left.tag) + ".part"
		if err := os.WriteFile(part, []byte(left.have), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, d.environ, "jobs", "output", id, file, "--force").want(t, 0)
		if _, err := os.Stat(part); contents(t, file) != text || err == nil || c.ranges[0] != fmt.Sprintf("bytes=%d-", len(left.have)) {
			t.Errorf("%s: %d bytes after %q", left.tag, len(contents(t, file)), c.ranges)
		}
	}
}

// A call that comes too late says so.
func TestControlOfAJobThatHasEnded(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	id, _ := d.finished(10)
	for _, verb := range []string{"cancel", "pause"} {
		if out := run(t, d.environ, "jobs", verb, id).want(t, 0); !strings.Contains(out.stdout, "it has ended: Success") {
			t.Error(out.stdout)
		}
	}
}

func TestShortIDs(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	for _, id := range []string{"aaaa0000-0000-4000-8000-000000000001", "aaaa0000-0000-4000-8000-000000000002", "abaa0000-0000-4000-8000-000000000003"} {
		if _, err := d.engine.Submit(t.Context(), &deed{done: make(chan struct{})}, jobs.Options{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	run(t, d.environ, "jobs", "show", "AB").want(t, 0)
	out := run(t, d.environ, "jobs", "pause", "aaaa").want(t, 2)
	if !strings.Contains(out.stderr, `"aaaa" begins the IDs of 2 jobs: aaaa0000-0000-4000-8000-000000000001, aaaa0000-0000-4000-8000-000000000002`) {
		t.Error(out.stderr)
	}
	if out := run(t, d.environ, "jobs", "list").want(t, 0); !strings.Contains(out.stdout, "\naaaa0000-0000-4000-8000-000000000001 ") {
		t.Errorf("ids are not shown as far as they differ:\n%s", out.stdout)
	}
	if out := run(t, d.environ, "__complete", "jobs", "cancel", "ab").want(t, 0); !strings.Contains(out.stdout, "abaa0000-0000-4000-8000-000000000003\tArchive Pending") {
		t.Error(out.stdout)
	}
}

// The shell is offered the jobs that a command has an effect on, and no others.
func TestCompletionOfJobsByState(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	succeeded, _ := d.finished(10)
	running := d.submit(&deed{done: make(chan struct{})})
	for state := jobs.Pending; state != jobs.Running; {
		info, changed, err := d.engine.Watch(running)
		if err != nil {
			t.Fatal(err)
		}
		if state = info.State; state != jobs.Running {
			<-changed
		}
	}
	pending, paused, failed := d.submit(&deed{done: make(chan struct{})}), d.submit(&deed{done: make(chan struct{})}), d.submit(&deed{done: make(chan struct{})})
	run(t, d.environ, "jobs", "pause", paused).want(t, 0)
	run(t, d.environ, "jobs", "cancel", failed).want(t, 0)
	names := map[string]string{running: "running", pending: "pending", paused: "paused", failed: "failed", succeeded: "succeeded"}
	for verb, want := range map[string]string{
		"cancel": "paused pending running", "pause": "pending running", "resume": "paused", "resubmit": "failed",
		"output": "succeeded", "priority": "paused pending running", "show": "failed paused pending running succeeded",
	} {
		out := run(t, d.environ, "__complete", "jobs", verb, "").want(t, 0)
		var offered []string
		for line := range strings.Lines(out.stdout) {
			id, _, _ := strings.Cut(line, "\t")
			if name := names[id]; name != "" {
				offered = append(offered, name)
			}
		}
		slices.Sort(offered)
		if got := strings.Join(offered, " "); got != want {
			t.Errorf("%s: %s, want %s", verb, got, want)
		}
	}
}

// tty is a terminal that tells what is written on it.
type tty struct{ writes chan string }

func (s tty) Write(p []byte) (int, error) {
	s.writes <- string(p)
	return len(p), nil
}

// On a terminal the table is drawn over itself, as wide as fits, until the jobs named have ended.
func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	job := &deed{done: make(chan struct{})}
	id := d.submit(job)
	env, _, stderr := testEnv(d.environ)
	s := tty{make(chan string, 100)}
	env.Stdout = s
	env.Terminal = func(io.Writer) (int, bool) { return 40, true }
	ended := make(chan int, 1)
	go func() { ended <- cli.Main([]string{"jobs", "watch", id[:6]}, env) }()
	for !strings.Contains(<-s.writes, "Running") {
	}
	close(job.done)
	if code := <-ended; code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	last := ""
	for len(s.writes) > 0 {
		last = <-s.writes
	}
	if !strings.HasPrefix(last, "\x1b[2A\r\x1b[JID ") || !strings.Contains(last, id[:8]+"  Archive  Success  100 %") {
		t.Errorf("%q", last)
	}
	for line := range strings.Lines(last) {
		if n := len([]rune(strings.TrimPrefix(line, "\x1b[2A\r\x1b[J"))); n > 40 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// Elsewhere each change is a line.
func TestWatchLines(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	job := &deed{done: make(chan struct{})}
	id := d.submit(job)
	for _, flags := range [][]string{nil, {"--json"}} {
		env, _, _ := testEnv(d.environ)
		s := tty{make(chan string, 100)}
		env.Stdout = s
		ended := make(chan int, 1)
		go func() { ended <- cli.Main(append([]string{"jobs", "watch", id}, flags...), env) }()
		first := <-s.writes
		if flags == nil && !strings.Contains(first, id+"  Archive  Running") || flags != nil && !strings.Contains(first, `"State":"Running"`) {
			t.Errorf("%q", first)
		}
		if flags == nil {
			continue // the daemon ends this one
		}
		close(job.done)
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}
