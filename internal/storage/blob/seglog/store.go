// Package seglog is the object log: a blob.Store that appends objects to
// segment files, so that all who wait for the disk share one wait.
//
// How it works. A writer gathers its object in memory (package memory), then
// reserves the next range of the newest segment and writes header and payload
// there with one call, beside other writers. One goroutine syncs. A ticket is
// released once a sync began after its record and every record before it had
// been written in full. Room is taken from the disk ahead of the writers, and
// zero-filled while there is time, because a sync into blocks that hold data
// already is the cheapest there is. Deleted objects leave holes; a segment in
// which nothing else is left goes as a whole.
//
// What lies where (all in one folder):
//
//	VERSION                  the number of the format
//	LOCK                     held by the process that writes
//	segments/N.log           records, see format.go
//	segments/N.table         where they lie; only beside complete, synced segments
//	large/KEY                payloads too large to be gathered in memory
//	files/AB/CD/ABCD….dcm    payloads, with Options.Files: plain DICOM files
//	quarantine/              damaged bytes, moved out of the way by Check
package seglog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/memory"
)

// Store is an open object log.
type Store struct {
	opt    Options
	fs     disk.FS
	dir    string
	lock   *disk.Lock
	budget *memory.Budget

	// mu guards the writing end.
	mu        sync.Mutex
	changed   sync.Cond // on mu: anything a reservation or the closing waits for
	work      sync.Cond // on mu: something for the syncer
	fill      chan struct{}
	closing   bool
	failure   error
	seq       uint64
	number    uint64   // of the newest segment made
	active    *segment // where records go
	next      *segment // prepared to follow it, or nil
	preparing bool
	tail      int64 // where the next record begins
	queue     queue
	traffic   traffic
	dirty     []*segment // not known to be synced, oldest first
	empty     []*segment // found so when it was opened
	synced    blob.Position

	durable  atomic.Uint64 // bytes reserved since opening up to here are promised
	round    atomic.Pointer[chan struct{}]
	syncs    atomic.Int64
	records  atomic.Int64
	findings atomic.Int64
	wg       sync.WaitGroup
	stop     context.CancelFunc // of the background work
	closed   atomic.Bool

	// view guards what readers see.
	view       sync.RWMutex
	segments   []*segment        // by number
	spans      spans             // of segments
	dead       map[blob.Ref]bool // deleted; true once the bytes were given back
	generation uint64            // counts segments put into place
	counted    bool              // segments know how much of them is dead
	backups    int               // running
	deferred   []blob.Ref        // to be reclaimed when they are done
	naming     map[blob.Key]bool // large files that have their name but no record yet
	folders    folders

	compacting sync.Mutex                    // one at a time, and none when closing
	reclaiming sync.RWMutex                  // held for reading by those who give bytes back
	completeTo uint64                        // opened read-only: no sequence number up to it can come any more
	known      atomic.Pointer[blob.Position] // the caller has replayed from here
}

var _ blob.Store = (*Store)(nil)

func (s *Store) segmentDir() string    { return filepath.Join(s.dir, "segments") }
func (s *Store) largeDir() string      { return filepath.Join(s.dir, "large") }
func (s *Store) quarantineDir() string { return filepath.Join(s.dir, "quarantine") }

func (s *Store) segmentPath(number uint64) string {
	return filepath.Join(s.segmentDir(), fmt.Sprintf("%016x%s", number, segmentSuffix))
}

// Err is non-nil once writing has stopped.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// fail stops writing for good. Called with mu held.
func (s *Store) fail(what string, err error) {
	if s.failure != nil {
		return
	}
	s.failure = fmt.Errorf("%w: %w", blob.ErrWriteStopped, disk.WriteError(what, err))
	s.opt.Logger.Error("object log: writing has stopped", "folder", s.dir, "error", err, "doing", what)
	s.changed.Broadcast()
	s.work.Signal()
	s.wake()
}

// writable returns why nothing can be written, or nil. Called with mu held.
func (s *Store) writable() error {
	switch {
	case s.closing:
		return blob.ErrClosed
	case s.failure != nil:
		return s.failure
	case s.opt.ReadOnly:
		return blob.ErrReadOnly
	}
	return nil
}

// snapshot returns the segments there are, by number, the active one last or
// among them.
func (s *Store) snapshot() []*segment {
	s.view.RLock()
	defer s.view.RUnlock()
	return slices.Clone(s.segments)
}

// CompleteTo tells, of a store opened read-only beside one that writes, up to which sequence number it has seen all there
// will ever be. What was acknowledged with a higher one may have come since.
func (s *Store) CompleteTo() uint64 { return s.completeTo }

func (s *Store) insert(g *segment) {
	s.view.Lock()
	defer s.view.Unlock()
	i, _ := slices.BinarySearchFunc(s.segments, g.number, func(g *segment, n uint64) int {
		return int(int64(g.number) - int64(n))
	})
	s.segments = slices.Insert(s.segments, i, g)
	s.generation++
	s.arrange()
}

// holding returns the segments that may hold a record.
func (s *Store) holding(ref blob.Ref) []*segment {
	s.view.RLock()
	defer s.view.RUnlock()
	return slices.Collect(s.spans.with(ref.Seq))
}

func (s *Store) isDead(ref blob.Ref) bool {
	s.view.RLock()
	defer s.view.RUnlock()
	_, dead := s.dead[ref]
	return dead
}

// locate finds a living object and returns its segment, in use.
func (s *Store) locate(ref blob.Ref) (*segment, disk.File, entry, error) {
	for {
		g, e, err := s.lookup(ref, true)
		if err != nil {
			return nil, nil, entry{}, err
		}
		f, err := g.use()
		if errors.Is(err, errGone) {
			continue // compacted in between: it lies elsewhere now
		}
		return g, f, e, err
	}
}

// lookup finds an object; of the dead only unless living.
func (s *Store) lookup(ref blob.Ref, living bool) (*segment, entry, error) {
	s.view.RLock()
	defer s.view.RUnlock()
	if _, dead := s.dead[ref]; dead && living {
		return nil, entry{}, fmt.Errorf("%w: %s: %w", blob.ErrNotFound, ref, blob.ErrDeleted)
	}
	for g := range s.spans.with(ref.Seq) {
		e, ok, err := g.find(ref)
		if err != nil {
			return nil, entry{}, err
		}
		if ok {
			return g, e, nil
		}
	}
	return nil, entry{}, fmt.Errorf("%w: %s", blob.ErrNotFound, ref)
}

// Close waits for writes under way, makes everything durable and lets go of the
// folder. Objects still being written cannot be committed any more.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return blob.ErrClosed
	}
	s.stop()
	var err error
	if !s.opt.ReadOnly {
		err = s.finish()
	}
	s.reclaiming.Lock() // after the compaction, which ends with a Reclaim
	defer s.reclaiming.Unlock()
	for _, g := range s.snapshot() {
		err = errors.Join(err, g.close())
	}
	return errors.Join(err, s.lock.Unlock())
}

// finish brings the writing end to rest.
func (s *Store) finish() error {
	s.compacting.Lock() // until the background work has noticed
	defer s.compacting.Unlock()
	s.mu.Lock()
	s.closing = true
	s.changed.Broadcast()
	for s.preparing || s.failure == nil && !s.queue.empty() {
		s.changed.Wait()
	}
	s.work.Signal()
	s.wake()
	s.mu.Unlock()
	s.wg.Wait() // the syncer ends after a last sync
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		if err := errors.Join(s.next.release(), s.next.remove()); err != nil {
			return err
		}
	}
	if s.failure != nil {
		return s.failure
	}
	return s.seal(s.active, s.tail)
}
