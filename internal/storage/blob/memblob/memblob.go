// Package memblob is a blob.Store in memory, for tests and for daemons that
// keep nothing.
package memblob

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"gantry/internal/storage/blob"
)

// Store keeps objects in memory. Nothing it holds outlives the process, so
// every write counts as durable at once.
type Store struct {
	mu      sync.RWMutex
	closed  bool
	seq     uint64
	records []*record // in order of sequence
	objects map[blob.Ref]*record
}

// record is an object or a tombstone. What lies in it never changes.
type record struct {
	entry blob.Entry
	data  []byte
}

var _ blob.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{objects: map[blob.Ref]*record{}} }

// Create begins an object.
func (s *Store) Create(ctx context.Context, sizeHint int64) (blob.Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.isClosed() {
		return nil, blob.ErrClosed
	}
	return &writer{store: s}, nil
}

func (s *Store) isClosed() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.closed
}

// add gives the record its sequence and place.
func (s *Store) add(r *record) (*ticket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, blob.ErrClosed
	}
	s.seq++
	e := &r.entry
	e.Ref.Seq = s.seq
	e.Position = blob.Position{Segment: 1, Offset: int64(s.seq)}
	e.Next = blob.Position{Segment: 1, Offset: int64(s.seq) + 1}
	s.records = append(s.records, r)
	if e.Kind == blob.KindTombstone {
		for _, ref := range e.Deleted {
			delete(s.objects, ref)
		}
	} else {
		s.objects[e.Ref] = r
	}
	return &ticket{entry: e}, nil
}

// Delete removes objects.
func (s *Store) Delete(ctx context.Context, refs ...blob.Ref) (blob.Ticket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.add(&record{entry: blob.Entry{
		Kind: blob.KindTombstone, Ref: blob.Ref{Key: blob.NewKey()},
		Meta: blob.Meta{Time: time.Now()}, Deleted: slices.Clone(refs),
	}})
}

// Reclaim drops the bytes of deleted objects; open Blobs keep theirs.
func (s *Store) Reclaim(ctx context.Context, refs ...blob.Ref) error {
	if s.isClosed() {
		return blob.ErrClosed
	}
	return ctx.Err()
}

// Open finds an object.
func (s *Store) Open(ctx context.Context, ref blob.Ref) (blob.Blob, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, blob.ErrClosed
	}
	r := s.objects[ref]
	if r == nil {
		return nil, fmt.Errorf("%w: %s", blob.ErrNotFound, ref)
	}
	return newReader(r), nil
}

// Replay yields what is stored at from or later.
func (s *Store) Replay(ctx context.Context, from blob.Position) iter.Seq2[blob.Entry, error] {
	return func(yield func(blob.Entry, error) bool) {
		s.mu.RLock()
		records := s.records
		s.mu.RUnlock()
		for _, r := range records {
			if err := ctx.Err(); err != nil {
				yield(blob.Entry{}, err)
				return
			}
			if !r.entry.Position.Less(from) && s.shown(r) && !yield(r.entry, nil) {
				return
			}
		}
	}
}

func (s *Store) shown(r *record) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return r.entry.Kind == blob.KindTombstone || s.objects[r.entry.Ref] == r
}

// Barrier has nothing to wait for.
func (s *Store) Barrier(ctx context.Context) error {
	if s.isClosed() {
		return blob.ErrClosed
	}
	return ctx.Err()
}

// Check compares every checksum.
func (s *Store) Check(ctx context.Context, repair bool, report func(blob.Finding)) error {
	s.mu.RLock()
	records := s.records
	s.mu.RUnlock()
	for _, r := range records {
		if !s.shown(r) || r.entry.Kind == blob.KindTombstone {
			continue
		}
		if err := newReader(r).Verify(ctx); err != nil {
			var corrupt *blob.CorruptError
			if !errors.As(err, &corrupt) {
				return err
			}
			report(blob.Finding{Ref: r.entry.Ref, Position: r.entry.Position, Path: "memory", Problem: corrupt.Reason, Err: err})
		}
	}
	return nil
}

// Compact forgets deleted objects and the tombstones that name them.
func (s *Store) Compact(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return blob.ErrClosed
	}
	living := make([]*record, 0, len(s.objects))
	for _, r := range s.records {
		if s.objects[r.entry.Ref] == r {
			living = append(living, r)
		}
	}
	s.records = living
	return ctx.Err()
}

// Backup is not supported: errors.ErrUnsupported.
func (s *Store) Backup(ctx context.Context, dir string) error {
	return fmt.Errorf("blob: backup of a store in memory: %w", errors.ErrUnsupported)
}

// Stats tells sizes and counts.
func (s *Store) Stats(context.Context) blob.Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := blob.Stats{Objects: int64(len(s.objects)), Records: int64(s.seq), Synced: blob.Position{Segment: 1, Offset: int64(s.seq) + 1}}
	for _, r := range s.records {
		st.DiskBytes += r.entry.Size
		if s.objects[r.entry.Ref] == r {
			st.LiveBytes += r.entry.Size
		}
	}
	st.DeadBytes = st.DiskBytes - st.LiveBytes
	return st
}

// Err is nil: nothing here can stop.
func (s *Store) Err() error { return nil }

// Close forgets everything. Open Blobs stay readable.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return blob.ErrClosed
	}
	s.closed, s.records, s.objects = true, nil, nil
	return nil
}
