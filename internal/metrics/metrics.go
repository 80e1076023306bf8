// Package metrics counts and times what the daemon does, for Prometheus, and serves the names that Orthanc serves.
//
// A *Metrics is handed down to those who have something to tell; nil, or one that is switched off, listens to nothing.
// What is asked for at a scrape only (jobs, sizes, open associations) comes from Sources, in figures that are kept
// anyway: a scrape walks through nothing and holds nobody up.
package metrics

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Options say whose metrics they are.
type Options struct {
	Version string // of gantry
	Enabled bool   // option MetricsEnabled
	Now     func() time.Time
}

// Family describes one metric.
type Family struct {
	Name, Type, Help string
	Labels           []string
}

// Metrics are the instruments of one daemon. All methods may be called on nil, and by any goroutine.
type Metrics struct {
	on       atomic.Bool
	registry *prometheus.Registry
	families []Family
	now      func() time.Time
	started  time.Time

	dicom    dicomMetrics
	http     httpMetrics
	store    storeMetrics
	jobs     jobMetrics
	refused  map[Limit]prometheus.Counter
	logged   logged
	orthanc  orthancMetrics
	snapshot snapshot

	scrapes      chan struct{} // tokens of scrapes at once
	scrapeErrors prometheus.Counter

	mu    sync.RWMutex
	peers map[string]*Peer
	other *Peer
}

// New returns instruments that nobody has used yet.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{registry: prometheus.NewRegistry(), now: o.Now, started: o.Now(), peers: map[string]*Peer{},
		scrapes: make(chan struct{}, scrapesAtOnce)}
	m.on.Store(o.Enabled)
	m.buildDICOM()
	m.buildHTTP()
	m.buildStore()
	m.buildJobs()
	m.buildRefusals()
	m.buildLogged()
	m.scrapeErrors = m.counter("gantry_scrape_errors_total", "Scrapes for which the store could not be asked; they show its last figures.")
	info := m.gauges("gantry_build_info", "Which build this is; always 1.", "version", "goversion")
	info.WithLabelValues(o.Version, goVersion()).Set(1)
	m.buildSnapshot()
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.other = m.newPeer(otherPeer)
	return m
}

// Enabled reports whether anything is collected.
func (m *Metrics) Enabled() bool { return m != nil && m.on.Load() }

// SetEnabled switches collection on or off; what was counted stays.
func (m *Metrics) SetEnabled(on bool) {
	if m != nil {
		m.on.Store(on)
	}
}

// Families lists all metrics but those of the Go runtime and the process, in the order in which they were made.
func (m *Metrics) Families() []Family {
	if m == nil {
		return nil
	}
	return m.families
}

func (m *Metrics) note(name, kind, help string, labels []string) {
	m.families = append(m.families, Family{Name: name, Type: kind, Help: help, Labels: labels})
}

func (m *Metrics) counter(name, help string) prometheus.Counter {
	m.note(name, "counter", help, nil)
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	m.note(name, "counter", help, labels)
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	m.note(name, "gauge", help, labels)
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	m.note(name, "histogram", help, nil)
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	m.note(name, "histogram", help, labels)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// Buckets of durations, in seconds.
var (
	shortTimes = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}
	operations = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
	longTimes  = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400}
)
