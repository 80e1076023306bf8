package cli_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// keeper is a daemon whose jobs make an archive each; every connection to one breaks after some bytes.
type keeper struct {
	mu     sync.Mutex
	made   [][]byte // what jobs 1, 2 and so on have made
	gone   int      // jobs up to this one had to make room
	left   int      // bytes until the connection breaks; 0: never
	next   []byte   // what the next job makes
	ranges int      // answers with a part
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var job int
	switch {
	case r.URL.Path == "/studies":
		_, _ = w.Write([]byte(`["` + archivedStudy + `"]`))
	case r.URL.Path == "/patients" || r.URL.Path == "/series":
		_, _ = w.Write([]byte("[]"))
	case r.URL.Path == "/tools/create-archive":
		k.made = append(k.made, k.next)
		_, _ = fmt.Fprintf(w, `{"ID":"%d","Path":"/jobs/%[1]d"}`, len(k.made))
	case len(r.URL.Path) > 6 && r.URL.Path[:6] == "/jobs/":
		_, _ = fmt.Sscanf(r.URL.Path, "/jobs/%d", &job)
		name := fmt.Sprintf("/jobs/%d", job)
		switch {
		case job < 1 || job > len(k.made):
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == name:
			_, _ = fmt.Fprintf(w, `{"ID":"%d","State":"Success"}`, job)
		case job <= k.gone:
			w.WriteHeader(http.StatusNotFound)
		default:
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, job))
			part := &partly{ResponseWriter: w, k: k, left: k.left}
			http.ServeContent(part, r, "", time.Time{}, bytes.NewReader(k.made[job-1]))
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// partly breaks a connection.
type partly struct {
	http.ResponseWriter
	k    *keeper
	left int
}

func (p *partly) WriteHeader(status int) {
	if status == http.StatusPartialContent {
		p.k.ranges++
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *partly) Write(b []byte) (int, error) {
	if p.k.left > 0 && len(b) > p.left {
		_, _ = p.ResponseWriter.Write(b[:p.left])
		_ = http.NewResponseController(p.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	p.left -= len(b)
	return p.ResponseWriter.Write(b)
}

// A download whose connection breaks again and again is whole in the end.
func TestArchiveBreaksManyTimes(t *testing.T) {
	t.Parallel()
	for _, left := range []int{1, 4095, 4096, 65537} {
		k := &keeper{next: zipOf(t, "first", bytes.Repeat([]byte("first"), 40_000)), left: left}
		if left == 1 {
			k.next = zipOf(t, "f", []byte("x"))
		}
		server := httptest.NewServer(k)
		t.Cleanup(server.Close)
		file := filepath.Join(t.TempDir(), "s.zip")
		run(t, []string{"GANTRY_URL=" + server.URL}, "archive", archivedStudy, "--async", "--output", file).want(t, 0)
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, k.next) || k.ranges == 0 {
			t.Errorf("in pieces of %d bytes: %d bytes of %d, %d parts, %v", left, len(got), len(k.next), k.ranges, err)
		}
	}
}

// An archive that had to make room for others since an earlier run is made anew, and nothing of the first is in it.
func TestArchiveThatMadeRoom(t *testing.T) {
	t.Parallel()
	k := &keeper{next: zipOf(t, "first", bytes.Repeat([]byte("first"), 40_000))}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	environ := []string{"GANTRY_URL=" + server.URL}
	file := filepath.Join(t.TempDir(), "s.zip")
	args := []string{"archive", archivedStudy, "--async", "--output", file}
	if err := os.WriteFile(file+".223122.part", k.next[:50_000], 0o600); err != nil { // of "1", what an earlier run has left
		t.Fatal(err)
	}
	k.made, k.gone = [][]byte{k.next}, 1
	text := fmt.Sprintf(`{"URL":%q,"Request":{"Resources":[%q]},"Media":false,"Job":"1"}`, server.URL, archivedStudy)
	if err := os.WriteFile(file+".job", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k.next = zipOf(t, "second", bytes.Repeat([]byte("second!"), 30_000))
	run(t, environ, args...).want(t, 0)
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, k.next) || len(k.made) != 2 {
		t.Errorf("%d bytes of %d, %d jobs, %v", len(got), len(k.next), len(k.made), err)
	}
	if left, _ := filepath.Glob(file + "*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// zipOf is an archive of one file that is not compressed.
func zipOf(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
