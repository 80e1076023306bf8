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
	looked time.Time     // when the folder was last looked at
	took   time.Duration // and how long that took
}

// maxStates bounds the states of a folder that are kept open for the sake of objects opened from them.
const maxStates = 8

// Open finds an object, in the folder as it is now if need be.
func (w *watched) Open(ctx context.Context, ref blob.Ref) (blob.Blob, error) {
	b, err := w.now().Open(ctx, ref)
	if !errors.Is(err, blob.ErrNotFound) || !w.refresh(ctx) {
		return b, err
	}
	return w.now().Open(ctx, ref)
}

// Replay goes through the folder as it is now.
func (w *watched) Replay(ctx context.Context, from blob.Position) iter.Seq2[blob.Entry, error] {
	w.refresh(ctx)
	return w.now().Replay(ctx, from)
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
func (w *watched) refresh(ctx context.Context) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	start := time.Now()
	if start.Sub(w.looked) < w.took {
		return false
	}
	b, err := w.open(ctx)
	w.looked = time.Now()
	w.took = w.looked.Sub(start)
	if err != nil {
		return false // what was known is still known
	}
	w.newest = b
	w.all = append(w.all, b)
	if len(w.all) > maxStates { // objects opened from it have long been read
		_ = w.all[0].Close() // it was only read
		w.all = w.all[1:]
	}
	return true
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
