package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gantry/internal/cli"
)

// countingDaemon serves metrics that grow with every scrape.
func countingDaemon(t *testing.T) string {
	t.Helper()
	var scrapes atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tools/metrics-prometheus" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		n := scrapes.Add(1)
		_, _ = fmt.Fprintf(w, `# TYPE gantry_operations_total counter
gantry_operations_total{service="C-STORE"} %d
# TYPE gantry_received_bytes_total counter
gantry_received_bytes_total{peer="ct"} %d
# TYPE gantry_operation_duration_seconds histogram
gantry_operation_duration_seconds_bucket{service="C-STORE",le="0.01"} %d
gantry_operation_duration_seconds_bucket{service="C-STORE",le="+Inf"} %d
gantry_operation_duration_seconds_sum{service="C-STORE"} %g
gantry_operation_duration_seconds_count{service="C-STORE"} %d
# TYPE gantry_associations_open gauge
gantry_associations_open %d
# TYPE gantry_commitment_oldest_age_seconds gauge
gantry_commitment_oldest_age_seconds 7500
`, 10*n, 3e6*n, 10*n, 10*n, 0.05*float64(n), 10*n, n)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// screen tells when so many tables have been shown.
type screen struct {
	mu     sync.Mutex
	b      bytes.Buffer
	left   int
	enough func()
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(p)
	shown := bytes.Count(p, []byte("JOBS AND STORAGE"))
	if s.left -= shown; shown > 0 && s.left == 0 { // not again for what comes until the interrupt is seen
		s.enough()
	}
	return len(p), nil
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Watching shows rates from the second look on, and ends with an interrupt.
func TestWatchingMetrics(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{false, true} {
		url := countingDaemon(t)
		env, _, stderr := testEnv(nil)
		interrupt := make(chan os.Signal, 1)
		out := &screen{left: 2, enough: func() { interrupt <- os.Interrupt }}
		env.Stdout = out
		env.Terminal = func(io.Writer) (int, bool) { return 80, terminal }
		env.Signals = func() (<-chan os.Signal, func()) { return interrupt, func() {} }
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		env.Now = func() time.Time { now = now.Add(2 * time.Second); return now }
		if code := cli.Main([]string{"metrics", "--watch", "--interval", "5ms", "--url", url}, env); code != 130 {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		shown := out.String()
		first, second, _ := strings.Cut(shown[len("http://"):], "http://")
		if strings.Contains(first, "/s") {
			t.Errorf("rates in the first table:\n%s", first)
		}
		for _, line := range []string{`(?m)^operations +service=C-STORE +20 +5\.0/s$`, `(?m)^received +peer=ct +6\.0 MB +1\.5 MB/s$`,
			`(?m)^operation duration +service=C-STORE +20, mean 5 ms, 95 % within 10 ms +5\.0/s$`, `(?m)^associations open +2$`,
			`(?m)^commitment oldest age +2h5m0s$`, `at 03:04:09`} {
			if !regexp.MustCompile(line).MatchString(second) {
				t.Errorf("%s is missing in\n%s", line, second)
			}
		}
		if strings.Contains(shown, "\x1b[2J") != terminal {
			t.Errorf("terminal %v: %q", terminal, shown)
		}
	}
}

// What is no metrics is said to be none.
func TestMetricsOfSomethingElse(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }))
	t.Cleanup(s.Close)
	got := run(t, nil, "metrics", "--url", s.URL)
	if got.want(t, 5); !strings.Contains(got.stderr, "answer to GET /tools/metrics-prometheus is not what was expected") ||
		!strings.Contains(got.stderr, "Is it the REST API of a gantry") {
		t.Errorf("stderr: %s", got.stderr)
	}
}
