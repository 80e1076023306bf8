package metrics

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sources tell what is asked for at a scrape only. Nil functions tell nothing. None may walk through what it counts.
type Sources struct {
	Store        func(ctx context.Context) (StoreFigures, error)
	Jobs         func() []JobTotal
	Commitments  func() (open int, oldest time.Time)     // requests of peers whose report is not delivered
	Associations func() (open, most, freeOperations int) // of the DICOM server
	Ready        func() error
}

// StoreFigures are the figures of the store.
type StoreFigures struct {
	Patients, Studies, Series, Instances int64
	Bytes, PlainBytes                    int64 // of the objects as they are kept, and as they came
	LastChange                           int64
	Pending                              int64 // objects that are safe and not in the index yet
	Memory, MemoryMax                    int64 // bytes of objects being written, and their budget
	Syncs, Records, Damaged              int64 // since the start: waits for the disk, records written, damaged places met
}

// JobTotal is how many jobs of a type are in a state.
type JobTotal struct {
	Kind, State string
	Count       int
}

// SetSources says where the figures of a scrape come from.
func (m *Metrics) SetSources(s Sources) {
	if m != nil {
		m.snapshot.sources.Store(&s)
	}
}

// sourceTimeout bounds how long a scrape waits for the store.
const sourceTimeout = 2 * time.Second

// snapshot collects what the sources tell.
type snapshot struct {
	m       *Metrics
	sources atomic.Pointer[Sources]
	orthanc []orthancName
	descs   []*prometheus.Desc // of orthanc
	gauges  []*gauge

	mu   sync.Mutex // one scrape at a time asks the store
	last StoreFigures
}

// reading is what one scrape sees.
type reading struct {
	store                        StoreFigures
	jobs                         []JobTotal
	up                           time.Duration
	backlog                      int
	oldest                       time.Duration // age of the oldest of the backlog
	associations, most           int
	freeOperations, httpRequests int
	ready                        bool
}

func (r *reading) jobsIn(states ...string) (n int) {
	for _, total := range r.jobs {
		if slices.Contains(states, total.State) {
			n += total.Count
		}
	}
	return n
}

// read asks the sources.
func (s *snapshot) read() *reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.sources.Load()
	if src == nil {
		src = &Sources{}
	}
	r := &reading{up: s.m.now().Sub(s.m.started), httpRequests: int(s.m.http.active.Load())}
	if src.Store != nil {
		ctx, cancel := context.WithTimeout(context.Background(), sourceTimeout)
		defer cancel()
		figures, err := src.Store(ctx)
		if err != nil {
			s.m.scrapeErrors.Inc()
		} else {
			s.last = figures
		}
	}
	r.store = s.last
	if peak := &s.m.orthanc.memoryPeak; r.store.Memory > peak.Load() {
		peak.Store(r.store.Memory)
	}
	if src.Jobs != nil {
		r.jobs = src.Jobs()
	}
	if src.Commitments != nil {
		open, oldest := src.Commitments()
		if r.backlog = open; open > 0 && !oldest.IsZero() {
			r.oldest = max(s.m.now().Sub(oldest), 0)
		}
	}
	if src.Associations != nil {
		r.associations, r.most, r.freeOperations = src.Associations()
	}
	r.ready = src.Ready != nil && src.Ready() == nil
	return r
}

// gauge is a metric whose samples come from a reading.
type gauge struct {
	desc    *prometheus.Desc
	kind    prometheus.ValueType
	samples func(r *reading, tell func(value float64, labels ...string))
}

func (m *Metrics) buildSnapshot() {
	s := &m.snapshot
	s.m, s.orthanc = m, orthancNames()
	s.descs = orthancDescs(s.orthanc)
	for _, n := range s.orthanc {
		m.note(n.name, n.kind(), n.help, nil)
	}
	for _, g := range readGauges() {
		kind, name := prometheus.GaugeValue, "gauge"
		if g.rises {
			kind, name = prometheus.CounterValue, "counter"
		}
		m.note(g.name, name, g.help, g.labels)
		s.gauges = append(s.gauges, &gauge{prometheus.NewDesc(g.name, g.help, g.labels, nil), kind, g.samples})
	}
	m.registry.MustRegister(s)
}

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(to chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		to <- d
	}
	for _, g := range s.gauges {
		to <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(to chan<- prometheus.Metric) {
	r := s.read()
	for i, n := range s.orthanc {
		kind := prometheus.GaugeValue
		if n.rises {
			kind = prometheus.UntypedValue
		}
		to <- prometheus.MustNewConstMetric(s.descs[i], kind, n.value(&s.m.orthanc, r))
	}
	for _, g := range s.gauges {
		g.samples(r, func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(g.desc, g.kind, value, labels...)
		})
	}
}

func (n *orthancName) kind() string {
	if n.rises {
		return "untyped"
	}
	return "gauge"
}
