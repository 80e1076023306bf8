package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	Kind     string
	ID       *index.ID // the instance, if it is known
	Place    string    // file, or place in the log
	Problem  string
	Repaired bool
}

// CheckSummary counts what a check looked at.
type CheckSummary struct {
	Instances, Blobs, Findings, Repaired int64
	Bytes                                int64
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
	steps := []func(context.Context) error{c.index, c.blobs, c.rows, c.orphans}
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
}

func (c *checker) found(f Finding) {
	c.sum.Findings++
	if f.Repaired {
		c.sum.Repaired++
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
	return c.s.blobs.Check(ctx, c.o.Repair, func(f blob.Finding) {
		problem := f.Problem
		if f.Quarantine != "" {
			problem += "; moved to " + f.Quarantine
		}
		c.found(Finding{Kind: FoundBlob, Place: f.Path + " at " + f.Position.String(), Problem: problem, Repaired: f.Repaired})
	})
}

// rows looks for the bytes of every instance.
func (c *checker) rows(ctx context.Context) error {
	var lost []index.Blob
	err := c.s.eachBlob(ctx, func(b *index.Blob) error {
		c.sum.Instances++
		c.sum.Bytes += b.Size
		err := c.s.Verify(ctx, *b, false)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		id := b.Instance
		f := Finding{Kind: FoundMissing, ID: &id, Place: refOf(b).String(), Problem: err.Error()}
		if c.moved(ctx, b) {
			return nil // stored anew or deleted while we looked
		}
		f.Repaired = c.o.Repair
		if f.Repaired {
			lost = append(lost, *b)
		}
		c.found(f)
		return nil
	})
	if err != nil || len(lost) == 0 {
		return err
	}
	return c.s.idx.Update(ctx, func(tx index.Tx) error {
		for _, b := range lost {
			if _, err := tx.DeleteInstance(b.Instance); err != nil && !errors.Is(err, index.ErrNotFound) {
				return err
			}
			if err := tx.PutReclaim(b); err != nil {
				return err
			}
		}
		return nil
	})
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
	if err != nil || e.Kind != blob.KindInstance && e.Kind != blob.KindUpload {
		return err
	}
	c.sum.Blobs++
	n, err := c.s.reread(ctx, &e)
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		if c.deleted(ctx, e.Ref) {
			return nil
		}
		c.found(Finding{Kind: FoundBlob, Place: e.Ref.String(), Problem: fmt.Sprintf("its header cannot be read: %v", err)})
		return nil
	}
	var have index.Blob
	err = c.s.View(ctx, func(r index.ReadTx) (err error) { have, err = r.Stored(n.ID); return err })
	if err == nil && refOf(&have) == e.Ref {
		return nil
	}
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return err
	}
	if c.s.o.ReadOnly && c.s.o.Clock().Sub(e.Meta.Time) < justCome {
		return nil
	}
	f := Finding{Kind: FoundOrphan, ID: &n.ID, Place: e.Ref.String(), Problem: "stored, but not in the index", Repaired: c.o.Repair}
	if err == nil {
		f.Problem = "a second copy of an instance"
	}
	if c.o.Repair {
		if err := c.adopt(ctx, e); err != nil {
			return err
		}
	}
	c.found(f)
	return nil
}

// deleted tells whether an object is gone by now; another process may have deleted it while we looked.
func (c *checker) deleted(ctx context.Context, ref blob.Ref) bool {
	from := c.s.blobs
	if w, ok := from.(*watched); ok {
		if err := w.refresh(ctx); err != nil {
			return false
		}
		from = w.now()
	}
	b, err := from.Open(ctx, ref)
	if err == nil {
		_ = b.Close() // only looked for
	}
	return errors.Is(err, blob.ErrNotFound)
}

// adopt does with an object what a replay would have done.
func (c *checker) adopt(ctx context.Context, e blob.Entry) error {
	r := &replayer{s: c.s, entries: []blob.Entry{e}}
	return r.flush(ctx)
}
