package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gantry/internal/config"
	"gantry/internal/daemon"
)

// Scripts run only where the configuration lets them, and what they do wrong is told as Orthanc tells it.
func TestExecuteScript(t *testing.T) {
	t.Parallel()
	closed, open := start(t, nil), start(t, func(c *config.Config) { c.ExecuteLuaEnabled = true })
	for _, x := range []struct {
		s      *server
		script string
		status int
		want   string
	}{
		{closed, `print(1)`, http.StatusForbidden, ""},
		{open, `print("a", 1)`, http.StatusOK, "a, 1\n"},
		{open, ``, http.StatusOK, ""},
		{open, `error("x")`, http.StatusInternalServerError, `"OrthancStatus": 2031`},
		{open, `print(os)`, http.StatusOK, "nil\n"},
		{open, strings.Repeat("-", 1<<20+1), http.StatusRequestEntityTooLarge, "1048576"},
	} {
		status, text := do(t, http.MethodPost, x.s.url+"/tools/execute-script", []byte(x.script))
		if status != x.status || !strings.Contains(string(text), x.want) {
			t.Errorf("%.40s: status %d: %s", x.script, status, text)
		}
	}
}

// The conformance statement says what is offered at the moment.
func TestConformanceStatement(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.DicomAet = "STATED" })
	_, before := do(t, http.MethodGet, s.url+"/tools/dicom-conformance", nil)
	for _, want := range []string{"AE title: STATED", "Port: " + s.dicomPort(), "1.2.840.10008.5.1.4.1.1.2 CT Image Storage", "1.2.840.10008.1.2.4.50"} {
		if !strings.Contains(string(before), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	ask(t, http.MethodPut, s.url+"/tools/accepted-transfer-syntaxes", []byte(`["1.2.840.10008.1.2"]`), nil)
	if _, now := do(t, http.MethodGet, s.url+"/tools/dicom-conformance", nil); strings.Contains(string(now), "1.2.840.10008.1.2.4.50") {
		t.Error("it still has a transfer syntax that is not accepted any more")
	}
}

// lockedLog is a log that several may write to.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// The level of a category holds for its messages, and at once.
func TestLogLevelsTakeEffect(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.LogLevel = "info"
	log := &lockedLog{}
	d := daemon.New(cfg, daemon.Options{Version: "test", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop(context.Background()) })
	url := "http://" + d.HTTPAddr().String()
	const line = "path=/tools/now"
	get := func() { do(t, http.MethodGet, url+"/tools/now", nil) }
	get()
	do(t, http.MethodPut, url+"/tools/log-level-dicom", []byte("trace"))
	get()
	if n := log.count(line); n != 0 {
		t.Errorf("%d requests were logged at level info", n)
	}
	do(t, http.MethodPut, url+"/tools/log-level", []byte("trace"))
	get()
	eventually(t, "a request is logged at level trace", func() bool { return log.count(line) == 1 })
	do(t, http.MethodPut, url+"/tools/log-level-http", []byte("default"))
	get()
	if _, level := do(t, http.MethodGet, url+"/tools/log-level-jobs", nil); string(level) != "trace" {
		t.Errorf("jobs: %s", level)
	}
	if n := log.count(line); n != 1 {
		t.Errorf("%d requests were logged", n)
	}
}

// A form of several files is answered with what was stored of each; one that is no DICOM file ends it, and says so.
func TestForms(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	form := func(files ...[]byte) (status int, text []byte) {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for _, file := range files {
			part, err := w.CreateFormFile("files", "../\"name\r\n.dcm")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := part.Write(file); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return do(t, http.MethodPost, s.url+"/instances", body.Bytes(), "Content-Type", w.FormDataContentType())
	}
	one, two, three := newObject().file(t), newObject().file(t), newObject().file(t)
	status, text := form(one, zipped(t, map[string][]byte{"two": two}, nil), one)
	var stored []struct{ ID, Status string }
	if err := json.Unmarshal(text, &stored); err != nil || status != http.StatusOK || len(stored) != 3 || stored[2].Status != "AlreadyStored" {
		t.Errorf("status %d: %s", status, text)
	}
	status, text = form(three, []byte("no DICOM"))
	if status != http.StatusBadRequest || !strings.Contains(string(text), "File 2 of the form") || !strings.Contains(string(text), "1 of its files were stored before") {
		t.Errorf("status %d: %s", status, text)
	}
	var totals struct{ CountInstances int }
	if s.get("/statistics", &totals); totals.CountInstances != 3 {
		t.Errorf("%d instances are stored", totals.CountInstances)
	}
	if status, text = form(); status != http.StatusOK || strings.TrimSpace(string(text)) != "[]" {
		t.Errorf("status %d: %s", status, text)
	}
}

// A form that ends before it says so is refused, wherever that is: what is missing could be files.
func TestFormsThatBreakOff(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	file := newObject().file(t)
	const head = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n"
	whole := head + "\r\n" + string(file) + "\r\n"
	for name, body := range map[string]string{"nothing": "", "another boundary": "--other\r\n\r\nx\r\n--other--\r\n",
		"in the head": whole + head, "behind a boundary": whole + "--b\r\n", "in the last boundary": whole + "--b-",
		"in a file": whole + head + "\r\n" + string(file[:200])} {
		status, text := do(t, http.MethodPost, s.url+"/instances", []byte(body), "Content-Type", "multipart/form-data; boundary=b")
		stored := strings.Count(body, "--b\r\n") > 1
		if status != http.StatusBadRequest || stored != strings.Contains(string(text), "1 of its files were stored before") {
			t.Errorf("%s: status %d: %s", name, status, text)
		}
	}
}
