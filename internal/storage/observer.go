package storage

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// Observer is told what the store does and how long that takes, for metrics. Each of its functions may be nil; they are
// called by many goroutines and must not wait.
type Observer struct {
	Put     func(status PutStatus, err error)                    // an object was taken in, or refused
	Kept    func(appended, waited time.Duration, bytes int64)    // a record was written to the log, and waited for until it was durable
	Indexed func(took time.Duration, rows int)                   // a batch of arrivals went into the index
	Updated func(took time.Duration)                             // a transaction of Store.Update, with its wait for the disk
	Read    func(took time.Duration, bytes int64)                // an object was opened, read and closed; see Object
	Deleted func(took time.Duration, instances int, bytes int64) // a resource was deleted
}

func (o *Observer) put(rs *PutResult, err error) {
	if o == nil || o.Put == nil {
		return
	}
	var status PutStatus
	if rs != nil {
		status = rs.Status
	}
	o.Put(status, err)
}

func (o *Observer) kept(began, appended time.Time, bytes int64) {
	if o != nil && o.Kept != nil {
		o.Kept(appended.Sub(began), time.Since(appended), bytes)
	}
}

func (o *Observer) indexed(began time.Time, rows int) {
	if o != nil && o.Indexed != nil {
		o.Indexed(time.Since(began), rows)
	}
}

func (o *Observer) updated(began time.Time) {
	if o != nil && o.Updated != nil {
		o.Updated(time.Since(began))
	}
}

func (o *Observer) deleted(began time.Time, d *Deleted) {
	if o != nil && o.Deleted != nil && d != nil {
		o.Deleted(time.Since(began), d.Instances, d.Bytes)
	}
}

// metered is an open blob that tells what was read of it. What goes straight to a socket counts as bytes but not as
// time, which would be the receiver's.
type metered struct {
	blob.Blob
	observer *Observer
	took     atomic.Int64 // nanoseconds
	bytes    atomic.Int64
	closed   atomic.Bool
}

// meter watches a blob that it took some time to find and open.
func (o *Observer) meter(b blob.Blob, began time.Time) blob.Blob {
	if o == nil || o.Read == nil {
		return b
	}
	m := &metered{Blob: b, observer: o}
	m.took.Store(int64(time.Since(began)))
	return m
}

// ReadAt implements io.ReaderAt.
func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	began := time.Now()
	n, err := m.Blob.ReadAt(p, off)
	m.took.Add(int64(time.Since(began)))
	m.bytes.Add(int64(n))
	return n, err
}

// WriteTo implements io.WriterTo.
func (m *metered) WriteTo(w io.Writer) (int64, error) {
	n, err := m.Blob.WriteTo(w)
	m.bytes.Add(n)
	return n, err
}

// Close implements io.Closer.
func (m *metered) Close() error {
	if m.closed.CompareAndSwap(false, true) {
		m.observer.Read(time.Duration(m.took.Load()), m.bytes.Load())
	}
	return m.Blob.Close()
}

// Gauges are figures that it costs next to nothing to tell: nothing is walked through, and no writing is waited for.
type Gauges struct {
	index.Statistics
	LastChange int64 // the newest change that is in the index
	Pending    int   // arrivals that are durable and not in the index yet; up to as many may be missing above
	blob.Gauges
}

// Gauges tells them. Unlike Statistics it does not bring the index up to date first.
func (s *Store) Gauges(ctx context.Context) (g Gauges, err error) {
	g.Pending, _ = s.pending.state()
	if meter, ok := s.blobs.(interface{ Gauges() blob.Gauges }); ok {
		g.Gauges = meter.Gauges()
	}
	err = s.idx.View(ctx, func(r index.ReadTx) (err error) {
		if g.Statistics, err = r.Statistics(); err == nil {
			g.LastChange, err = r.LastChange()
		}
		return err
	})
	return g, s.typed("count", err)
}
