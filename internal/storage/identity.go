package storage

import (
	"context"
	"sync"

	"gantry/internal/storage/index"
)

// identities lets one operation at a time work on an instance, so that of two racing copies one is first.
type identities struct {
	mu   sync.Mutex
	held map[index.ID]chan struct{} // closed when let go of; nil as long as nobody waits
}

// lock waits until id is free and takes it.
func (i *identities) lock(ctx context.Context, id index.ID) error {
	for {
		i.mu.Lock()
		wait, busy := i.held[id]
		if !busy {
			if i.held == nil {
				i.held = map[index.ID]chan struct{}{}
			}
			i.held[id] = nil
			i.mu.Unlock()
			return nil
		}
		if wait == nil {
			wait = make(chan struct{})
			i.held[id] = wait
		}
		i.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (i *identities) unlock(id index.ID) {
	i.mu.Lock()
	wait := i.held[id]
	delete(i.held, id)
	i.mu.Unlock()
	if wait != nil {
		close(wait)
	}
}
