package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// maxBatch bounds the instances of one index transaction.
const maxBatch = 256

// decide tells what is to become of an arrival whose identity is locked.
func (s *Store) decide(ctx context.Context, mode Overwrite, a *arrival) (PutStatus, error) {
	var old index.Blob
	err := s.idx.View(ctx, func(r index.ReadTx) (err error) { old, err = r.Stored(a.n.ID); return err })
	switch {
	case errors.Is(err, index.ErrNotFound):
		return Stored, nil
	case err != nil:
		return 0, s.typed("look for an instance", err)
	case mode == OverwriteNever:
		return AlreadyStored, nil
	case mode == OverwriteIfChanged:
		same, err := s.same(ctx, &old, &a.n.Blob)
		if err != nil {
			return 0, err
		}
		if same {
			return AlreadyStored, nil
		}
	}
	a.old = &old
	return Replaced, nil
}

// same compares two copies of an instance by size and MD5. A stored copy that cannot be read is not the same.
func (s *Store) same(ctx context.Context, old, now *index.Blob) (bool, error) {
	if old.Size != now.Size || old.CRC32C != now.CRC32C {
		return false, nil
	}
	sum, err := s.md5(ctx, old)
	var damaged *blob.CorruptError
	if errors.As(err, &damaged) || errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	return sum == now.MD5, err
}

// keep puts an arrival into log and index.
func (s *Store) keep(ctx context.Context, w blob.Writer, a *arrival) error {
	kind := blob.KindInstance
	if a.n.Blob.Upload {
		kind = blob.KindUpload
	}
	s.flights.begin(&a.flight)
	ticket, err := w.Commit(ctx, kind, a.meta())
	if err != nil {
		s.flights.done(&a.flight)
		return s.typed("keep an object", err)
	}
	s.flights.saw(ticket.Next())
	a.ticket = ticket
	a.n.Blob.Key, a.n.Blob.Seq = ticket.Ref().Key, ticket.Ref().Seq
	// From here on the record is in the log: it is brought to its end even if the sender gives up.
	if err := s.committer.commit(s, a); err != nil {
		return s.typed("keep an object", err)
	}
	if a.old != nil {
		// The old copy is out of the index; what is left of it after an error goes at the next start.
		if err := s.dispose(context.WithoutCancel(ctx), []index.Blob{*a.old}); err != nil {
			s.log.Warn("the bytes of a replaced instance are still there", "instance", a.n.ID, "error", err)
		}
	}
	return nil
}

// meta is what the log keeps beside the bytes, so that the index can be made from it.
func (a *arrival) meta() blob.Meta {
	m := blob.Meta{Time: a.n.Received, CallingAET: a.n.Origin.RemoteAET, CalledAET: a.n.Origin.CalledAET,
		RemoteAddr: a.n.Origin.RemoteIP, User: a.n.Origin.HttpUsername, Origin: a.n.Origin.Source,
		TransferSyntax: string(a.n.TransferSyntax)}
	if a.old != nil {
		m.Replaces = refOf(a.old)
	}
	return m
}

func refOf(b *index.Blob) blob.Ref { return blob.Ref{Key: b.Key, Seq: b.Seq} }

// committer writes arrivals into the index, all that wait in one transaction, one transaction at a time. There is no
// goroutine for it: whoever finds it idle leads, so that a lone association pays for no handing over, and passes the
// lead on to one of those that have come meanwhile.
type committer struct {
	mu    sync.Mutex
	queue []*arrival
	busy  bool
}

func (c *committer) commit(s *Store, a *arrival) error {
	c.mu.Lock()
	if c.busy {
		a.wake = make(chan bool, 1)
		c.queue = append(c.queue, a)
		c.mu.Unlock()
		if lead := <-a.wake; !lead {
			return a.err
		}
	} else {
		c.busy = true
		c.queue = append(c.queue, a)
		c.mu.Unlock()
	}
	c.lead(s, a)
	return a.err
}

// lead commits what waits; the leader is the first of it.
func (c *committer) lead(s *Store, leader *arrival) {
	c.mu.Lock()
	batch := c.queue[:min(len(c.queue), maxBatch)]
	c.queue = append([]*arrival(nil), c.queue[len(batch):]...)
	c.mu.Unlock()
	s.index(batch)
	for _, a := range batch {
		if a != leader {
			a.wake <- false
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.busy = false
		return
	}
	c.queue[0].wake <- true
}

// index commits a batch. If the index refuses it each arrival is tried alone, so that one cannot spoil the others.
func (s *Store) index(batch []*arrival) {
	err := s.indexTogether(batch)
	for _, a := range batch {
		a.err = err
		if err != nil && len(batch) > 1 && s.Err() == nil {
			a.err = s.indexTogether([]*arrival{a})
		}
		if a.err != nil {
			a.err = s.takeBack(a)
		}
	}
}

// indexTogether builds the transaction while the log is being synced, and commits it only after that.
func (s *Store) indexTogether(batch []*arrival) error {
	ctx := context.Background() // the disk ends this, nobody else
	err := s.idx.Derive(ctx, func(tx index.Tx) error {
		for _, a := range batch {
			if err := tx.PutInstance(&a.n, false); err != nil {
				return err
			}
			if a.old != nil {
				if err := tx.PutReclaim(*a.old); err != nil {
					return err
				}
			}
		}
		if err := s.notePosition(tx, batch); err != nil {
			return err
		}
		for _, a := range batch {
			if err := a.ticket.Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range batch {
		s.flights.done(&a.flight)
	}
	return nil
}

// notePosition notes where a replay has to begin once batch is committed.
func (s *Store) notePosition(tx index.Tx, batch []*arrival) error {
	if s.area != index.AreaLog {
		return nil
	}
	s.flights.land(batch, true)
	defer s.flights.land(batch, false)
	return tx.SetPosition(s.flights.position().String())
}

// takeBack makes an arrival that could not be indexed dead in the log. If that fails, too, the store takes nothing more
// until it is opened again and log and index are compared.
func (s *Store) takeBack(a *arrival) error {
	cause := a.err
	ctx := context.Background()
	t, err := s.areas[a.n.Blob.Area].Delete(ctx, refOf(&a.n.Blob))
	if err == nil {
		err = t.Wait(ctx)
	}
	if err != nil {
		s.stop(fmt.Errorf("an object is in the log and not in the index: %w", errors.Join(cause, err)))
		return cause
	}
	s.flights.done(&a.flight)
	if err := s.areas[a.n.Blob.Area].Reclaim(ctx, refOf(&a.n.Blob)); err != nil {
		s.log.Warn("the bytes of a refused object are still there", "error", err)
	}
	return cause
}

// land marks the flights of a batch.
func (f *flights) land(batch []*arrival, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range batch {
		a.landing = on
	}
}

func refsIn(blobs []index.Blob, area index.Area) (refs []blob.Ref) {
	for i := range blobs {
		if blobs[i].Area == area {
			refs = append(refs, refOf(&blobs[i]))
		}
	}
	return refs
}
