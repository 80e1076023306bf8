package metrics

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type dicomMetrics struct {
	associations, calls              *prometheus.CounterVec // by peer and result
	associationDuration              prometheus.Histogram
	performed, asked                 *prometheus.CounterVec // by service, status and peer
	performedDuration, askedDuration durations
	receivedBytes, sentBytes         *prometheus.CounterVec // by peer
}

func (m *Metrics) buildDICOM() {
	d := &m.dicom
	d.associations = m.counters("gantry_associations_total",
		"Associations that peers asked for and that ended, or were refused, by peer and result.", "peer", "result")
	d.associationDuration = m.histogram("gantry_association_duration_seconds", "How long associations that peers asked for lasted.", longTimes)
	d.performed = m.counters("gantry_operations_total",
		"DIMSE operations performed for peers, by service, status of the response, and peer.", "service", "status", "peer")
	d.performedDuration.of = m.histograms("gantry_operation_duration_seconds",
		"Time from the command to the response of operations performed for peers.", operations, "service")
	d.calls = m.counters("gantry_client_associations_total",
		"Associations we asked peers for, by peer and result: accepted, rejected, or failed.", "peer", "result")
	d.asked = m.counters("gantry_client_operations_total",
		"DIMSE operations we asked peers for, by service, status of the response (none if there was none), and peer.",
		"service", "status", "peer")
	d.askedDuration.of = m.histograms("gantry_client_operation_duration_seconds",
		"Time from the command to the response of operations we asked peers for.", operations, "service")
	d.receivedBytes = m.counters("gantry_received_bytes_total", "Bytes of data sets received from peers.", "peer")
	d.sentBytes = m.counters("gantry_sent_bytes_total", "Bytes of data sets sent to peers.", "peer")
}

// Peer counts what is done for one peer, or asked of it. Its methods may be called on nil.
type Peer struct {
	m                       *Metrics
	name                    string
	performed, asked        operationCounters
	receivedBytes, sentByte prometheus.Counter
}

// Peer returns the instruments of the peer with a name in DicomModalities; "" is everybody else. Whoever performs many
// operations for a peer keeps it.
func (m *Metrics) Peer(name string) *Peer {
	if m == nil {
		return nil
	}
	if name == "" {
		return m.other
	}
	name = strings.ToValidUTF8(name, "\uFFFD") // no label is anything else
	m.mu.RLock()
	p := m.peers[name]
	m.mu.RUnlock()
	if p != nil {
		return p
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[name]; p != nil {
		return p
	}
	if len(m.peers) >= maxPeers {
		return m.other
	}
	p = m.newPeer(name)
	m.peers[name] = p
	return p
}

func (m *Metrics) newPeer(name string) *Peer {
	p := &Peer{m: m, name: name, receivedBytes: m.dicom.receivedBytes.WithLabelValues(name),
		sentByte: m.dicom.sentBytes.WithLabelValues(name)}
	p.performed.of, p.asked.of = m.dicom.performed, m.dicom.asked
	return p
}

func (p *Peer) on() bool { return p != nil && p.m.on.Load() }

// AssociationEnded counts an association that the peer had asked for.
func (p *Peer) AssociationEnded(result Result, lasted time.Duration) {
	if p.on() {
		p.m.dicom.associations.WithLabelValues(p.name, string(result)).Inc()
		p.m.dicom.associationDuration.Observe(lasted.Seconds())
	}
}

// AssociationRefused counts one that the peer did not get, and the limit that stood in the way.
func (p *Peer) AssociationRefused(limit Limit) {
	if p.on() {
		p.m.dicom.associations.WithLabelValues(p.name, string(Refused)).Inc()
		p.m.Refused(limit)
	}
}

// Called counts an association that we asked the peer for: Accepted, Refused or Failed.
func (p *Peer) Called(result Result) {
	if p.on() {
		p.m.dicom.calls.WithLabelValues(p.name, string(result)).Inc()
	}
}

// Performed counts an operation for the peer, but see RefusedByStatus. It allocates nothing.
func (p *Peer) Performed(service string, status uint16, took time.Duration, received int64) {
	if !p.on() {
		return
	}
	i := serviceIndex(service)
	p.performed.counter(i, statusIndex(status), p.name).Inc()
	p.m.dicom.performedDuration.service(i).Observe(took.Seconds())
	if received > 0 {
		p.receivedBytes.Add(float64(received))
	}
	p.m.orthanc.performed(i, took, p.m.now())
}

// Asked counts an operation that the peer was asked for; answered is false if there was no response.
func (p *Peer) Asked(service string, answered bool, status uint16, took time.Duration, sent int64) {
	if !p.on() {
		return
	}
	i, s := serviceIndex(service), statusNone
	if answered {
		s = statusIndex(status)
	}
	p.asked.counter(i, s, p.name).Inc()
	p.m.dicom.askedDuration.service(i).Observe(took.Seconds())
	if sent > 0 {
		p.sentByte.Add(float64(sent))
	}
}

// operationCounters are the counters of one peer, each made when it is needed first.
type operationCounters struct {
	of    *prometheus.CounterVec
	cells [len(services)][len(statuses)]atomic.Pointer[prometheus.Counter]
}

func (o *operationCounters) counter(service, status int, peer string) prometheus.Counter {
	cell := &o.cells[service][status]
	if c := cell.Load(); c != nil {
		return *c
	}
	c := o.of.WithLabelValues(services[service], statuses[status].label, peer)
	cell.Store(&c)
	return c
}

// durations are the histograms of the services, each made when it is needed first.
type durations struct {
	of    *prometheus.HistogramVec
	cells [len(services)]atomic.Pointer[prometheus.Observer]
}

func (d *durations) service(i int) prometheus.Observer {
	if o := d.cells[i].Load(); o != nil {
		return *o
	}
	o := d.of.WithLabelValues(services[i])
	d.cells[i].Store(&o)
	return o
}

// Result is how an association ended, or how asking for one did.
type Result string

// The results.
const (
	Released      Result = "released"
	Aborted       Result = "aborted" // by us, for no reason below
	AbortedByPeer Result = "aborted_by_peer"
	TimedOut      Result = "timed_out"
	Lost          Result = "connection_lost"
	Malformed     Result = "malformed" // the peer broke the protocol
	Shutdown      Result = "shutdown"
	Refused       Result = "refused"
	Accepted      Result = "accepted"
	Failed        Result = "failed" // not reached, or it answered nonsense
)
