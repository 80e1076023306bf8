package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// When the time limit comes, those jobs are shown, too, that were not asked for until then.
func TestWaitForSeveralJobsWithALimit(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	ended, _ := d.finished(10)
	open := d.submit(&deed{done: make(chan struct{})})
	r := run(t, d.environ, "jobs", "wait", open, ended, "--timeout", "50ms", "--json")
	if r.code != 4 {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	var list []struct{ ID, State string }
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		t.Fatalf("%v: %q %s", err, r.stdout, r.stderr)
	}
	if len(list) != 2 || list[0].ID != open || list[0].State != "Running" || list[1].ID != ended || list[1].State != "Success" {
		t.Errorf("%+v", list)
	}
}

// A daemon that goes away while it is watched is told from one that is not there.
func TestWatchBreaksOff(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/events") {
				w = &cutWriter{w, 20}
			}
			h.ServeHTTP(w, r)
		})
	})
	d.submit(&deed{done: make(chan struct{})})
	r := run(t, d.environ, "jobs", "watch")
	if r.code != 5 || !strings.Contains(r.stderr, "broke off") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}
