package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type jobMetrics struct {
	ended, retried *prometheus.CounterVec
	duration       *prometheus.HistogramVec
	references     *prometheus.CounterVec
}

func (m *Metrics) buildJobs() {
	j := &m.jobs
	j.ended = m.counters("gantry_jobs_ended_total", "Jobs that ended, by type and state: Success or Failure.", "type", "state")
	j.retried = m.counters("gantry_job_retries_total", "Times a job had to wait for another attempt, by type.", "type")
	j.duration = m.histograms("gantry_job_duration_seconds", "How long jobs ran, pauses not counted, by type.", longTimes, "type")
	j.references = m.counters("gantry_commitment_references_total",
		"Instances that peers asked us to commit to, by our answer: committed, or the Failure Reason (0008,1197).", "result")
}

// JobEnded counts a job. Types are those of the program, so there are few.
func (m *Metrics) JobEnded(kind, state string, success bool, ran time.Duration) {
	if !m.Enabled() {
		return
	}
	m.jobs.ended.WithLabelValues(kind, state).Inc()
	m.jobs.duration.WithLabelValues(kind).Observe(ran.Seconds())
	if success {
		m.orthanc.jobsSucceeded.Add(1)
	} else {
		m.orthanc.jobsFailed.Add(1)
	}
}

// JobRetried counts an attempt that has to be repeated.
func (m *Metrics) JobRetried(kind string) {
	if m.Enabled() {
		m.jobs.retried.WithLabelValues(kind).Inc()
	}
}

// Committed counts the answers of a storage commitment request: the number of instances for each Failure Reason, 0 for
// those that are committed.
func (m *Metrics) Committed(reason uint16, instances int) {
	if !m.Enabled() || instances <= 0 {
		return
	}
	result := "committed"
	if reason != 0 {
		result = statuses[statusIndex(reason)].label
	}
	m.jobs.references.WithLabelValues(result).Add(float64(instances))
}
