package storage

import (
	"context"
	"errors"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// decide tells what is to become of an arrival whose identity is locked.
func (s *Store) decide(ctx context.Context, mode Overwrite, a *arrival) (PutStatus, error) {
	old, found := s.pending.find(a.n.ID)
	if !found {
		var err error
		if old, found, err = s.lookFor(ctx, a); err != nil {
			return 0, err
		}
	}
	switch {
	case !found:
		return Stored, nil
	case mode == OverwriteNever:
		cut, err := s.incomplete(ctx, a.n.ID)
		if err != nil || !cut {
			return AlreadyStored, err
		}
	case mode == OverwriteIfChanged:
		same, err := s.same(ctx, &old, &a.n.Blob)
		if err != nil {
			return 0, s.typed("compare with the stored copy", err)
		}
		if same {
			return AlreadyStored, nil
		}
	}
	a.old = &old
	return Replaced, nil
}

// lookFor looks an instance up in the index, if it has to.
func (s *Store) lookFor(ctx context.Context, a *arrival) (old index.Blob, found bool, err error) {
	known, err := s.arrivals.isNew(ctx, s, a)
	if known || err != nil {
		return old, false, err
	}
	err = s.idx.View(ctx, func(r index.ReadTx) (err error) { old, err = r.Stored(a.n.ID); return err })
	if errors.Is(err, index.ErrNotFound) {
		return old, false, nil
	}
	return old, err == nil, s.typed("look for an instance", err)
}

// same compares two copies of an instance by size and MD5. A stored copy that cannot be read is not the same.
func (s *Store) same(ctx context.Context, old, now *index.Blob) (bool, error) {
	if old.PlainSize() != now.PlainSize() || old.Plain == now.Plain && old.CRC32C != now.CRC32C {
		return false, nil
	}
	sum, err := s.md5(ctx, old)
	var damaged *blob.CorruptError
	if errors.As(err, &damaged) || errors.Is(err, blob.ErrNotFound) {
		return false, nil
	}
	return sum == now.MD5, err
}

// keep puts an arrival into the log, waits until it is durable there, and hands it to the index.
func (s *Store) keep(ctx context.Context, w blob.Writer, a *arrival) error {
	kind := blob.KindInstance
	if a.n.Blob.Upload {
		kind = blob.KindUpload
	}
	s.flights.begin(&a.flight)
	began := time.Now()
	ticket, err := w.Commit(ctx, kind, a.meta())
	if err != nil {
		s.flights.done(&a.flight)
		return s.typed("keep an object", err)
	}
	appended := time.Now()
	s.flights.saw(ticket.Next())
	a.n.Blob.Key, a.n.Blob.Seq = ticket.Ref().Key, ticket.Ref().Seq
	// From here on the record is in the log: it is brought to its end even if the sender gives up.
	ctx = context.WithoutCancel(ctx)
	if err := ticket.Wait(ctx); err != nil {
		return s.typed("wait for the disk", err) // the flight stays: nothing says that the record is not there
	}
	s.o.Observer.kept(began, appended, a.n.Blob.Size)
	s.pending.add(a)
	a.kept = true
	if a.old != nil {
		return s.replaced(ctx, a)
	}
	return nil
}

// replaced brings the new copy into the index and then gives the bytes of the old one back.
func (s *Store) replaced(ctx context.Context, a *arrival) error {
	if err := s.flush(ctx); err != nil {
		return err
	}
	if err := s.dispose(ctx, []index.Blob{*a.old}); err != nil {
		s.log.Warn("the bytes of a replaced instance are still there; they go at the next start", "instance", a.n.ID, "error", err)
	}
	s.emptySoon()
	return nil
}

// emptySoon empties the write-ahead log of the index, in which the text of replaced rows still stands, once for all that
// is replaced within a while.
func (s *Store) emptySoon() {
	if !s.emptying.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(emptyAfter, func() {
		s.emptying.Store(false)
		err := s.idx.Checkpoint(context.Background())
		if errors.Is(err, index.ErrBusy) {
			s.emptySoon() // a reader stands in the way
		} else if err != nil && !errors.Is(err, index.ErrClosed) { // closing empties it, too
			s.log.Error("the write-ahead log of the index cannot be emptied", "error", err)
		}
	})
}

// emptyAfter is how long the text of replaced rows may stay in the write-ahead log.
const emptyAfter = 2 * time.Second

// meta is what the log keeps beside the bytes, so that the index can be made from it.
func (a *arrival) meta() blob.Meta {
	m := blob.Meta{Time: a.n.Received, CallingAET: a.n.Origin.RemoteAET, CalledAET: a.n.Origin.CalledAET,
		RemoteAddr: a.n.Origin.RemoteIP, User: a.n.Origin.HttpUsername, Origin: a.n.Origin.Source,
		TransferSyntax: string(a.n.TransferSyntax)}
	if a.old != nil {
		m.Replaces = refOf(a.old)
	}
	m.Extra = (&extra{packing: a.packing}).encode()
	return m
}

func refOf(b *index.Blob) blob.Ref { return blob.Ref{Key: b.Key, Seq: b.Seq} }

func refsOf(blobs []index.Blob) []blob.Ref {
	refs := make([]blob.Ref, len(blobs))
	for i := range blobs {
		refs[i] = refOf(&blobs[i])
	}
	return refs
}
