package storage

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// CheckOptions say how deep a check goes and what it may change.
type CheckOptions struct {
	Checksums bool // read every stored byte
	Repair    bool // move damaged records away, drop rows without bytes, index bytes without rows
	Rebuild   bool // make the whole index anew from the blobs first
}

// The kinds of a Finding.
const (
	FoundIndex   = "index"   // the database itself is damaged
	FoundBlob    = "blob"    // stored bytes are damaged
	FoundMissing = "missing" // the index names bytes that are not there
	FoundOrphan  = "orphan"  // stored bytes that the index does not name
)

// Finding is something a check found.
type Finding struct {
	Kind           string
	ID             *index.ID // the instance, if it is known
	SOPInstanceUID dicom.UID // of the instance, if it is known
	Place          string    // file, or place in the log
	Problem        string
	Outcome        string // what was done about it: "" or one of the outcomes
	Repaired       bool   // all is well again; false if nothing was done, or an instance is lost
}

// The outcomes of a repair.
const (
	OutcomeRepaired    = "repaired"
	OutcomeQuarantined = "moved to quarantine"
	OutcomeLost        = "lost: entry dropped" // the instance is gone
)

// CheckSummary counts what a check looked at.
type CheckSummary struct {
	Instances, Blobs, Findings, Repaired int64
	Attachments                          int64    // of the index
	Lost                                 int64    // instances and attachments whose entries were dropped
	Bytes                                int64    // really read: all of them with Checksums, else what the headers take
	Salvage                              *Salvage `json:",omitempty"` // what became of a damaged index
}

// Check compares index and blobs and reports what does not agree. A summary without findings means that every
// instance of the index has its bytes, and all bytes their instance.
func (s *Store) Check(ctx context.Context, o CheckOptions, report func(Finding)) (*CheckSummary, error) {
	if o.Repair || o.Rebuild {
		if err := s.writable(); err != nil {
			return nil, err
		}
	}
	if err := s.flush(ctx); err != nil {
		return nil, err
	}
	c := &checker{s: s, o: o, report: report, sum: &CheckSummary{Salvage: s.salvaged}}
	steps := []func(context.Context) error{c.index, c.blobs, c.orphans, c.rows, c.attachments, c.unclaimed}
	if o.Rebuild {
		steps = append([]func(context.Context) error{s.rebuild}, steps...)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return c.sum, s.typed("check", err)
		}
	}
	if o.Repair {
		return c.sum, s.typed("check", s.finishReclaims(ctx))
	}
	return c.sum, nil
}

type checker struct {
	s      *Store
	o      CheckOptions
	report func(Finding)
	sum    *CheckSummary

	damaged map[blob.Ref]Finding // records that do not match their checksum, until it is known whose they are
}

func (c *checker) found(f Finding) {
	c.sum.Findings++
	switch f.Outcome {
	case OutcomeRepaired, OutcomeQuarantined:
		f.Repaired = true
		c.sum.Repaired++
	case OutcomeLost:
		c.sum.Lost++
	}
	if c.report != nil {
		c.report(f)
	}
}

// index looks into the database.
func (c *checker) index(ctx context.Context) error {
	lines, err := c.s.idx.Check(ctx)
	for _, l := range lines {
		c.found(Finding{Kind: FoundIndex, Place: c.s.indexFile(), Problem: l + " (gantry fsck --rebuild makes it anew)"})
	}
	return err
}

// blobs verifies checksums; with repair damaged objects are moved to quarantine.
func (c *checker) blobs(ctx context.Context) error {
	if !c.o.Checksums {
		return nil
	}
	c.damaged = map[blob.Ref]Finding{}
	return c.s.blobs.Check(ctx, c.o.Repair, func(f blob.Finding) {
		found := Finding{Kind: FoundBlob, Place: f.Path, Problem: f.Problem}
		if f.Position != (blob.Position{}) {
			found.Place += " at " + f.Position.String()
		}
		switch {
		case f.Quarantine != "":
			found.Problem += "; moved to " + f.Quarantine
			found.Outcome = OutcomeQuarantined
		case f.Repaired:
			found.Outcome = OutcomeRepaired
		}
		if f.Ref.IsZero() {
			c.found(found)
		} else {
			c.damaged[f.Ref] = found
		}
	})
}

// unclaimed reports damaged records of no instance.
func (c *checker) unclaimed(context.Context) error {
	for _, ref := range slices.SortedFunc(maps.Keys(c.damaged), func(a, b blob.Ref) int { return cmp.Compare(a.Seq, b.Seq) }) {
		c.found(c.damaged[ref])
	}
	return nil
}

// rows looks for the bytes of every instance.
func (c *checker) rows(ctx context.Context) error {
	var lost []index.Blob
	err := c.s.eachBlob(ctx, func(b *index.Blob) error {
		c.sum.Instances++
		f, err := c.row(ctx, b)
		if f == nil || err != nil {
			return err
		}
		if f.Outcome == OutcomeLost {
			lost = append(lost, *b)
		}
		c.found(*f)
		return nil
	})
	if err != nil || len(lost) == 0 {
		return err
	}
	return c.s.idx.Update(ctx, func(tx index.Tx) error {
		for _, b := range lost {
			removed, err := tx.DeleteInstance(b.Instance)
			if errors.Is(err, index.ErrNotFound) {
				removed, err = &index.Removed{}, nil
			}
			if err != nil {
				return err
			}
			for _, b := range append(removed.Attached, b) {
				if err := tx.PutReclaim(b); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// row checks one instance; nil if nothing is wrong with it. Its entry is dropped only if its bytes are certainly gone.
func (c *checker) row(ctx context.Context, b *index.Blob) (*Finding, error) {
	f, known := c.damaged[refOf(b)]
	delete(c.damaged, refOf(b))
	if !known {
		err := c.s.Verify(ctx, *b, false)
		if err == nil && c.o.Checksums {
			c.sum.Bytes += b.Size // by Check of the blobs
		}
		if err == nil || ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if c.s.o.ReadOnly && errors.Is(err, blob.ErrDeleted) {
			return nil, nil // another process is about to take it out of the index, or will when it starts
		}
		f = Finding{Kind: FoundMissing, Place: refOf(b).String(), Problem: "its bytes are not there"}
		if !errors.Is(err, ErrNotFound) {
			f.Kind, f.Problem = FoundBlob, details(err)
		}
		if f.Kind == FoundBlob && c.o.Repair {
			f.Problem += " (--checksums beside --repair moves it away)"
		}
	}
	if c.moved(ctx, b) {
		return nil, nil // stored anew or deleted while we looked
	}
	id := b.Instance
	f.ID, f.SOPInstanceUID = &id, c.uid(ctx, id)
	if c.o.Repair && (f.Kind == FoundMissing || f.Outcome == OutcomeQuarantined) {
		f.Outcome = OutcomeLost
	}
	return &f, nil
}

// uid is the SOP Instance UID of an instance; empty if the index does not tell.
func (c *checker) uid(ctx context.Context, id index.ID) (uid dicom.UID) {
	_ = c.s.idx.View(ctx, func(r index.ReadTx) error { // without it the finding has the public id at least
		row, err := r.Instance(id)
		if err == nil {
			uid = row.SOPInstanceUID
		}
		return err
	})
	return uid
}

// moved tells whether an instance lies elsewhere by now, or is gone.
func (c *checker) moved(ctx context.Context, b *index.Blob) bool {
	var now index.Blob
	err := c.s.View(ctx, func(r index.ReadTx) (err error) { now, err = r.Stored(b.Instance); return err })
	return err != nil || refOf(&now) != refOf(b)
}

// justCome is how long an object may be without an index row in a store that another process writes to.
const justCome = 10 * time.Second

// orphans looks for the instance of every stored object.
func (c *checker) orphans(ctx context.Context) error {
	for e, err := range c.s.blobs.Replay(ctx, blob.Position{}) {
		if err := c.orphan(ctx, e, err); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) orphan(ctx context.Context, e blob.Entry, err error) error {
	var damaged *blob.CorruptError
	if errors.As(err, &damaged) {
		if !c.o.Checksums { // else it was reported already
			c.found(Finding{Kind: FoundBlob, Place: damaged.Path, Problem: err.Error()})
		}
		return nil
	}
	if err == nil && e.Kind == blob.KindAttachment {
		return c.orphanAttachment(ctx, &e)
	}
	if err != nil || e.Kind != blob.KindInstance && e.Kind != blob.KindUpload {
		return err
	}
	c.sum.Blobs++
	n, read, err := c.s.rereadCounted(ctx, &e)
	if !c.o.Checksums {
		c.sum.Bytes += read
	}
	if err != nil {
		return c.unreadable(ctx, &e, err)
	}
	var have index.Blob
	err = c.s.View(ctx, func(r index.ReadTx) (err error) { have, err = r.Stored(n.ID); return err })
	if err == nil && refOf(&have) == e.Ref {
		return nil
	}
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return err
	}
	if c.s.o.ReadOnly && c.s.o.Clock().Sub(e.Meta.Time) < justCome || c.deleted(ctx, e.Ref) {
		return nil
	}
	f := Finding{Kind: FoundOrphan, ID: &n.ID, SOPInstanceUID: n.SOPInstanceUID, Place: e.Ref.String(),
		Problem: "stored, but not in the index"}
	if err == nil {
		f.Problem = "a second copy of an instance"
	}
	if c.o.Repair {
		if err := c.adopt(ctx, e); err != nil {
			return err
		}
		f.Outcome = OutcomeRepaired
	}
	c.found(f)
	return nil
}

// unreadable reports an object of which not even the header can be read, unless that was told already or it is gone.
func (c *checker) unreadable(ctx context.Context, e *blob.Entry, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if _, known := c.damaged[e.Ref]; !known && !c.deleted(ctx, e.Ref) {
		c.found(Finding{Kind: FoundBlob, Place: e.Ref.String(), Problem: "its header cannot be read: " + details(err)})
	}
	return nil
}

// deleted tells whether an object is gone by now; another process may have deleted it while we looked.
func (c *checker) deleted(ctx context.Context, ref blob.Ref) bool {
	if w, ok := c.s.blobs.(*watched); ok {
		if err := w.refresh(ctx, time.Now()); err != nil {
			return false
		}
	}
	b, err := c.s.blobs.Open(ctx, ref)
	if err == nil {
		_ = b.Close() // only looked for
	}
	return errors.Is(err, blob.ErrNotFound)
}

// adopt does with an object what a replay would have done.
func (c *checker) adopt(ctx context.Context, e blob.Entry) error {
	r := &replayer{s: c.s, entries: []blob.Entry{e}}
	return errors.Join(r.flush(ctx), r.attachLate(ctx))
}
