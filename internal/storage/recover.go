package storage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// replayBatch bounds the records of one index transaction while replaying.
const replayBatch = 500

// recover brings the index up to the blobs, before anything is served.
func (s *Store) recover(ctx context.Context) error {
	var noted string
	err := s.idx.View(ctx, func(r index.ReadTx) (err error) { noted, err = r.Position(); return err })
	if err != nil {
		return err
	}
	from := blob.Position{}
	if noted != "" {
		if from, err = blob.ParsePosition(noted); err != nil {
			return err
		}
	}
	s.flights.saw(from)
	// After kill -9 the last commits of the index, and the tail of the log, may lie in the page cache alone: both are made
	// durable before they are believed. The log drops tombstones that lie before the position.
	if err := s.idx.Checkpoint(ctx); err != nil {
		return err
	}
	if err := s.blobs.Barrier(ctx); err != nil {
		return err
	}
	if s.salvaged != nil {
		s.remade = true
		return s.refill(ctx)
	}
	if err := s.replay(ctx, from, false); err != nil {
		return err
	}
	return s.finishReclaims(ctx)
}

// finishReclaims gives back what was being given back when the last process ended.
func (s *Store) finishReclaims(ctx context.Context) error {
	for {
		var blobs []index.Blob
		err := s.idx.View(ctx, func(r index.ReadTx) (err error) { blobs, err = r.Reclaims(replayBatch); return err })
		if err != nil || len(blobs) == 0 {
			return err
		}
		if err := s.dispose(ctx, blobs); err != nil {
			return err
		}
	}
}

// replayer puts records of a blob store into the index.
type replayer struct {
	s       *Store
	quiet   bool
	entries []blob.Entry
	late    []blob.Entry // attachments without an owner so far
	deleted map[blob.Ref]bool
	added   int64
	damaged int64
	end     blob.Position
}

// replay indexes what lies in the log from a position on. Running it twice changes nothing.
func (s *Store) replay(ctx context.Context, from blob.Position, quiet bool) error {
	r := &replayer{s: s, quiet: quiet, deleted: map[blob.Ref]bool{}}
	for e, err := range s.blobs.Replay(ctx, from) {
		var damaged *blob.CorruptError
		if errors.As(err, &damaged) {
			r.damaged++
			s.log.Error("a damaged record is left out of the index; gantry fsck tells more", "error", err)
			continue
		}
		if err != nil {
			return err
		}
		if err := r.add(ctx, e); err != nil {
			return err
		}
	}
	if err := r.flush(ctx); err != nil {
		return err
	}
	if err := r.attachLate(ctx); err != nil {
		return err
	}
	if err := r.bury(ctx); err != nil {
		return err
	}
	if from == (blob.Position{}) && !quiet && r.added > 0 {
		s.log.Warn("the index was missing or empty and has been made from the stored objects; what it alone held is lost: labels,"+
			" metadata of users, the protection of patients and our commitments to keep instances (they may be recycled now),"+
			" changes, exports, jobs and modalities", "instances", r.added)
	}
	if r.added > 0 || r.damaged > 0 {
		s.log.Info("replayed what the index lacked", "from", from, "instances", r.added, "damaged", r.damaged)
	}
	return nil
}

func (r *replayer) add(ctx context.Context, e blob.Entry) error {
	switch e.Kind {
	case blob.KindTombstone:
		for _, ref := range e.Deleted {
			r.deleted[ref] = true
		}
	case blob.KindInstance, blob.KindUpload, blob.KindAttachment:
		r.entries = append(r.entries, e)
	}
	if r.end.Less(e.Next) {
		r.end = e.Next
	}
	if len(r.entries) < replayBatch {
		return nil
	}
	return r.flush(ctx)
}

// flush indexes the records collected. The position stays where it was until the tombstones among them count, too.
func (r *replayer) flush(ctx context.Context) error {
	err := r.s.idx.Derive(ctx, func(tx index.Tx) error {
		for i := range r.entries {
			if err := r.apply(ctx, tx, &r.entries[i]); err != nil {
				return err
			}
		}
		return nil
	})
	r.entries = r.entries[:0]
	return err
}

// apply indexes one record.
func (r *replayer) apply(ctx context.Context, tx index.Tx, e *blob.Entry) error {
	if e.Kind == blob.KindAttachment {
		return r.attach(tx, e, false)
	}
	n, err := r.s.reread(ctx, e)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		r.damaged++
		r.s.log.Error("a stored object cannot be read and is left out of the index", "object", e.Ref, "error", err)
		return nil
	}
	have, err := tx.Stored(n.ID)
	switch {
	case errors.Is(err, index.ErrNotFound):
		r.added++
		return tx.PutInstance(n, r.quiet)
	case err != nil:
		return err
	case refOf(&have) == e.Ref:
		return r.reclaimReplaced(tx, e)
	}
	wins, err := r.wins(ctx, e, &have)
	if err != nil {
		return err
	}
	if !wins {
		return tx.PutReclaim(n.Blob)
	}
	r.added++
	return errors.Join(tx.PutInstance(n, r.quiet), tx.PutReclaim(have))
}

// reclaimReplaced makes sure that what a record took the place of goes, if it is still there.
func (r *replayer) reclaimReplaced(tx index.Tx, e *blob.Entry) error {
	if e.Meta.Replaces.IsZero() {
		return nil
	}
	return tx.PutReclaim(index.Blob{Key: e.Meta.Replaces.Key, Seq: e.Meta.Replaces.Seq})
}

// wins decides between two living copies of an instance: what the log notes of a replacement counts, not today's
// options. Without a note the first copy stays; the second was never acknowledged.
func (r *replayer) wins(ctx context.Context, e *blob.Entry, have *index.Blob) (bool, error) {
	if e.Meta.Replaces == refOf(have) {
		return true, nil
	}
	b, err := r.s.openBlob(ctx, have)
	if errors.Is(err, blob.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	noted := b.Meta().Replaces
	if err := b.Close(); err != nil {
		return false, err
	}
	switch {
	case noted == e.Ref:
		return false, nil
	case e.Ref.Seq > have.Seq:
		return !e.Meta.Replaces.IsZero(), nil
	}
	return noted.IsZero(), nil
}

// bury takes the instances out of the index whose bytes the tombstones name, and notes how far the log was read.
func (r *replayer) bury(ctx context.Context) error {
	gone, attached, err := r.holders(ctx)
	if err != nil {
		return err
	}
	return r.s.idx.Update(ctx, func(tx index.Tx) error {
		for _, b := range gone {
			removed, err := tx.DeleteInstance(b.Instance)
			if err != nil {
				return err
			}
			for _, b := range append(removed.Attached, b) {
				if err := tx.PutReclaim(b); err != nil {
					return err
				}
			}
		}
		if err := r.unbury(tx, attached); err != nil {
			return err
		}
		if r.end == (blob.Position{}) {
			return nil
		}
		r.s.flights.saw(r.end)
		return tx.SetPosition(r.end.String())
	})
}

// holders finds the instances and attachments whose bytes are buried.
func (r *replayer) holders(ctx context.Context) (gone []index.Blob, attached []index.Attachment, err error) {
	if len(r.deleted) == 0 {
		return nil, nil, nil
	}
	err = r.s.eachBlob(ctx, func(b *index.Blob) error {
		if r.deleted[refOf(b)] {
			gone = append(gone, *b)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	err = r.s.eachAttachment(ctx, func(a *index.Attachment) error {
		if r.deleted[refOf(&a.Blob)] {
			attached = append(attached, *a)
		}
		return nil
	})
	return gone, attached, err
}

// eachBlob goes through the blobs of all instances in pages, so that no transaction stays open for long.
func (s *Store) eachBlob(ctx context.Context, fn func(*index.Blob) error) error {
	for after := int64(0); ; {
		var blobs []index.Blob
		var keys []int64
		err := s.idx.View(ctx, func(r index.ReadTx) (err error) { blobs, keys, err = r.Blobs(after, 2000); return err })
		if err != nil || len(blobs) == 0 {
			return err
		}
		for i := range blobs {
			if err := fn(&blobs[i]); err != nil {
				return err
			}
		}
		after = keys[len(keys)-1]
	}
}

// reread makes the index row of a stored object from its bytes and what the log keeps beside them.
func (s *Store) reread(ctx context.Context, e *blob.Entry) (*index.NewInstance, error) {
	n, _, err := s.rereadCounted(ctx, e)
	return n, err
}

// rereadCounted tells as well how many bytes it has read.
func (s *Store) rereadCounted(ctx context.Context, e *blob.Entry) (_ *index.NewInstance, read int64, _ error) {
	raw, err := s.blobs.Open(ctx, e.Ref)
	if err != nil {
		return nil, 0, err
	}
	size := raw.Size()
	b, err := unpacked(raw)
	if err != nil {
		return nil, 0, err
	}
	src := &counted{r: io.NewSectionReader(b, 0, b.Size())}
	defer func() { _ = b.Close() }()
	a := &arrival{}
	a.n.Received = index.Now(e.Meta.Time)
	a.n.Origin = index.Origin{Source: e.Meta.Origin, RemoteAET: e.Meta.CallingAET, RemoteIP: e.Meta.RemoteAddr,
		CalledAET: e.Meta.CalledAET, HttpUsername: e.Meta.User}
	h := s.plan.get()
	defer s.plan.put(h)
	if _, err := s.parseStream(h, src, 0, a); err != nil {
		return nil, src.n, fmt.Errorf("storage: read the header: %w", err)
	}
	if e.Kind == blob.KindInstance && e.Meta.TransferSyntax != "" {
		a.n.TransferSyntax = dicom.UID(e.Meta.TransferSyntax)
	}
	if err := s.plan.instance(h, &a.n, 0, b.Size()); err != nil {
		return nil, src.n, err
	}
	a.n.Signatures = s.plan.signatures
	a.n.Blob = index.Blob{Key: e.Ref.Key, Seq: e.Ref.Seq, Upload: e.Kind == blob.KindUpload, Size: size, CRC32C: b.Checksum(),
		Instance: a.n.ID}
	if b.Size() != size {
		a.n.Blob.Plain = b.Size()
	}
	return &a.n, src.n, nil
}

// counted counts what is read through it.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// rebuild makes the whole index anew from the blobs; what cannot be made from them is not touched.
func (s *Store) rebuild(ctx context.Context) error {
	if s.remade {
		return nil
	}
	if err := s.idx.Update(ctx, func(tx index.Tx) error { return tx.ClearDerived() }); err != nil {
		return err
	}
	return s.refill(ctx)
}

// refill makes the index from the blobs.
func (s *Store) refill(ctx context.Context) error {
	if err := s.replay(ctx, blob.Position{}, true); err != nil {
		return err
	}
	if err := s.idx.Update(ctx, func(tx index.Tx) error { return tx.PruneOrphans() }); err != nil {
		return err
	}
	return s.finishReclaims(ctx)
}
