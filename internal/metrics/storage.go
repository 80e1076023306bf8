package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type storeMetrics struct {
	objects                      map[string]prometheus.Counter
	appendTime, syncWait         prometheus.Histogram
	indexTime, updateTime        prometheus.Histogram
	batchRows                    prometheus.Histogram
	readTime, deleteTime         prometheus.Histogram
	writtenBytes, readBytes      prometheus.Counter
	deletedObjects, deletedBytes prometheus.Counter
}

// What becomes of an object that is to be stored.
const (
	ObjectStored        = "stored"
	ObjectAlreadyStored = "already_stored"
	ObjectReplaced      = "replaced"
	ObjectRefused       = "refused"
)

func (m *Metrics) buildStore() {
	s := &m.store
	objects := m.counters("gantry_storage_objects_total",
		"Objects that came in, by DICOM or by HTTP, and what became of them: stored, already_stored, replaced, refused.", "result")
	s.objects = map[string]prometheus.Counter{}
	for _, result := range []string{ObjectStored, ObjectAlreadyStored, ObjectReplaced, ObjectRefused} {
		s.objects[result] = objects.WithLabelValues(result)
	}
	s.appendTime = m.histogram("gantry_storage_append_duration_seconds", "Time to write an object to the log.", shortTimes)
	s.syncWait = m.histogram("gantry_storage_sync_wait_seconds", "Time an object waited until it was safe on the disk.", shortTimes)
	s.indexTime = m.histogram("gantry_storage_index_duration_seconds", "Time of a transaction that brings arrivals into the index.", shortTimes)
	s.batchRows = m.histogram("gantry_storage_index_batch_objects", "Arrivals in such a transaction.", []float64{1, 4, 16, 64, 256, 1024})
	s.updateTime = m.histogram("gantry_storage_update_duration_seconds",
		"Time of a transaction of jobs, commitments and the like, with its wait for the disk.", shortTimes)
	s.readTime = m.histogram("gantry_storage_read_duration_seconds",
		"Time to find, open and read an object, without what went straight to a network connection.", shortTimes)
	s.deleteTime = m.histogram("gantry_storage_delete_duration_seconds", "Time to delete a resource with all below it.", operations)
	s.writtenBytes = m.counter("gantry_storage_written_bytes_total", "Bytes of objects written to the log.")
	s.readBytes = m.counter("gantry_storage_read_bytes_total", "Bytes of objects read.")
	s.deletedObjects = m.counter("gantry_storage_deleted_objects_total", "Instances deleted.")
	s.deletedBytes = m.counter("gantry_storage_deleted_bytes_total", "Bytes of instances deleted.")
}

// ObjectCame counts an object by one of the results.
func (m *Metrics) ObjectCame(result string) {
	if !m.Enabled() {
		return
	}
	if c := m.store.objects[result]; c != nil {
		c.Inc()
	}
}

// ObjectKept times an object on its way to the disk.
func (m *Metrics) ObjectKept(appended, waited time.Duration, bytes int64) {
	if !m.Enabled() {
		return
	}
	m.store.appendTime.Observe(appended.Seconds())
	m.store.syncWait.Observe(waited.Seconds())
	m.store.writtenBytes.Add(float64(bytes))
	ms, now := milliseconds(appended+waited), m.now()
	m.orthanc.storeDuration.set(ms, now)
	m.orthanc.createDuration.set(ms, now)
	m.orthanc.writtenBytes.Add(bytes)
}

// Indexed times a batch of arrivals on its way into the index.
func (m *Metrics) Indexed(took time.Duration, rows int) {
	if m.Enabled() {
		m.store.indexTime.Observe(took.Seconds())
		m.store.batchRows.Observe(float64(rows))
	}
}

// Updated times a durable transaction.
func (m *Metrics) Updated(took time.Duration) {
	if m.Enabled() {
		m.store.updateTime.Observe(took.Seconds())
	}
}

// ObjectRead counts what was read of an object.
func (m *Metrics) ObjectRead(took time.Duration, bytes int64) {
	if !m.Enabled() {
		return
	}
	m.store.readTime.Observe(took.Seconds())
	m.store.readBytes.Add(float64(bytes))
	m.orthanc.readDuration.set(milliseconds(took), m.now())
	m.orthanc.readBytes.Add(bytes)
}

// Deleted counts a deletion.
func (m *Metrics) Deleted(took time.Duration, instances int, bytes int64) {
	if !m.Enabled() {
		return
	}
	m.store.deleteTime.Observe(took.Seconds())
	m.store.deletedObjects.Add(float64(instances))
	m.store.deletedBytes.Add(float64(bytes))
	m.orthanc.removeDuration.set(milliseconds(took), m.now())
}
