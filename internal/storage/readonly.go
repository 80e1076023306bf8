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
	newest *state
	closed bool
	began  time.Time     // when the folder was looked at last
	looked time.Time     // when that was over
	took   time.Duration // and how long it took
}

// state is the folder as it was when it was looked at. It stays open as long as something is read from it.
type state struct {
	blob.Store
	users   int  // guarded by watched.mu, as is the next
	retired bool // a newer one has taken its place
}

// complete is a blob store that knows that nothing can come any more up to some sequence number.
type complete interface{ CompleteTo() uint64 }

func watch(first blob.Store, open func(context.Context) (blob.Store, error)) *watched {
	return &watched{Store: first, open: open, newest: &state{Store: first}}
}

// Open finds an object, in the folder as it is now if need be: what was durable before the call is found.
func (w *watched) Open(ctx context.Context, ref blob.Ref) (blob.Blob, error) {
	asked := time.Now()
	b, completeTo, err := w.openIn(ctx, ref)
	if !errors.Is(err, blob.ErrNotFound) || ref.Seq <= completeTo { // it would have been there
		return b, err
	}
	if err := w.refresh(ctx, asked); err != nil {
		return nil, err
	}
	b, _, err = w.openIn(ctx, ref)
	return b, err
}

// openIn opens an object from the newest state, which stays open with it.
func (w *watched) openIn(ctx context.Context, ref blob.Ref) (b blob.Blob, completeTo uint64, err error) {
	st := w.hold()
	if c, ok := st.Store.(complete); ok {
		completeTo = c.CompleteTo()
	}
	if b, err = st.Open(ctx, ref); err != nil {
		return nil, completeTo, errors.Join(err, w.release(st))
	}
	return &heldBlob{Blob: b, release: sync.OnceValue(func() error { return w.release(st) })}, completeTo, nil
}

// heldBlob is an object that keeps the state it was opened from.
type heldBlob struct {
	blob.Blob
	release func() error
}

func (b *heldBlob) Close() error { return errors.Join(b.Blob.Close(), b.release()) }

// Replay goes through the folder as it is now.
func (w *watched) Replay(ctx context.Context, from blob.Position) iter.Seq2[blob.Entry, error] {
	return func(yield func(blob.Entry, error) bool) {
		if err := w.refresh(ctx, time.Now()); err != nil {
			yield(blob.Entry{}, err)
			return
		}
		st := w.hold()
		defer func() { _ = w.release(st) }() // it was only read
		st.Replay(ctx, from)(yield)
	}
}

// hold returns the newest state and keeps it open until release.
func (w *watched) hold() *state {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.newest.users++
	return w.newest
}

func (w *watched) release(st *state) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	st.users--
	return w.finish(st)
}

// finish closes a state that is neither used nor the newest nor the first.
func (w *watched) finish(st *state) error {
	if st.users > 0 || !st.retired || st.Store == w.Store {
		return nil
	}
	return st.Close()
}

// refresh looks at the folder again, unless somebody did since the given time, but spends no more than half of the time
// on that.
func (w *watched) refresh(ctx context.Context, asked time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return blob.ErrClosed
	}
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
	old := w.newest
	w.newest, w.began = &state{Store: b}, start
	old.retired = true
	return w.finish(old)
}

// Close closes the newest state and the first; one that is still read from goes with its last reader.
func (w *watched) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed, w.newest.retired = true, true
	return errors.Join(w.Store.Close(), w.finish(w.newest))
}
