package cli_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gantry/internal/cli"
)

// archiver is a daemon with one study, whose connections break after some bytes of an archive.
type archiver struct {
	archive   []byte
	submitted atomic.Int32
	served    atomic.Int64 // bytes of the archive
	breakAt   atomic.Int64 // 0: never
}

const archivedStudy = "66c8e41e-ac3a9029-0b85e42a-8195ee0a-92c2e62e"

func newArchiver(t *testing.T) (*archiver, []string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "a/CT000001.dcm"})
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 3<<20)
	_, _ = rand.Read(content)
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a := &archiver{archive: b.Bytes()}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return a, []string{"GANTRY_URL=" + server.URL}
}

func (a *archiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/studies":
		_, _ = w.Write([]byte(`["` + archivedStudy + `"]`))
	case "/patients", "/series":
		_, _ = w.Write([]byte("[]"))
	case "/jobs/1":
		_, _ = w.Write([]byte(`{"ID":"1","State":"Success"}`))
	case "/jobs/1/archive":
		w.Header().Set("ETag", `"one"`)
		http.ServeContent(&breaking{ResponseWriter: w, a: a}, r, "", time.Time{}, bytes.NewReader(a.archive))
	case "/tools/create-archive", "/tools/create-media":
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body)
		if strings.Contains(body.String(), `"Asynchronous":true`) {
			a.submitted.Add(1)
			_, _ = w.Write([]byte(`{"ID":"1","Path":"/jobs/1"}`))
			return
		}
		_, _ = (&breaking{ResponseWriter: w, a: a}).Write(a.archive)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// breaking ends the connection where the archiver says.
type breaking struct {
	http.ResponseWriter
	a *archiver
}

func (b *breaking) Write(p []byte) (int, error) {
	if limit := b.a.breakAt.Load(); limit > 0 && b.a.served.Load()+int64(len(p)) > limit {
		_, _ = b.ResponseWriter.Write(p[:max(0, limit-b.a.served.Load())])
		b.a.served.Store(limit)
		_ = http.NewResponseController(b.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	n, err := b.ResponseWriter.Write(p)
	b.a.served.Add(int64(n))
	return n, err
}

func TestArchiveThatBreaksOff(t *testing.T) {
	t.Parallel()
	a, environ := newArchiver(t)
	a.breakAt.Store(1 << 20)
	file := filepath.Join(t.TempDir(), "s.zip")
	o := run(t, environ, "archive", "66c8e41e", "--output", file).want(t, 5)
	if !strings.Contains(o.stderr, "broke off after") || !strings.Contains(o.stderr, "--async") {
		t.Errorf("%s", o.stderr)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	a.served.Store(0)
	run(t, environ, "archive", "66c8e41e", "--output", "-").want(t, 5)
}

// The same command goes on with what the job has made, from where the last one has stopped.
func TestArchiveGoesOn(t *testing.T) {
	t.Parallel()
	a, environ := newArchiver(t)
	a.breakAt.Store(1 << 20)
	file := filepath.Join(t.TempDir(), "s.zip")
	args := []string{"archive", archivedStudy[:12], "--async", "--media", "--output", file}
	run(t, environ, args...).want(t, 5)
	a.breakAt.Store(0)
	run(t, environ, args...).want(t, 0)
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, a.archive) {
		t.Errorf("%d bytes of %d: %v", len(got), len(a.archive), err)
	}
	if n := a.submitted.Load(); n != 1 {
		t.Errorf("%d jobs", n)
	}
	if all := a.served.Load(); all > int64(len(a.archive))+64<<10 {
		t.Errorf("%d bytes were sent of an archive of %d", all, len(a.archive))
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Who interrupts the waiting for a job hears that nothing is lost by it.
func TestArchiveIsInterrupted(t *testing.T) {
	t.Parallel()
	a, environ := newArchiver(t)
	asked := make(chan struct{}, 10)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jobs/1" {
			asked <- struct{}{}
			<-r.Context().Done()
			return
		}
		a.ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	env, _, stderr := testEnv(append(environ, "GANTRY_URL="+slow.URL))
	c := make(chan os.Signal, 1)
	env.Signals = func() (<-chan os.Signal, func()) { return c, func() {} }
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main([]string{"archive", "66c8e41e", "--async", "--output", filepath.Join(t.TempDir(), "s.zip")}, env)
	}()
	<-asked
	c <- os.Interrupt
	if code := <-ended; code != 130 || !strings.Contains(stderr.String(), "gantry: interrupted\n        The daemon keeps job 1: the same command goes on with it.\n") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestArchiveWithoutItsEnd(t *testing.T) {
	t.Parallel()
	a, environ := newArchiver(t)
	a.archive = a.archive[:len(a.archive)-30] // and the connection ends well
	dir := t.TempDir()
	for i, args := range [][]string{{"--output", "-"}, {"--output", filepath.Join(dir, "x.zip")}, {"--extract", filepath.Join(dir, "x")}} {
		o := run(t, environ, append([]string{"archive", "66c8"}, args...)...).want(t, 5)
		if !strings.Contains(o.stderr, "not a whole archive") {
			t.Errorf("%s: %s", strconv.Itoa(i), o.stderr)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.zip*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
