// Package memory gathers the bytes of objects while they arrive: in pooled
// chunks under one budget, with their checksum taken on the way.
package memory

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
)

// ChunkSize is the unit memory is taken in, in bytes.
const ChunkSize = 128 << 10

// Budget is memory shared by all objects being written.
//
// It cannot deadlock: an object waits only before it starts, for a share of
// three quarters of the budget as large as it is expected to become. One that
// has started never waits for more memory; what does not fit goes to disk. No
// share is larger than a small part of the budget, so that it takes many senders
// that have come to a standstill to keep others waiting.
type Budget struct {
	limit     int64
	admission int64
	starting  *semaphore.Weighted // shares of those who started
	used      atomic.Int64
	typical   atomic.Int64 // running average of object sizes
	chunks    sync.Pool
}

// shares is how many objects can start at least, if the budget has that many chunks.
const shares = 128

// NewBudget returns a budget of the given size, at least four chunks.
func NewBudget(bytes int64) *Budget {
	b := &Budget{limit: max(bytes, 4*ChunkSize)}
	b.admission = b.limit / 4 * 3
	b.starting = semaphore.NewWeighted(b.admission)
	b.typical.Store(ChunkSize)
	b.chunks.New = func() any { return new([ChunkSize]byte) }
	return b
}

// Limit is the size of the budget in bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Used is what objects being written hold, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) admit(ctx context.Context, sizeHint, most int64) (int64, error) {
	if sizeHint <= 0 {
		sizeHint = b.typical.Load()
	}
	share := roundUp(min(sizeHint, most, b.admission/shares))
	if err := b.starting.Acquire(ctx, share); err != nil {
		return 0, fmt.Errorf("blob: wait for memory: %w", err)
	}
	return share, nil
}

func roundUp(n int64) int64 { return max(1, (n+ChunkSize-1)/ChunkSize) * ChunkSize }

func (b *Budget) learn(size int64) {
	old := b.typical.Load()
	b.typical.Store(old + (size-old)/16)
}

// take returns a chunk; unless first, only while the budget lasts.
func (b *Budget) take(first bool) *[ChunkSize]byte {
	if b.used.Add(ChunkSize) > b.limit && !first {
		b.used.Add(-ChunkSize)
		return nil
	}
	return b.chunks.Get().(*[ChunkSize]byte)
}

func (b *Budget) give(c *[ChunkSize]byte) {
	b.used.Add(-ChunkSize)
	b.chunks.Put(c)
}
