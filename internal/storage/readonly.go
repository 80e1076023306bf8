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
	began  time.Time     // when the folder was looked at last
	looked time.Time     // when that was over
	took   time.Duration // and how long it took
}

// complete is a blob store that knows that nothing can come any more up to some sequence number.
type complete interface{ CompleteTo() uint64 }

// maxStates bounds the states of a folder that are kept open for the sake of objects opened from them.
const maxStates = 8

// Open finds an object, in the folder as it is now if need be: what was durable before the call is found.
func (w *watched) Open(ctx context.Context, ref blob.Ref) (blob.Blob, error) {
	asked := time.Now()
	state := w.now()
	b, err := state.Open(ctx, ref)
	if !errors.Is(err, blob.ErrNotFound) {
		return b, err
	}
	if c, ok := state.(complete); ok && ref.Seq <= c.CompleteTo() {
		return b, err // it would have been there
	}
	if err := w.refresh(ctx, asked); err != nil {
		return nil, err
	}
	return w.now().Open(ctx, ref)
}

// Replay goes through the folder as it is now.
func (w *watched) Replay(ctx context.Context, from blob.Position) iter.Seq2[blob.Entry, error] {
	if err := w.refresh(ctx, time.Now()); err != nil {
		return func(yield func(blob.Entry, error) bool) { yield(blob.Entry{}, err) }
	}
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

// refresh looks at the folder again, unless somebody did since the given time, but spends no more than half of the time
// on that.
func (w *watched) refresh(ctx context.Context, asked time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began.After(asked) {
		return nil
	}
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
	w.newest, w.began = b, start
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
