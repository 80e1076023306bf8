package storage

import (
	"context"
	"strconv"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// lookupChunk bounds the references looked up in one transaction.
const lookupChunk = 5000

// Lookup tells which references are stored. It reads in chunks, so that a request of any size takes little memory
// beside its own; found[i] belongs to refs[i].
func (s *Store) Lookup(ctx context.Context, refs []index.Reference) ([]index.Found, error) {
	if err := s.flush(ctx); err != nil {
		return nil, err // an answer without what was acknowledged last would be wrong
	}
	found := make([]index.Found, len(refs))
	for from := 0; from < len(refs); from += lookupChunk {
		to := min(from+lookupChunk, len(refs))
		err := s.View(ctx, func(r index.ReadTx) error { return r.References(refs[from:to], found[from:to]) })
		if err != nil {
			return nil, s.typed("look up references", err)
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Statistics is what GET /statistics and the metrics show.
type Statistics struct {
	index.Statistics
	Blob blob.Stats // of the area new objects go to
}

// Statistics counts resources and bytes.
func (s *Store) Statistics(ctx context.Context) (st Statistics, err error) {
	err = s.View(ctx, func(r index.ReadTx) (err error) { st.Statistics, err = r.Statistics(); return err })
	if err != nil {
		return st, s.typed("count", err)
	}
	st.Blob = s.blobs.Stats(ctx)
	return st, nil
}

// handedOut is the property that keeps the highest change number anyone was told.
const handedOut = "changes.handed-out"

// Changes gives up to limit changes with a number above since, in order. A number it gives is never given to another
// change, power cut or not: what is told is made durable first.
func (s *Store) Changes(ctx context.Context, since int64, limit int) (out []index.Change, err error) {
	err = s.View(ctx, func(r index.ReadTx) (err error) { out, err = r.Changes(since, limit); return err })
	if err != nil || len(out) == 0 {
		return out, s.typed("read the changes", err)
	}
	return out, s.handOut(ctx, out[len(out)-1].Seq)
}

// LastChange is the highest change number there is; it is made durable like those of Changes.
func (s *Store) LastChange(ctx context.Context) (last int64, err error) {
	err = s.View(ctx, func(r index.ReadTx) (err error) { last, err = r.LastChange(); return err })
	if err != nil {
		return 0, s.typed("read the changes", err)
	}
	return last, s.handOut(ctx, last)
}

func (s *Store) handOut(ctx context.Context, last int64) error {
	if last <= s.handed.Load() || s.o.ReadOnly {
		return nil
	}
	err := s.idx.Update(ctx, func(tx index.Tx) error {
		return tx.SetProperty(handedOut, strconv.AppendInt(nil, last, 10))
	})
	if err != nil {
		return s.typed("keep the change numbers", err)
	}
	for {
		known := s.handed.Load()
		if known >= last || s.handed.CompareAndSwap(known, last) {
			return nil
		}
	}
}
