package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gantry/internal/config"
	"gantry/internal/testkit"
)

// readmeBlock returns the YAML block of the README that begins with a line.
func readmeBlock(t testing.TB, first string) string {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(testkit.ModuleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```yaml\n"+first+"\n")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatalf("the README has no YAML that begins with %s", first)
	}
	return first + "\n" + block
}

// What the README shows is what Prometheus takes.
func TestReadmePrometheusConfiguration(t *testing.T) {
	t.Parallel()
	promtool := testkit.Program(t, "promtool")
	for _, test := range []struct{ check, first string }{{"config", "scrape_configs:"}, {"rules", "groups:"}} {
		file := filepath.Join(t.TempDir(), "prometheus.yml")
		if err := os.WriteFile(file, []byte(readmeBlock(t, test.first)), 0o600); err != nil {
			t.Fatal(err)
		}
		if output, err := exec.CommandContext(t.Context(), promtool, "check", test.check, file).CombinedOutput(); err != nil {
			t.Errorf("promtool check %s: %v\n%s", test.check, err, output)
		}
	}
}

// A real Prometheus with the configuration of the README scrapes a daemon that asks for a login, and answers questions.
func TestPrometheusScrapesWithALogin(t *testing.T) {
	t.Parallel()
	program := testkit.Program(t, "prometheus")
	s := start(t, func(cfg *config.Config) {
		yes := true
		cfg.AuthenticationEnabled = &yes
		cfg.RegisteredUsers = map[string]string{"prometheus": "a secret", "alice": "another"}
	})
	o := newObject()
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/instances", bytes.NewReader(o.file(t)))
	if err != nil {
		t.Fatal(err)
	}
	rq.SetBasicAuth("alice", "another")
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("upload: status %d", answer.StatusCode)
	}
	if status, _ := do(t, http.MethodGet, s.url+"/tools/metrics-prometheus", nil); status != http.StatusUnauthorized {
		t.Errorf("without a login: status %d", status)
	}
	prometheus := startPrometheus(t, program, s)
	for query, want := range map[string]string{
		`gantry_stored_resources{level="instance"}`:                                               "1",
		`sum(gantry_storage_objects_total{result="stored"})`:                                      "1",
		`gantry_refusals_total{limit="login_missing"}`:                                            "1",
		`gantry_ready and on(instance) up`:                                                        "1",
		`histogram_quantile(0.5, sum by (le) (gantry_storage_sync_wait_seconds_bucket)) < bool 5`: "1",
		`count(go_goroutines) + count(process_resident_memory_bytes)`:                             "2",
		`sum(gantry_http_requests_total{route="/instances",method="POST",status="200"})`:          "1",
		`count({__name__=~"orthanc_.*"}) or vector(0)`:                                            "0", // not asked for
	} {
		eventually(t, query, func() bool { return slices.Equal(prometheus.ask(t, query), []string{want}) })
	}
}

// prometheus is a running Prometheus.
type prometheus struct{ url string }

// startPrometheus runs it on a port of its choice; it is killed with the test.
func startPrometheus(t testing.TB, program string, s *server) *prometheus {
	t.Helper()
	dir := t.TempDir()
	settings := strings.ReplaceAll(readmeBlock(t, "scrape_configs:"), "localhost:8042", s.HTTPAddr().String())
	settings = "global:\n  scrape_interval: 1s\n" + settings
	for name, text := range map[string]string{"prometheus.yml": settings, "gantry.password": "a secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=127.0.0.1:0")
	var log lockedBuffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus:\n%s", log.String())
		}
	})
	listening := regexp.MustCompile(`"Listening on" address=(\S+)`)
	var found []string
	eventually(t, "Prometheus listens", func() bool {
		found = listening.FindStringSubmatch(log.String())
		return found != nil
	})
	return &prometheus{"http://" + found[1]}
}

// ask returns the values that answer a query, none while there is no answer.
func (p *prometheus) ask(t testing.TB, query string) (values []string) {
	t.Helper()
	status, text := do(t, http.MethodGet, p.url+"/api/v1/query?"+url.Values{"query": {query}}.Encode(), nil)
	if status == http.StatusServiceUnavailable { // it is starting
		return nil
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", query, status, err, text)
	}
	for _, r := range answer.Data.Result {
		values = append(values, fmt.Sprint(r.Value[1]))
	}
	return values
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// promtool has nothing to say about our metrics; of Orthanc's names it says what we know.
func TestPromtoolAcceptsTheMetrics(t *testing.T) {
	t.Parallel()
	promtool := testkit.Program(t, "promtool")
	s := start(t, nil)
	s.post("/instances", newObject().file(t), nil)
	check := func(path string) (string, error) {
		_, text := do(t, http.MethodGet, s.url+path, nil)
		cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		cmd.Stdin = bytes.NewReader(text)
		output, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(output)), err
	}
	if output, err := check("/tools/metrics-prometheus?collect[]=gantry&collect[]=go&collect[]=process"); err != nil || output != "" {
		t.Errorf("promtool: %v\n%s", err, output)
	}
	known := regexp.MustCompile(`^orthanc_\w+ (metric names should not contain abbreviated units` +
		`|non-histogram and non-summary metrics should not have "_count" suffix)$`)
	output, _ := check("/tools/metrics-prometheus") // it fails for these
	for line := range strings.Lines(output) {
		if !known.MatchString(strings.TrimSpace(line)) {
			t.Errorf("promtool: %s", line)
		}
	}
}

var metricLine = regexp.MustCompile(`(?m)^(orthanc_\w+) (\S+)`)

// orthancMetrics reads the metrics with Orthanc's names.
func orthancMetrics(t testing.TB, base string) map[string]string {
	t.Helper()
	status, text := do(t, http.MethodGet, base+"/tools/metrics-prometheus", nil)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d", base, status)
	}
	values := map[string]string{}
	for _, found := range metricLine.FindAllSubmatch(text, -1) {
		values[string(found[1])] = string(found[2])
	}
	return values
}

// Every name that Orthanc serves after some work is served, with its values where they are of the same objects.
func TestOrthancsMetricNamesAreKept(t *testing.T) {
	t.Parallel()
	program := testkit.NewestOrthanc(t)
	s := start(t, nil)
	o := startOrthanc(t, program, s.dicomPort())
	gone := newObject()
	for _, base := range []string{s.url, o.url} {
		ask(t, http.MethodPut, base+"/modalities/dead", []byte(`["DEAD", "127.0.0.1", 1]`), nil)
	}
	first := newObject()
	for _, image := range []object{first, gone} {
		file := image.file(t)
		for _, base := range []string{s.url, o.url} {
			var stored struct{ ID, Path string }
			ask(t, http.MethodPost, base+"/instances", file, &stored)
			ask(t, http.MethodGet, base+stored.Path, nil, nil)
			_, _ = do(t, http.MethodGet, base+stored.Path+"/file", nil)
			_, _ = do(t, http.MethodPost, base+"/modalities/dead/store", []byte(stored.ID)) // a job that fails
			if image == gone {
				ask(t, http.MethodDelete, base+stored.Path, nil, nil)
			}
		}
	}
	theirs := orthancMetrics(t, o.url)
	if len(theirs) < 40 {
		t.Fatalf("only %d metrics of Orthanc: %v", len(theirs), theirs)
	}
	same := []string{"orthanc_count_patients", "orthanc_count_studies", "orthanc_count_series", "orthanc_count_instances",
		"orthanc_jobs_pending", "orthanc_jobs_running", "orthanc_jobs_total_completed", "orthanc_jobs_total_failed"}
	eventually(t, "our index has the objects", func() bool {
		return orthancMetrics(t, s.url)["orthanc_count_instances"] == theirs["orthanc_count_instances"]
	})
	ours := orthancMetrics(t, s.url)
	for name, value := range theirs {
		got, served := ours[name]
		if !served {
			t.Errorf("%s is not served; Orthanc says %s", name, value)
		}
		if slices.Contains(same, name) && got != value {
			t.Errorf("%s is %s, Orthanc says %s", name, got, value)
		}
	}
}

// The switch works as Orthanc's does.
func TestMetricsSwitchLikeOrthancs(t *testing.T) {
	t.Parallel()
	t.Run("gantry", func(t *testing.T) {
		t.Parallel()
		checkMetricsSwitch(t, start(t, nil).url)
	})
	t.Run("Orthanc", func(t *testing.T) {
		t.Parallel()
		checkMetricsSwitch(t, startOrthanc(t, testkit.NewestOrthanc(t), "1").url)
	})
}

func checkMetricsSwitch(t *testing.T, base string) {
	for _, step := range []struct {
		body   string
		status int
		after  string
	}{
		{"0", 200, "0"}, {"true", 200, "1"}, {"false", 200, "0"}, {"maybe", 400, "0"}, {"", 400, "0"}, {"1", 200, "1"},
	} {
		status, answer := do(t, http.MethodPut, base+"/tools/metrics", []byte(step.body))
		var failure struct{ OrthancStatus int }
		if status == http.StatusBadRequest {
			if err := json.Unmarshal(answer, &failure); err != nil || failure.OrthancStatus != 15 {
				t.Errorf("PUT %q: %s", step.body, answer)
			}
		}
		if status != step.status {
			t.Errorf("PUT %q: status %d, want %d", step.body, status, step.status)
		}
		if _, text := do(t, http.MethodGet, base+"/tools/metrics", nil); string(text) != step.after {
			t.Errorf("after PUT %q it is %q, want %q", step.body, text, step.after)
		}
		status, text := do(t, http.MethodGet, base+"/tools/metrics-prometheus", nil)
		if status != http.StatusOK || (len(text) > 0) != (step.after == "1") {
			t.Errorf("after PUT %q a scrape has %d bytes, status %d", step.body, len(text), status)
		}
	}
	for _, rq := range []string{"POST /tools/metrics", "DELETE /tools/metrics-prometheus"} {
		method, path, _ := strings.Cut(rq, " ")
		if status, _ := do(t, method, base+path, nil); status != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", rq, status)
		}
	}
}
