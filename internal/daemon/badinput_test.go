package daemon_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/config"
)

// refusing is a server with a limit of 1 MiB for bodies and its own folder for temporary files.
func refusing(t *testing.T, megabytes int) (s *server, temporary string) {
	t.Helper()
	temporary = t.TempDir()
	return start(t, func(c *config.Config) {
		c.HttpMaximumBodySize, c.HttpRequestTimeout, c.TemporaryDirectory, c.LogLevel = megabytes, 1, temporary, "info"
	}), temporary
}

// refusals reads how often a limit has refused something.
func (s *server) refusals(limit string) int {
	s.t.Helper()
	_, text := do(s.t, "GET", s.url+"/tools/metrics-prometheus", nil)
	found := regexp.MustCompile(`(?m)^gantry_refusals_total\{limit="` + limit + `"\} (\d+)$`).FindSubmatch(text)
	if found == nil {
		s.t.Fatalf("no metric for the limit %s", limit)
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

// zipped makes a ZIP file; forge may change what its list says of each entry.
func zipped(t *testing.T, files map[string][]byte, forge func(*zip.FileHeader)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range files {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(data); err != nil && len(data) > 0 {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if forge != nil {
		forgeSizes(b.Bytes(), forge)
	}
	return b.Bytes()
}

// forgeSizes changes the sizes in the list of entries (APPNOTE 4.3.12).
func forgeSizes(file []byte, forge func(*zip.FileHeader)) {
	for at := 0; ; at++ {
		i := bytes.Index(file[at:], []byte("PK\x01\x02"))
		if i < 0 {
			return
		}
		at += i
		h := &zip.FileHeader{UncompressedSize64: uint64(binary.LittleEndian.Uint32(file[at+24:]))}
		forge(h)
		binary.LittleEndian.PutUint32(file[at+24:], uint32(h.UncompressedSize64))
	}
}

func compressed(t *testing.T, data []byte, to func(io.Writer) io.WriteCloser) []byte {
	t.Helper()
	var b bytes.Buffer
	w := to(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipWriter(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func zlibWriter(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

// Bodies that are not what they say, or are more than they may be, are refused: with the right status, a metric,
// bounded memory, an unchanged store, and nothing left in the temporary folder. It does not run beside other tests:
// memory is measured.
func TestBadUploads(t *testing.T) { //nolint:paralleltest // see above
	s, temporary := refusing(t, 1)
	object := newObject().file(t)
	bomb := append(bytes.Clone(newObject().file(t)), make([]byte, 64<<20)...)
	for _, x := range []struct {
		name   string
		body   []byte
		header []string
		status int
		limit  string
	}{
		{"ZIP bomb", zipped(t, map[string][]byte{"a.dcm": bomb}, nil), nil, 413, "http_body_size"},
		{"ZIP bomb that says it is small", zipped(t, map[string][]byte{"a.dcm": bomb}, func(h *zip.FileHeader) { h.UncompressedSize64 = 1000 }), nil, 400, "http_bad_request"},
		{"ZIP that says it is huge", zipped(t, map[string][]byte{"a.dcm": object}, func(h *zip.FileHeader) { h.UncompressedSize64 = 1<<32 - 2 }), nil, 413, "http_body_size"},
		{"ZIP whose entry is shorter than it says", zipped(t, map[string][]byte{"a.dcm": object}, func(h *zip.FileHeader) { h.UncompressedSize64 += 100 }), nil, 400, "http_bad_request"},
		{"half a ZIP", zipped(t, map[string][]byte{"a.dcm": object}, nil)[:200], nil, 400, "http_bad_request"},
		{"many small entries that are much together", zipped(t, manyOf(2000, bytes.Repeat([]byte{0}, 1<<10)), nil), nil, 413, "http_body_size"},
		{"gzip bomb", compressed(t, bomb, gzipWriter), []string{"Content-Encoding", "gzip"}, 413, "http_body_size"},
		{"deflate bomb", compressed(t, bomb, zlibWriter), []string{"Content-Encoding", "deflate"}, 413, "http_body_size"},
		{"gzip bomb of a ZIP", compressed(t, append([]byte("PK\x03\x04"), make([]byte, 64<<20)...), gzipWriter), []string{"Content-Encoding", "gzip"}, 413, "http_body_size"},
		{"no gzip", object, []string{"Content-Encoding", "gzip"}, 400, "http_bad_request"},
		{"half a gzip", compressed(t, object, gzipWriter)[:100], []string{"Content-Encoding", "gzip"}, 400, "http_bad_request"},
		{"plain body that is too large", make([]byte, 2<<20), nil, 413, "http_body_size"},
		{"form without boundary", object, []string{"Content-Type", "multipart/form-data"}, 400, "http_bad_request"},
		{"half a form", []byte("--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"../../a\"\r\n\r\n" + string(object[:100])), []string{"Content-Type", "multipart/form-data; boundary=x"}, 400, "http_bad_request"},
	} {
		before, counted := s.totals(), s.refusals(x.limit)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		allocated := m.TotalAlloc
		status, text := do(t, "POST", s.url+"/instances", x.body, x.header...)
		runtime.ReadMemStats(&m)
		if status != x.status {
			t.Errorf("%s: status %d: %s", x.name, status, text)
		}
		if grown := m.TotalAlloc - allocated; grown > 16<<20 {
			t.Errorf("%s: %d bytes of memory were taken", x.name, grown)
		}
		if after := s.totals(); after != before {
			t.Errorf("%s: the store has changed: %s", x.name, after)
		}
		if s.refusals(x.limit) != counted+1 {
			t.Errorf("%s: no refusal was counted under %s", x.name, x.limit)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(temporary, "*upload*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A list of entries that would take much memory is refused before it is read, whatever number of entries it says.
func TestListsOfZIPEntriesAreBounded(t *testing.T) { //nolint:paralleltest // memory is measured
	s, _ := refusing(t, 64)
	entry := make([]byte, 46)
	copy(entry, "PK\x01\x02")
	const number = 600_000
	for _, says := range []uint16{number & 0xffff, 1} {
		var b bytes.Buffer
		b.WriteString("PK\x03\x04")
		b.Write(make([]byte, 26))
		at := b.Len()
		for range number {
			b.Write(entry)
		}
		end := make([]byte, 22)
		copy(end, "PK\x05\x06")
		binary.LittleEndian.PutUint16(end[10:], says)
		binary.LittleEndian.PutUint32(end[12:], uint32(b.Len()-at))
		binary.LittleEndian.PutUint32(end[16:], uint32(at))
		b.Write(end)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		allocated := m.TotalAlloc
		status, text := do(t, "POST", s.url+"/instances", b.Bytes())
		runtime.ReadMemStats(&m)
		if status != 413 || !strings.Contains(string(text), "list of entries") {
			t.Errorf("status %d: %s", status, text)
		}
		if grown := m.TotalAlloc - allocated; grown > 400<<20 {
			t.Errorf("%d bytes of memory were taken", grown)
		}
	}
}

// Names of entries and of files in forms are text, never paths; what is no DICOM file is passed over.
func TestNamesInUploadsAreNoPaths(t *testing.T) {
	t.Parallel()
	s, _ := refusing(t, 16)
	outside := filepath.Join(t.TempDir(), "outside")
	names := []string{"../../../../../../" + outside, outside, "a\x00b", "quote\"'", "new\r\nline", `..\..\windows`, "", strings.Repeat("x", 60000)}
	files := map[string][]byte{"DICOMDIR": newObject().file(t), "sub/": nil, "readme.txt": []byte("hello"),
		"inner.zip": zipped(t, map[string][]byte{"a": newObject().file(t)}, nil), "empty": nil}
	for _, name := range names {
		files[name] = newObject().file(t)
	}
	var stored []struct{ ID, Status string }
	s.post("/instances", zipped(t, files, nil), &stored)
	if len(stored) != len(names) {
		t.Errorf("%d of %d files were stored: %v", len(stored), len(names), stored)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("a file was written outside")
	}
}

func manyOf(n int, data []byte) map[string][]byte {
	files := map[string][]byte{}
	for i := range n {
		files[strconv.Itoa(i)] = data
	}
	return files
}

// totals is what the store holds, as text.
func (s *server) totals() string {
	s.t.Helper()
	var totals map[string]any
	s.get("/statistics", &totals)
	text, err := json.Marshal(totals)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
