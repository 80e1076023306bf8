package storage

import (
	"context"
	"crypto/md5" //nolint:gosec // Orthanc's attachments are compared and named by MD5
	"errors"
	"io"
	"strconv"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// DicomFile is the number of the attachment that is an instance's own file.
const DicomFile = 1

// AttachRequest is an attachment to keep.
type AttachRequest struct {
	Number int
	Data   io.Reader // read to its end, never held as a whole
	Size   int64     // a hint, 0 if unknown
	Origin index.Origin
	// Guard may refuse to replace the present attachment, nil if there is none; its error is returned as it is.
	Guard func(*index.Attachment) error
}

// Attach adds an attachment to a resource of any level or replaces it, and returns it when it is durable.
//
// Errors: ErrNotFound if there is no such resource, those of Put, that of Guard.
func (s *Store) Attach(ctx context.Context, id index.ID, rq *AttachRequest) (*index.Attachment, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	t := &attaching{s: s, guard: rq.Guard, note: true}
	t.meta = blob.Meta{RemoteAddr: rq.Origin.RemoteIP, User: rq.Origin.HttpUsername, Origin: rq.Origin.Source}
	if err := t.findOwner(ctx, id); err != nil {
		return nil, s.typed("attach to "+id.String(), err)
	}
	t.owner.Number = rq.Number
	return t.run(ctx, rq.Data, rq.Size, s.o.Compress)
}

// attaching is an attachment on its way into the store.
type attaching struct {
	flight
	claim
	s     *Store
	guard func(*index.Attachment) error
	note  bool // as a change
	owner ownership
	meta  blob.Meta
	old   *index.Attachment // replaced by it
	now   index.Attachment
	packing
}

func (t *attaching) findOwner(ctx context.Context, id index.ID) error {
	return t.s.View(ctx, func(r index.ReadTx) (err error) {
		t.owner.ID = id
		if t.owner.Level, err = r.Resource(id); err != nil {
			return err
		}
		t.patient, err = r.PatientOf(t.owner.Resource)
		return err
	})
}

// lockID is what keeps two changes of one attachment apart.
func (t *attaching) lockID() index.ID {
	return index.NewID("attachment", t.owner.ID.String(), strconv.Itoa(t.owner.Number))
}

func (t *attaching) run(ctx context.Context, data io.Reader, size int64, compress bool) (*index.Attachment, error) {
	w, err := t.s.blobs.Create(ctx, size)
	if err != nil {
		return nil, t.s.typed("begin an attachment", err)
	}
	defer w.Discard()
	if err := t.receive(w, data, compress); err != nil {
		return nil, err
	}
	t.s.room.enter(t.patient)
	defer t.s.room.leave(t.patient)
	if err := t.takeIn(ctx); err != nil {
		return nil, err
	}
	defer t.s.identities.unlock(t.lockID())
	kept := false
	defer func() { t.s.room.settle(&t.claim, kept) }()
	if err := t.keep(ctx, w); err != nil {
		return nil, err
	}
	kept = true
	return &t.now, nil
}

// receive takes the bytes.
func (t *attaching) receive(w blob.Writer, data io.Reader, compress bool) error {
	sum := md5.New() //nolint:gosec // see the import
	src := &source{r: data}
	to := sink(w)
	var pack *packer
	if compress {
		pack = newPacker(w)
		defer pack.release()
		to = pack
	}
	if _, err := to.ReadFrom(io.TeeReader(src, sum)); err != nil {
		return t.s.received(src, err)
	}
	if pack != nil {
		var err error
		if t.packing, err = pack.finish(); err != nil {
			return t.s.typed("write an attachment", err)
		}
	}
	t.now.Blob = index.Blob{Size: w.Size(), Plain: t.plain, CRC32C: w.Checksum(), HasMD5: true, Instance: t.owner.ID}
	sum.Sum(t.now.Blob.MD5[:0])
	return nil
}

// takeIn looks at what is there and makes room. Without an error the attachment is locked.
func (t *attaching) takeIn(ctx context.Context) error {
	for {
		if err := t.s.identities.lock(ctx, t.lockID()); err != nil {
			t.s.room.settle(&t.claim, false)
			return err
		}
		err := t.look(ctx)
		if err == nil && t.guard != nil {
			err = t.guard(t.old)
		}
		if err == nil && !t.granted {
			t.bytes = t.now.Blob.Size
			if t.old != nil {
				t.bytes -= t.old.Blob.Size
			}
			_, err = t.s.admit(ctx, &t.claim)
		}
		if err == nil && t.granted {
			return nil
		}
		t.s.identities.unlock(t.lockID())
		if err == nil {
			err = t.s.makeRoom(ctx, &t.claim)
		}
		if err != nil {
			t.s.room.settle(&t.claim, false)
			return err
		}
	}
}

// look finds the attachment that is there.
func (t *attaching) look(ctx context.Context) error {
	t.old = nil
	a, err := t.s.Attachment(ctx, t.owner.ID, t.owner.Number)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil {
		t.old = a
	}
	return err
}

// keep puts it into the log and the index, and gives back what it replaces.
func (t *attaching) keep(ctx context.Context, w blob.Writer) error {
	s := t.s
	t.owner.MD5, t.owner.Revision = t.now.Blob.MD5, 0
	if t.old != nil {
		t.owner.Revision = t.old.Revision + 1
		t.meta.Replaces = refOf(&t.old.Blob)
	}
	t.now.Number, t.now.Revision = t.owner.Number, t.owner.Revision
	t.meta.Extra = (&extra{packing: t.packing, owner: &t.owner}).encode()
	t.meta.Time = s.o.Clock()
	s.flights.begin(&t.flight)
	ticket, err := w.Commit(ctx, blob.KindAttachment, t.meta)
	if err != nil {
		s.flights.done(&t.flight)
		return s.typed("keep an attachment", err)
	}
	s.flights.saw(ticket.Next())
	t.now.Blob.Key, t.now.Blob.Seq = ticket.Ref().Key, ticket.Ref().Seq
	ctx = context.WithoutCancel(ctx) // from here on it is in the log
	if err := ticket.Wait(ctx); err != nil {
		return s.typed("wait for the disk", err)
	}
	gone, err := t.index(ctx)
	if err != nil {
		return err // the flight stays: a replay finishes this
	}
	s.flights.done(&t.flight)
	switch {
	case gone:
		return errors.Join(&kindError{kind: ErrNotFound, doing: "attach", err: index.ErrNotFound}, s.dispose(ctx, []index.Blob{t.now.Blob}))
	case t.old != nil:
		s.disposeLater(ctx, t.old.Blob)
	}
	return nil
}

// index adds the row, unless the owner has gone meanwhile. It has, too, if what is to be replaced is not there any more: then
// the owner was stored again, and what was granted counts on bytes that others may have by now.
func (t *attaching) index(ctx context.Context) (gone bool, err error) {
	err = t.s.Update(ctx, func(tx index.Tx) error {
		if gone, err = t.ownerGone(tx); err != nil {
			return err
		}
		if gone {
			return tx.PutReclaim(t.now.Blob)
		}
		if err := tx.PutAttachment(t.owner.Resource, t.now); err != nil {
			return err
		}
		if t.old != nil {
			if err := tx.PutReclaim(t.old.Blob); err != nil {
				return err
			}
		}
		return t.s.noteAttachment(tx, t.owner.Resource, t.note)
	})
	return gone, t.s.typed("attach", err)
}

func (t *attaching) ownerGone(tx index.ReadTx) (bool, error) {
	if _, err := tx.Resource(t.owner.ID); err != nil {
		if errors.Is(err, index.ErrNotFound) {
			return true, nil
		}
		return false, err
	}
	if t.old == nil {
		return false, nil
	}
	list, err := tx.Attachments(t.owner.ID)
	return !holds(list, t.old), err
}

func (s *Store) noteAttachment(tx index.Tx, r index.Resource, note bool) error {
	if !note {
		return nil
	}
	return tx.PutChange(index.Change{Type: index.ChangeUpdatedAttachment, Resource: r, Time: s.o.Clock()})
}

// disposeLater gives bytes back that nothing names any more; if that fails it is done at the next start.
func (s *Store) disposeLater(ctx context.Context, b index.Blob) {
	if err := s.dispose(ctx, []index.Blob{b}); err != nil {
		s.log.Warn("replaced bytes are still there; they go at the next start", "object", refOf(&b), "error", err)
	}
	s.emptySoon()
}

// Attachment finds an attachment of a resource; DicomFile is that of an instance. Its MD5 may not be known yet.
func (s *Store) Attachment(ctx context.Context, id index.ID, number int) (a *index.Attachment, err error) {
	err = s.View(ctx, func(r index.ReadTx) error {
		if number == DicomFile {
			row, err := r.Instance(id)
			if err == nil {
				a = &index.Attachment{Number: DicomFile, Blob: row.Blob, Revision: row.Revision}
			}
			return err
		}
		list, err := r.Attachments(id)
		for i := range list {
			if list[i].Number == number {
				a = &list[i]
			}
		}
		if err == nil && a == nil {
			err = index.ErrNotFound
		}
		return err
	})
	return a, s.typed("look for attachment "+strconv.Itoa(number)+" of "+id.String(), err)
}

// OpenAttachment opens the bytes of an attachment: as they came, or as they are stored.
func (s *Store) OpenAttachment(ctx context.Context, a *index.Attachment, asStored bool) (blob.Blob, error) {
	if asStored {
		b, err := s.openRaw(ctx, &a.Blob)
		return b, s.typed("open an attachment", err)
	}
	b, err := s.openBlob(ctx, &a.Blob)
	return b, s.typed("open an attachment", err)
}

// Detach removes an attachment; when it returns nil its bytes are gone.
//
// Errors: ErrNotFound, that of guard.
func (s *Store) Detach(ctx context.Context, id index.ID, number int, guard func(*index.Attachment) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	t := &attaching{s: s}
	if err := t.findOwner(ctx, id); err != nil {
		return s.typed("detach from "+id.String(), err)
	}
	t.owner.Number = number
	if err := s.identities.lock(ctx, t.lockID()); err != nil {
		return err
	}
	defer s.identities.unlock(t.lockID())
	a, err := s.Attachment(ctx, id, number)
	if err != nil {
		return err
	}
	if guard != nil {
		if err := guard(a); err != nil {
			return err
		}
	}
	return s.typed("detach", t.bury(context.WithoutCancel(ctx), a))
}

// bury deletes in the order of all deletions: tombstone, index, bytes.
func (t *attaching) bury(ctx context.Context, a *index.Attachment) error {
	s, blobs := t.s, []index.Blob{a.Blob}
	s.flights.begin(&t.flight)
	if err := s.bury(ctx, blobs); err != nil {
		s.flights.done(&t.flight)
		return err
	}
	removed := false
	err := s.Update(ctx, func(tx index.Tx) error {
		list, err := tx.Attachments(t.owner.ID) // it may have gone with its owner
		if err != nil || !holds(list, a) {
			return err
		}
		if err := tx.DeleteAttachment(t.owner.ID, a.Number); err != nil {
			return err
		}
		if err := tx.PutReclaim(a.Blob); err != nil {
			return err
		}
		removed = true
		return s.noteAttachment(tx, t.owner.Resource, true)
	})
	if err != nil {
		return err // the flight stays: a replay meets the tombstone and finishes this
	}
	if removed {
		s.room.freed(blobs)
	}
	s.flights.done(&t.flight)
	s.emptySoon()
	return s.giveBack(ctx, blobs)
}

func holds(list []index.Attachment, a *index.Attachment) bool {
	for i := range list {
		if list[i].Number == a.Number && refOf(&list[i].Blob) == refOf(&a.Blob) {
			return true
		}
	}
	return false
}
