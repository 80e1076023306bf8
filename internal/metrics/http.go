package metrics

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type httpMetrics struct {
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	receivedBytes prometheus.Counter
	sentBytes     prometheus.Counter
	active        atomic.Int64
}

func (m *Metrics) buildHTTP() {
	h := &m.http
	h.requests = m.counters("gantry_http_requests_total",
		"Requests answered, by method, route (its pattern, none where there is no such route), and status.", "method", "route", "status")
	h.duration = m.histograms("gantry_http_request_duration_seconds", "Time from a request to the end of its answer.",
		[]float64{.001, .005, .025, .1, .5, 2.5, 10, 60}, "route")
	h.receivedBytes = m.counter("gantry_http_received_bytes_total", "Bytes of the bodies of requests.")
	h.sentBytes = m.counter("gantry_http_sent_bytes_total", "Bytes of the bodies of answers.")
}

// Request is an HTTP request that was answered.
type Request struct {
	Method         string
	Route          string // the pattern, "" for none
	Status         int    // 0: the client hung up before there was one
	Took           time.Duration
	Received, Sent int64 // bytes of the bodies
}

// RequestBegan counts a request as active until RequestEnded.
func (m *Metrics) RequestBegan() {
	if m == nil {
		return
	}
	active := m.http.active.Add(1)
	if m.on.Load() {
		m.orthanc.activeRequests.set(float64(active), m.now())
	}
}

// RequestEnded counts a request, and what its status says was refused.
func (m *Metrics) RequestEnded(r Request) {
	if m == nil {
		return
	}
	m.http.active.Add(-1)
	if !m.on.Load() {
		return
	}
	route := r.Route
	if route == "" {
		route = "none"
	}
	status := "none"
	if r.Status >= 100 && r.Status < 600 {
		status = strconv.Itoa(r.Status)
	}
	m.http.requests.WithLabelValues(httpMethod(r.Method), route, status).Inc()
	m.http.duration.WithLabelValues(route).Observe(r.Took.Seconds())
	m.http.receivedBytes.Add(float64(max(r.Received, 0)))
	m.http.sentBytes.Add(float64(max(r.Sent, 0)))
	m.orthanc.restDuration.set(milliseconds(r.Took), m.now())
	switch r.Status {
	case http.StatusBadRequest:
		m.Refused(LimitBadRequest)
	case http.StatusRequestEntityTooLarge:
		m.Refused(LimitBody)
	case http.StatusServiceUnavailable:
		if r.Route != "/readyz" { // where it is an answer
			m.Refused(LimitBusy)
		}
	}
}
