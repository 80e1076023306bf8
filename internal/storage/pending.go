package storage

import (
	"context"
	"slices"
	"sync"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// An arrival is acknowledged when the log has it; its index row follows a moment later, together with those of its
// neighbours, because a transaction per row would cost several times as much. Nobody can tell the difference: whatever
// reads the index through the Store writes what is pending first, and after a crash it is replayed from the log.
const (
	flushAfter = 20 * time.Millisecond // how long a row waits for company
	flushEarly = 256                   // rows that do not wait any longer
	pendingMax = 1024                  // rows above which a Put writes them itself before it goes on
	retryAfter = time.Second           // after a failure
)

// pending are the arrivals that are durable in the log and not in the index yet.
type pending struct {
	mu   sync.Mutex
	rows []*arrival              // in the order of their arrival
	byID map[index.ID]index.Blob // what they hold
	err  error                   // why the last attempt to write them failed

	writing chan struct{} // holds one token: the right to write them
	wake    chan struct{} // rows have come
	early   chan struct{} // many of them
	quit    chan struct{}
	done    chan struct{}
}

func newPending() *pending {
	p := &pending{byID: map[index.ID]index.Blob{}, writing: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		early: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	p.writing <- struct{}{}
	return p
}

// add takes an arrival that is durable.
func (p *pending) add(a *arrival) {
	p.mu.Lock()
	p.rows = append(p.rows, a)
	p.byID[a.n.ID] = a.n.Blob
	n := len(p.rows)
	p.mu.Unlock()
	if n == 1 {
		signal(p.wake)
	}
	if n%flushEarly == 0 {
		signal(p.early)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// find tells whether an instance is pending.
func (p *pending) find(id index.ID) (index.Blob, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, ok := p.byID[id]
	return b, ok
}

// of tells whether anything of a patient is pending.
func (p *pending) of(patient index.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.rows, func(a *arrival) bool { return a.n.Patient == patient })
}

// state tells how many rows wait, and why they could not be written if they could not.
func (p *pending) state() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rows), p.err
}

// flusher writes what is pending in the background.
func (s *Store) flusher() {
	p := s.pending
	defer close(p.done)
	timer := time.NewTimer(flushAfter)
	defer timer.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-p.wake:
		}
		timer.Reset(flushAfter)
		select {
		case <-timer.C:
		case <-p.early:
		case <-p.quit:
			return
		}
		if err := s.flush(context.Background()); err == nil {
			continue
		}
		timer.Reset(retryAfter)
		select {
		case <-timer.C:
			signal(p.wake)
		case <-p.quit:
			return
		}
	}
}

// flush writes what is pending into the index. When it returns nil, all that was acknowledged before it was called can
// be read.
func (s *Store) flush(ctx context.Context) error {
	p := s.pending
	if n, _ := p.state(); n == 0 {
		return nil
	}
	select {
	case <-p.writing:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { p.writing <- struct{}{} }()
	p.mu.Lock()
	rows := p.rows
	p.mu.Unlock()
	if len(rows) == 0 {
		return nil
	}
	err := s.indexRows(rows)
	p.mu.Lock()
	defer p.mu.Unlock()
	s.tellIndex(err, p.err)
	p.err = err
	if err != nil {
		return err
	}
	p.rows = append([]*arrival(nil), p.rows[len(rows):]...)
	for _, a := range rows {
		if p.byID[a.n.ID] == a.n.Blob {
			delete(p.byID, a.n.ID)
		}
	}
	if len(p.rows) > 0 {
		signal(p.wake)
	}
	return nil
}

// tellIndex logs when writing to the index begins to fail, and when it works again.
func (s *Store) tellIndex(err, before error) {
	switch {
	case err != nil && before == nil:
		s.log.Error("stored objects cannot be written to the index; no more are taken until they can", "error", err)
	case err == nil && before != nil:
		s.log.Info("the index can be written again")
	}
}

// indexRows writes arrivals and how far the log is in the index, in one transaction.
func (s *Store) indexRows(rows []*arrival) error {
	began := time.Now()
	err := s.idx.Derive(context.Background(), func(tx index.Tx) error { // the disk ends this, nobody else
		for _, a := range rows {
			if err := tx.PutInstance(&a.n, false); err != nil {
				return err
			}
			if a.old != nil {
				if err := tx.PutReclaim(*a.old); err != nil {
					return err
				}
			}
		}
		return tx.SetPosition(s.flights.landing(rows).String())
	})
	if err != nil {
		return s.typed("write to the index", err)
	}
	s.o.Observer.indexed(began, len(rows))
	for _, a := range rows {
		s.flights.done(&a.flight)
	}
	return nil
}

// landing is where a replay has to begin once rows are in the index.
func (f *flights) landing(rows []*arrival) blob.Position {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range rows {
		a.landing = true
	}
	defer func() {
		for _, a := range rows {
			a.landing = false
		}
	}()
	for fl := f.first; fl != nil; fl = fl.next {
		if !fl.landing {
			return fl.floor
		}
	}
	return f.end
}
