package storage

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"gantry/internal/storage/index"
)

// sweeper takes changes of deleted resources out of the change log. They are not shown in any case; going through the log
// after so many deletions that it costs little for each keeps it from growing for ever in a store that recycles.
type sweeper struct {
	deleted atomic.Int64 // instances, since the last sweep
	working sync.WaitGroup
	mu      sync.Mutex
	ctx     context.Context //nolint:containedctx // of the store's life
	cancel  context.CancelFunc
}

const (
	sweepAfter = 5000 // deletions at least, and a quarter of what is stored
	sweepStep  = 2000 // changes of one transaction
)

// count notes deletions and begins to sweep when it pays.
func (s *Store) countDeleted(n int, stored int64) {
	w := &s.sweeper
	if w.deleted.Add(int64(n)) < max(sweepAfter, stored/4) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
	}
	if w.ctx.Err() != nil || w.deleted.Swap(0) < sweepAfter {
		return
	}
	w.working.Go(func() {
		if err := s.sweep(w.ctx); err != nil && w.ctx.Err() == nil && !errors.Is(err, index.ErrClosed) {
			s.log.Warn("the change log could not be cleared of what was deleted; tried again later", "error", err)
		}
	})
}

// stop ends it and waits for that.
func (w *sweeper) stop() {
	w.mu.Lock()
	if w.ctx == nil {
		w.ctx, w.cancel = context.WithCancel(context.Background())
	}
	w.cancel()
	w.mu.Unlock()
	w.working.Wait()
}

// sweep goes through the change log once.
func (s *Store) sweep(ctx context.Context) error {
	for at, more := int64(0), true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.idx.Derive(ctx, func(tx index.Tx) (err error) {
			at, more, err = tx.PruneChanges(at, sweepStep)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
