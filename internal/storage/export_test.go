package storage

import (
	"context"

	"gantry/internal/storage/index"
)

// LockInstance keeps an instance from being stored, changed and deleted until the function it returns is called.
func (s *Store) LockInstance(ctx context.Context, id index.ID) (unlock func(), err error) {
	return func() { s.identities.unlock(id) }, s.identities.lock(ctx, id)
}

// CountDeleted makes the store believe that so many instances were deleted.
func (s *Store) CountDeleted(n int) { s.countDeleted(n, 0) }
