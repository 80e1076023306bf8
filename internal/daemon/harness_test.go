package daemon_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/daemon"
)

// server is a daemon in this process, on ports of the system's choice and an empty folder.
type server struct {
	*daemon.Daemon
	t   testing.TB
	cfg *config.Config
	url string
}

// start runs a daemon with a configuration that change may adapt; it is stopped with the test.
func start(t testing.TB, change func(*config.Config)) *server {
	t.Helper()
	cfg := testConfig(t.TempDir())
	if change != nil {
		change(cfg)
	}
	d := daemon.New(cfg, daemon.Options{Version: "test", Logger: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := d.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return &server{Daemon: d, t: t, cfg: cfg, url: "http://" + d.HTTPAddr().String()}
}

// newDaemon makes a daemon whose log nobody reads.
func newDaemon(cfg *config.Config) *daemon.Daemon {
	return daemon.New(cfg, daemon.Options{Version: "test"})
}

func testConfig(dir string) *config.Config {
	cfg := config.Default()
	cfg.StorageDirectory = dir
	cfg.DicomPort, cfg.HttpPort = 0, 0
	cfg.DicomBindAddresses = []string{"127.0.0.1"}
	cfg.SegmentSize = 16
	cfg.LogLevel = "debug"
	return cfg
}

// testLog shows the daemon's log with the test that failed.
type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (s *server) dicomPort() string {
	return strconv.Itoa(s.DICOMAddr().(*net.TCPAddr).Port)
}

// do sends a request and returns the status and the body of the answer.
func do(t testing.TB, method, url string, body []byte, header ...string) (int, []byte) {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		rq.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text
}

// get reads JSON from a path that has to answer 200.
func (s *server) get(path string, into any) {
	s.t.Helper()
	ask(s.t, http.MethodGet, s.url+path, nil, into)
}

// post sends a body to a path that has to answer 200, and reads the JSON of the answer.
func (s *server) post(path string, body []byte, into any) {
	s.t.Helper()
	ask(s.t, http.MethodPost, s.url+path, body, into)
}

func ask(t testing.TB, method, url string, body []byte, into any) {
	t.Helper()
	status, text := do(t, method, url, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s: status %d: %s", method, url, status, text)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s %s: %v in %s", method, url, err, text)
	}
}

// eventually asks until done says so; how often does not matter, only that it comes to pass.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("never came to pass: %s", what)
		case <-tick.C:
		}
	}
}
