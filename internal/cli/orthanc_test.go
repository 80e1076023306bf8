package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// likeOrthanc answers as Orthanc does: it knows no conditions on jobs, no events of them, and metrics under its own names.
func likeOrthanc(t *testing.T) (environ []string) {
	t.Helper()
	var looks atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/jobs":
			state := "Running"
			if looks.Add(1) > 3 {
				state = "Success"
			}
			if !r.URL.Query().Has("expand") {
				_, _ = io.WriteString(w, `["a1", "b2"]`)
				return
			}
			_, _ = fmt.Fprintf(w, `[{"ID": "a1", "Type": "Archive", "State": %q}, {"ID": "b2", "Type": "Media", "State": "Failure",
				"CompletionTime": "20200101T000000.000000"}]`, state)
		case "/tools/metrics-prometheus":
			_, _ = io.WriteString(w, "orthanc_count_studies 7 1790000000000\n")
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"OrthancError": "Unknown resource", "OrthancStatus": 17}`)
		}
	}))
	t.Cleanup(s.Close)
	return []string{"GANTRY_URL=" + s.URL}
}

// The commands for a running daemon do what an Orthanc's API gives.
func TestOrthancAsTheDaemon(t *testing.T) {
	t.Parallel()
	env := likeOrthanc(t)
	if o := run(t, env, "jobs", "list", "--type", "Media").want(t, 0); !strings.Contains(o.stdout, "b2") || strings.Contains(o.stdout, "a1") {
		t.Errorf("a type: %s", o.stdout)
	}
	if o := run(t, env, "jobs", "list", "--since", "1h", "--json").want(t, 0); strings.Contains(o.stdout, "b2") {
		t.Errorf("since: %s", o.stdout)
	}
	if o := run(t, env, "metrics").want(t, 0); !strings.Contains(o.stdout, "orthanc count studies") || !strings.Contains(o.stdout, "7") {
		t.Errorf("metrics: %s", o.stdout)
	}
	if o := run(t, env, "stgcmt", "list").want(t, 6); !strings.Contains(o.stderr, "a gantry has to answer there") {
		t.Errorf("requests: %s", o.stderr)
	}
}

// Without events the list is looked at again and again.
func TestWatchWithoutEvents(t *testing.T) {
	t.Parallel()
	o := run(t, likeOrthanc(t), "jobs", "watch", "a1").want(t, 0)
	if !strings.Contains(o.stdout, "a1  Archive  Running") || !strings.Contains(o.stdout, "a1  Archive  Success") || strings.Contains(o.stdout, "b2") {
		t.Error(o.stdout)
	}
}
