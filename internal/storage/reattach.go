package storage

import (
	"context"
	"errors"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// attachmentOf makes the row of a stored attachment from what is kept beside its bytes.
func attachmentOf(e *blob.Entry) (index.Resource, index.Attachment, error) {
	x, err := decodeExtra(&e.Meta)
	if err == nil && x.owner == nil {
		err = errExtra
	}
	if err != nil {
		return index.Resource{}, index.Attachment{}, err
	}
	o := x.owner
	return o.Resource, index.Attachment{Number: o.Number, Revision: o.Revision, Blob: index.Blob{Key: e.Ref.Key, Seq: e.Ref.Seq,
		Size: e.Size, Plain: x.plain, CRC32C: e.Checksum, MD5: o.MD5, HasMD5: true, Instance: o.ID}}, nil
}

// attach puts the record of an attachment into the index. Its owner may come later in the log, where compaction has
// moved it: what has none is tried again at the end.
func (r *replayer) attach(tx index.Tx, e *blob.Entry, last bool) error {
	owner, a, err := attachmentOf(e)
	if err != nil {
		r.damaged++
		r.s.log.Error("an attachment cannot be read and is left out of the index", "object", e.Ref, "error", err)
		return nil
	}
	level, err := tx.Resource(owner.ID)
	switch {
	case errors.Is(err, index.ErrNotFound) || err == nil && level != owner.Level:
		switch {
		case !last:
			r.late = append(r.late, *e)
			return nil
		case r.damaged > 0: // its owner may be among what cannot be read
			r.s.log.Error("an attachment has no owner and is left out of the index; gantry fsck tells more", "object", e.Ref, "owner", owner.ID)
			return nil
		}
		return tx.PutReclaim(a.Blob) // it was deleted with its owner
	case err != nil:
		return err
	}
	list, err := tx.Attachments(owner.ID)
	if err != nil {
		return err
	}
	for i := range list {
		have := &list[i]
		if have.Number != a.Number {
			continue
		}
		switch {
		case refOf(&have.Blob) == e.Ref:
			return r.reclaimReplaced(tx, e)
		case have.Blob.Seq > e.Ref.Seq: // an attachment is always replaced, so the younger one counts
			return tx.PutReclaim(a.Blob)
		}
		return errors.Join(tx.PutAttachment(owner, a), tx.PutReclaim(have.Blob))
	}
	return tx.PutAttachment(owner, a)
}

// attachLate tries again what had no owner.
func (r *replayer) attachLate(ctx context.Context) error {
	for len(r.late) > 0 {
		part := r.late[:min(len(r.late), replayBatch)]
		r.late = r.late[len(part):]
		err := r.s.idx.Derive(ctx, func(tx index.Tx) error {
			for i := range part {
				if err := r.attach(tx, &part[i], true); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachAttachment goes through all attachments in pages.
func (s *Store) eachAttachment(ctx context.Context, fn func(*index.Attachment) error) error {
	var id index.ID
	for number := -1; ; {
		var list []index.Attachment
		err := s.idx.View(ctx, func(r index.ReadTx) (err error) { list, err = r.AttachedBlobs(id, number, 1000); return err })
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			if err := fn(&list[i]); err != nil {
				return err
			}
		}
		last := &list[len(list)-1]
		id, number = last.Blob.Instance, last.Number
	}
}

// unbury takes the attachments out of the index whose bytes the tombstones name.
func (r *replayer) unbury(tx index.Tx, attached []index.Attachment) error {
	for i := range attached {
		a := &attached[i]
		list, err := tx.Attachments(a.Blob.Instance) // it may have gone with its owner just now
		if err != nil {
			return err
		}
		if holds(list, a) {
			if err := tx.DeleteAttachment(a.Blob.Instance, a.Number); err != nil {
				return err
			}
		}
		if err := tx.PutReclaim(a.Blob); err != nil {
			return err
		}
	}
	return nil
}
