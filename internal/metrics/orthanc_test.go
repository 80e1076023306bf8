package metrics_test

import (
	"testing"
	"time"

	"gantry/internal/metrics"
)

// Orthanc's durations are the largest of about ten seconds, and stay when nothing comes.
func TestDurationsAreTheLargestOfTenSeconds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := metrics.New(metrics.Options{Enabled: true, Now: func() time.Time { return now }})
	for _, step := range []struct {
		after, took time.Duration
		want        float64
	}{
		{0, 5 * time.Millisecond, 5},
		{time.Second, 3 * time.Millisecond, 5},
		{time.Second, 8500 * time.Microsecond, 8}, // whole milliseconds
		{9 * time.Second, 2 * time.Millisecond, 8},
		{time.Second, 2 * time.Millisecond, 2},
	} {
		now = now.Add(step.after)
		m.Peer("ct").Performed("C-FIND", 0, step.took, 0)
		if got := value(t, scrape(t, m), "orthanc_find_scp_duration_ms"); got != step.want {
			t.Errorf("after %v: %v, want %v", step.took, got, step.want)
		}
	}
	now = now.Add(time.Hour)
	if got := value(t, scrape(t, m), "orthanc_find_scp_duration_ms"); got != 2 {
		t.Errorf("an hour later: %v", got)
	}
	if got := value(t, scrape(t, m), "orthanc_up_time_s"); got != 3612 {
		t.Errorf("up for %v s", got)
	}
}

func TestOrthancTotals(t *testing.T) {
	t.Parallel()
	m := enabled()
	m.JobEnded("Send", "Success", true, time.Second)
	m.JobEnded("Send", "Failure", false, time.Second)
	m.JobEnded("Send", "Success", true, time.Second)
	m.ObjectKept(time.Millisecond, 2*time.Millisecond, 1000)
	m.ObjectRead(4*time.Millisecond, 500)
	m.Deleted(5*time.Millisecond, 3, 1000)
	all := scrape(t, m)
	for name, want := range map[string]float64{
		"orthanc_jobs_total_completed": 3, "orthanc_jobs_total_success": 2, "orthanc_jobs_total_failed": 1,
		"orthanc_storage_written_bytes": 1000, "orthanc_storage_read_bytes": 500, "orthanc_storage_create_duration_ms": 3,
		"orthanc_store_dicom_duration_ms": 3, "orthanc_storage_read_duration_ms": 4, "orthanc_storage_remove_duration_ms": 5,
		"gantry_storage_deleted_objects_total": 3,
	} {
		if got := value(t, all, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}
