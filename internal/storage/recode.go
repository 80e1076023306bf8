package storage

import (
	"context"
	"io"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// Recode compresses the bytes of an attachment on the disk, or undoes that; those of an instance's file with DicomFile.
// One that is so already, or is empty, stays as it is.
func (s *Store) Recode(ctx context.Context, id index.ID, number int, compress bool) error {
	if err := s.writable(); err != nil {
		return err
	}
	a, err := s.Attachment(ctx, id, number)
	if err != nil || compress == (a.Blob.Plain > 0) || a.Blob.Size == 0 {
		return err
	}
	b, err := s.OpenAttachment(ctx, a, false)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // it was only read
	if number == DicomFile {
		return s.recodeInstance(ctx, id, a, b, compress)
	}
	t := &attaching{s: s, note: true, meta: b.Meta(), guard: unchanged(a)}
	if err := t.findOwner(ctx, id); err != nil {
		return s.typed("recode", err)
	}
	t.owner.Number = number
	_, err = t.run(ctx, io.NewSectionReader(b, 0, b.Size()), b.Size(), compress)
	return err
}

// unchanged refuses to replace anything but what was read.
func unchanged(a *index.Attachment) func(*index.Attachment) error {
	return func(now *index.Attachment) error {
		if now == nil || refOf(&now.Blob) != refOf(&a.Blob) {
			return ErrRevision
		}
		return nil
	}
}

// recodeInstance writes an instance's file anew. To the log it is a copy that takes the place of the first.
func (s *Store) recodeInstance(ctx context.Context, id index.ID, a *index.Attachment, b blob.Blob, compress bool) error {
	t := &attaching{s: s, owner: ownership{Resource: index.Resource{Level: index.Instance, ID: id}, Number: DicomFile}}
	if err := t.findOwner(ctx, id); err != nil {
		return s.typed("recode", err)
	}
	w, err := s.blobs.Create(ctx, b.Size())
	if err != nil {
		return s.typed("recode", err)
	}
	defer w.Discard()
	if err := t.receive(w, io.NewSectionReader(b, 0, b.Size()), compress); err != nil {
		return err
	}
	if err := s.identities.lock(ctx, id); err != nil {
		return err
	}
	defer s.identities.unlock(id)
	now, err := s.Attachment(ctx, id, DicomFile)
	if err != nil {
		return err
	}
	if err := unchanged(a)(now); err != nil {
		return err
	}
	t.bytes = t.now.Blob.Size - now.Blob.Size
	switch ok, err := s.admit(ctx, &t.claim); {
	case err != nil:
		return err
	case !ok && s.room.beingRecycled() == t.patient: // as long as this instance is locked
		return &kindError{kind: ErrNotFound, doing: "recode", err: index.ErrNotFound}
	case !ok:
		return &LimitError{Limit: s.o.Quota.String()}
	}
	kept := false
	defer func() { s.room.settle(&t.claim, kept) }()
	t.meta = b.Meta()
	t.meta.Replaces = refOf(&now.Blob)
	t.meta.Extra = (&extra{packing: t.packing}).encode()
	if err := s.swap(ctx, t, w, b.Kind(), now.Blob); err != nil {
		return s.typed("recode", err)
	}
	kept = true
	return nil
}

// swap puts other bytes of the same instance into the place of those that are there.
func (s *Store) swap(ctx context.Context, t *attaching, w blob.Writer, kind blob.Kind, old index.Blob) error {
	s.flights.begin(&t.flight)
	ticket, err := w.Commit(ctx, kind, t.meta)
	if err != nil {
		s.flights.done(&t.flight)
		return err
	}
	s.flights.saw(ticket.Next())
	ctx = context.WithoutCancel(ctx)
	if err := ticket.Wait(ctx); err != nil {
		return err
	}
	b := t.now.Blob
	b.Key, b.Seq, b.Upload, b.Instance = ticket.Ref().Key, ticket.Ref().Seq, old.Upload, old.Instance
	err = s.idx.Update(ctx, func(tx index.Tx) error {
		if err := tx.SetBlob(b.Instance, b); err != nil {
			return err
		}
		return tx.PutReclaim(old)
	})
	if err != nil {
		return err // the flight stays: a replay finishes this
	}
	s.flights.done(&t.flight)
	s.disposeLater(ctx, old)
	return nil
}
