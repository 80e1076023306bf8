package storage

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"gantry/internal/storage/blob"
)

// watched is a read-only blob store beside a process that writes: it looks at the folder again when it is asked for an
// object that came later.
type watched struct {
	blob.Store // as it was at first
	open       func(context.Context) (blob.Store, error)

	mu     sync.Mutex
	newest blob.Store // nil: the first
	all    []blob.Store
	seen   uint64        // the highest sequence number found: all below were there when the folder was looked at
	looked time.Time     // when that was
	took   time.Duration // and how long it took
}

// maxStates bounds the states of a folder that are kept open for the sake of objects opened from them.
const maxStates = 8

// Open finds an object, in the folder as it is now if need be.
func (w *watched) Open(ctx context.Context, ref blob.Ref) (blob.Blob, error) {
	b, err := w.now().Open(ctx, ref)
	if errors.Is(err, blob.ErrNotFound) && w.isNew(ref) && w.refresh(ctx) == nil {
		b, err = w.now().Open(ctx, ref)
	}
	if err == nil {
		w.mu.Lock()
		w.seen = max(w.seen, ref.Seq)
		w.mu.Unlock()
	}
	return b, err
}

// Replay goes through the folder as it is now.
func (w *watched) Replay(ctx context.Context, from blob.Position) iter.Seq2[blob.Entry, error] {
	if err := w.refresh(ctx); err != nil {
		return func(yield func(blob.Entry, error) bool) { yield(blob.Entry{}, err) }
	}
	return w.now().Replay(ctx, from)
}

// isNew tells whether an object may have come since the folder was looked at.
func (w *watched) isNew(ref blob.Ref) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return ref.Seq > w.seen
}

func (w *watched) now() blob.Store {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.newest == nil {
		return w.Store
	}
	return w.newest
}

// refresh looks at the folder again, but spends no more than half of the time on that.
func (w *watched) refresh(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-time.After(w.took - time.Since(w.looked)):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	start := time.Now()
	b, err := w.open(ctx)
	w.looked = time.Now()
	w.took = w.looked.Sub(start)
	if err != nil {
		return err
	}
	w.newest = b
	w.all = append(w.all, b)
	if len(w.all) > maxStates { // objects opened from it have long been read
		_ = w.all[0].Close() // it was only read
		w.all = w.all[1:]
	}
	return nil
}

// Close closes every state that was looked at.
func (w *watched) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.Store.Close()
	for _, b := range w.all {
		err = errors.Join(err, b.Close())
	}
	return err
}
