package storage

import (
	"context"
	"errors"
	"strconv"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// attachments looks for the bytes of every attachment.
func (c *checker) attachments(ctx context.Context) error {
	var lost []index.Attachment
	err := c.s.eachAttachment(ctx, func(a *index.Attachment) error {
		c.sum.Attachments++
		f, err := c.attachment(ctx, a)
		if f == nil || err != nil {
			return err
		}
		if f.Outcome == OutcomeLost {
			lost = append(lost, *a)
		}
		c.found(*f)
		return nil
	})
	if err != nil || len(lost) == 0 {
		return err
	}
	r := &replayer{s: c.s}
	return c.s.idx.Update(ctx, func(tx index.Tx) error { return r.unbury(tx, lost) })
}

// attachment checks one; nil if nothing is wrong with it.
func (c *checker) attachment(ctx context.Context, a *index.Attachment) (*Finding, error) {
	f, known := c.damaged[refOf(&a.Blob)]
	delete(c.damaged, refOf(&a.Blob))
	if !known {
		err := c.s.Verify(ctx, a.Blob, false)
		if err == nil || ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if c.s.o.ReadOnly && errors.Is(err, blob.ErrDeleted) {
			return nil, nil // another process is about to take it out of the index
		}
		f = Finding{Kind: FoundMissing, Place: refOf(&a.Blob).String(), Problem: "its bytes are not there"}
		if !errors.Is(err, ErrNotFound) {
			f.Kind, f.Problem = FoundBlob, details(err)
		}
	}
	owner := a.Blob.Instance
	now, err := c.s.Attachment(ctx, owner, a.Number)
	if err != nil || refOf(&now.Blob) != refOf(&a.Blob) {
		return nil, ctx.Err() // replaced or deleted while we looked
	}
	f.ID, f.Problem = &owner, "attachment "+strconv.Itoa(a.Number)+": "+f.Problem
	if c.o.Repair && (f.Kind == FoundMissing || f.Outcome == OutcomeQuarantined) {
		f.Outcome = OutcomeLost
	}
	return &f, nil
}

// orphanAttachment reports a stored attachment that the index does not name.
func (c *checker) orphanAttachment(ctx context.Context, e *blob.Entry) error {
	owner, a, err := attachmentOf(e)
	if err != nil {
		return c.unreadable(ctx, e, err)
	}
	now, err := c.s.Attachment(ctx, owner.ID, a.Number)
	if err == nil && refOf(&now.Blob) == e.Ref {
		return nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if c.s.o.ReadOnly && c.s.o.Clock().Sub(e.Meta.Time) < justCome || c.deleted(ctx, e.Ref) {
		return nil
	}
	f := Finding{Kind: FoundOrphan, ID: &owner.ID, Place: e.Ref.String(),
		Problem: "attachment " + strconv.Itoa(a.Number) + ": stored, but not in the index"}
	if c.o.Repair {
		if err := c.adopt(ctx, *e); err != nil {
			return err
		}
		f.Outcome = OutcomeRepaired
	}
	c.found(f)
	return nil
}

// verifyAttachment reads a stored attachment to its end.
func (s *Store) verifyAttachment(ctx context.Context, e *blob.Entry) error {
	_, a, err := attachmentOf(e)
	if err != nil {
		return err
	}
	return s.Verify(ctx, a.Blob, true)
}
