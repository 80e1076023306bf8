package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gantry/internal/metrics"
)

func enabled() *metrics.Metrics {
	return metrics.New(metrics.Options{Version: "test", Enabled: true})
}

func TestOperationsAreCountedByServiceStatusAndPeer(t *testing.T) {
	t.Parallel()
	m := enabled()
	m.Peer("ct").Performed("C-STORE", 0, 3*time.Millisecond, 100)
	m.Peer("ct").Performed("C-STORE", 0xA700, time.Millisecond, 50)
	m.Peer("").Performed("C-ECHO", 0x0124, time.Millisecond, 0)
	m.Peer("ct").Performed("X-MADE-UP", 0xBEEF, time.Millisecond, 0)
	m.Peer("ct").Asked("N-EVENT-REPORT", false, 0, time.Second, 7)
	m.Peer("ct").Asked("C-STORE", true, 0xB000, time.Second, 7)
	m.Peer("ct").AssociationEnded(metrics.Released, time.Second)
	for status, onPurpose := range map[uint16]bool{0xA700: false, 0x0124: false, 0x0213: true, 0xBEEF: true} {
		m.RefusedByStatus(status, onPurpose)
	}
	m.Peer("").AssociationRefused(metrics.LimitAssociations)
	m.Peer("ct").Called(metrics.Failed)
	all := scrape(t, m)
	for _, want := range []struct {
		name   string
		labels string
		value  float64
	}{
		{"gantry_operations_total", "service=C-STORE status=0000H peer=ct", 1},
		{"gantry_operations_total", "service=C-STORE status=A700H peer=ct", 1},
		{"gantry_operations_total", "service=C-ECHO status=0124H peer=other", 1},
		{"gantry_operations_total", "service=other status=other peer=ct", 1},
		{"gantry_operation_duration_seconds", "service=C-STORE", 2},
		{"gantry_received_bytes_total", "peer=ct", 150},
		{"gantry_client_operations_total", "service=N-EVENT-REPORT status=none peer=ct", 1},
		{"gantry_client_operations_total", "service=C-STORE status=B000H peer=ct", 1},
		{"gantry_sent_bytes_total", "peer=ct", 14},
		{"gantry_associations_total", "result=released peer=ct", 1},
		{"gantry_associations_total", "result=refused peer=other", 1},
		{"gantry_client_associations_total", "result=failed peer=ct", 1},
		{"gantry_refusals_total", "limit=maximum_associations", 1},
		{"gantry_refusals_total", "limit=not_authorized", 1},
		{"gantry_refusals_total", "limit=out_of_resources", 1},
		{"gantry_refusals_total", "limit=resource_limitation", 0},
		{"gantry_refusals_total", "limit=fault", 1},
	} {
		if got := value(t, all, want.name, strings.Fields(want.labels)...); got != want.value {
			t.Errorf("%s{%s} is %v, want %v", want.name, want.labels, got, want.value)
		}
	}
}

// Every Failure Reason that a report of ours can have (PS3.3 C.14.1.1) is a label of its own.
func TestFailureReasonsAreLabels(t *testing.T) {
	t.Parallel()
	m := enabled()
	for i, reason := range []uint16{0, 0x0110, 0x0112, 0x0119, 0x0122, 0x0131, 0x0213} {
		m.Committed(reason, i+1)
	}
	all := scrape(t, m)
	for i, label := range []string{"committed", "0110H", "0112H", "0119H", "0122H", "0131H", "0213H"} {
		if n := value(t, all, "gantry_commitment_references_total", "result="+label); n != float64(i+1) {
			t.Errorf("%s: %v", label, n)
		}
	}
}

// What comes from outside cannot make more labels than there are names for.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := enabled()
	for i := range 3000 {
		text := fmt.Sprint("made up ", i)
		m.Peer(text).Performed(text, uint16(i*17), 0, 1)
		m.RequestBegan()
		m.RequestEnded(metrics.Request{Method: text, Route: "/route", Status: 600 + i})
		m.Refused(metrics.Limit(text))
		m.ObjectCame(text)
		m.Committed(uint16(i), 1)
	}
	all := scrape(t, m)
	for name, most := range map[string]int{"gantry_received_bytes_total": 1001, "gantry_http_requests_total": 1,
		"gantry_refusals_total": len(metrics.Limits()), "gantry_storage_objects_total": 4, "gantry_commitment_references_total": 40} {
		if n := len(all[name].Metric); n > most {
			t.Errorf("%s has %d samples, at most %d are due", name, n, most)
		}
	}
	if value(t, all, "gantry_received_bytes_total", "peer=other") != 2000 {
		t.Error("peers beyond the limit are not counted as others")
	}
}

// The name of a peer comes out of an address of the REST API, and may be any bytes.
func TestNamesThatAreNoText(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Options{Enabled: true})
	m.Peer("\xff\xfe").Called(metrics.Accepted)
	m.Peer("a\nb\"c\\").Called(metrics.Accepted)
	families := scrape(t, m)
	for _, name := range []string{"\uFFFD", "a\nb\"c\\"} {
		if n := value(t, families, "gantry_client_associations_total", "peer="+name); n != 1 {
			t.Errorf("%q: %v", name, n)
		}
	}
}

func TestNothingIsCollectedWhileItIsOff(t *testing.T) {
	t.Parallel()
	var none *metrics.Metrics
	off := metrics.New(metrics.Options{})
	for _, m := range []*metrics.Metrics{none, off} {
		use(m)
		w := httptest.NewRecorder()
		if err := m.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), nil); err != nil || w.Body.Len() > 0 ||
			w.Code != http.StatusOK || w.Header().Get("Content-Type") != metrics.ContentType {
			t.Errorf("error %v, status %d, %q", err, w.Code, w.Body)
		}
	}
	off.SetEnabled(true)
	all := scrape(t, off)
	for _, name := range []string{"gantry_operations_total", "gantry_http_requests_total", "gantry_jobs_ended_total"} {
		if all[name] != nil {
			t.Errorf("%s was counted while it was off", name)
		}
	}
	if n := value(t, all, "gantry_http_requests_active"); n != 0 {
		t.Errorf("%v requests are active", n)
	}
}

// use calls everything once.
func use(m *metrics.Metrics) {
	p := m.Peer("ct")
	p.Performed("C-STORE", 0, 1, 1)
	p.Asked("C-STORE", true, 0, 1, 1)
	p.AssociationEnded(metrics.Lost, 1)
	p.AssociationRefused(metrics.LimitTLS)
	p.Called(metrics.Accepted)
	m.RequestBegan()
	m.RequestEnded(metrics.Request{Method: "GET", Status: 200})
	m.ObjectCame(metrics.ObjectStored)
	m.ObjectKept(1, 1, 1)
	m.Indexed(1, 1)
	m.Updated(1)
	m.ObjectRead(1, 1)
	m.Deleted(1, 1, 1)
	m.JobEnded("kind", "Success", true, 1)
	m.JobRetried("kind")
	m.Committed(0, 1)
	m.Refused(metrics.LimitBody)
	m.SetSources(metrics.Sources{})
	m.SetEnabled(false)
	m.Families()
	slog.New(m.LogHandler(slog.DiscardHandler)).Error("x")
}

func TestRequests(t *testing.T) {
	t.Parallel()
	m := enabled()
	m.RequestBegan()
	for _, status := range []int{200, 400, 413, 503} {
		m.RequestBegan()
		m.RequestEnded(metrics.Request{Method: "POST", Route: "/instances", Status: status, Took: time.Second, Received: 10, Sent: 3})
	}
	m.RequestBegan()
	m.RequestEnded(metrics.Request{Method: "GET", Route: "/readyz", Status: 503})
	all := scrape(t, m)
	if got := value(t, all, "gantry_http_requests_total", "method=POST", "route=/instances", "status=413"); got != 1 {
		t.Errorf("%v requests", got)
	}
	for limit, want := range map[metrics.Limit]float64{metrics.LimitBadRequest: 1, metrics.LimitBody: 1, metrics.LimitBusy: 1} {
		if got := value(t, all, "gantry_refusals_total", "limit="+string(limit)); got != want {
			t.Errorf("%s: %v, want %v", limit, got, want)
		}
	}
	if value(t, all, "gantry_http_received_bytes_total") != 40 || value(t, all, "gantry_http_requests_active") != 1 {
		t.Error("wrong bytes or active requests")
	}
}

func TestLogLinesAreCounted(t *testing.T) {
	t.Parallel()
	m := enabled()
	log := slog.New(m.LogHandler(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})))
	log.Info("not counted")
	log.With("a", 1).Warn("counted")
	log.WithGroup("g").Error("counted")
	all := scrape(t, m)
	if value(t, all, "gantry_log_messages_total", "level=warning") != 1 || value(t, all, "orthanc_logged_errors_count") != 1 {
		t.Error("warnings and errors are not counted once each")
	}
	if m.LogHandler(slog.DiscardHandler).Enabled(context.Background(), slog.LevelError) {
		t.Error("a discarding handler is enabled")
	}
}

// A scrape shows what the sources tell, and goes on with the last figures when the store cannot be asked.
func TestSources(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := metrics.New(metrics.Options{Enabled: true, Now: func() time.Time { return now }})
	var failure error
	m.SetSources(metrics.Sources{
		Store: func(context.Context) (metrics.StoreFigures, error) {
			return metrics.StoreFigures{Instances: 7, Bytes: 3 << 20, LastChange: 9, Memory: 1 << 20}, failure
		},
		Jobs: func() []metrics.JobTotal {
			return []metrics.JobTotal{{"Send", "Pending", 1}, {"Send", "Retry", 2}, {"Send", "Running", 4}, {"Send", "Paused", 8},
				{"Send", "Success", 16}, {"Other", "Failure", 32}}
		},
		Commitments:  func() (int, time.Time) { return 3, now.Add(-time.Minute) },
		Associations: func() (int, int, int) { return 5, 100, 2 },
		Ready:        func() error { return nil },
	})
	check := func() {
		t.Helper()
		all := scrape(t, m)
		for name, want := range map[string]float64{
			"orthanc_count_instances": 7, "orthanc_disk_size_mb": 3, "orthanc_last_change": 9, "orthanc_storage_memory_max_usage_mb": 1,
			"orthanc_jobs_pending": 3, "orthanc_jobs_running": 12, "orthanc_jobs_completed": 48, "orthanc_jobs_success": 16,
			"orthanc_jobs_failed": 32, "orthanc_available_dicom_threads": 2, "gantry_ready": 1, "gantry_associations_open": 5,
			"gantry_commitment_backlog": 3, "gantry_commitment_oldest_age_seconds": 60,
		} {
			if got := value(t, all, name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if value(t, all, "gantry_jobs", "type=Send", "state=Retry") != 2 {
			t.Error("jobs are not told by type and state")
		}
	}
	check()
	failure = errors.New("the store is busy")
	check()
	if value(t, scrape(t, m), "gantry_scrape_errors_total") < 1 {
		t.Error("the failure is not counted")
	}
}
