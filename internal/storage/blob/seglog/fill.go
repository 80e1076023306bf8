package seglog

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"time"

	"gantry/internal/storage/blob/disk"
)

// Room ahead of the writers comes in two qualities. Allocated room cannot run
// out, and a write into zero-filled room needs no change to the file system's
// own records, which makes its sync about half as long. But zero-filling means
// writing twice, so it is done while there is time: when objects are small, or
// when none come.
const (
	allocateStep = 8 << 20
	zeroStep     = 1 << 20
	zeroLead     = 2 << 20 // zeroing keeps this far ahead of a busy writer
	smallObject  = 128 << 10
	idleAfter    = 20 * time.Millisecond
	retryFull    = time.Second
)

// ahead is how far allocated room keeps ahead of the writers. It grows with what
// is written, so that a log that is hardly used stays small.
func (s *Store) ahead() int64 {
	return min(allocateStep+4*int64(s.queue.reserved), max(2*allocateStep, s.opt.FillAhead), s.opt.SegmentSize/4)
}

// room is what is known of the file ahead of the records. Guarded by Store.mu.
type room struct {
	allocated int64 // up to here the disk cannot be full
	filled    int64 // zeroed up to here, from the tail or below
	zeroing   bool  // from..to is being overwritten with zeros
	busy      bool  // the filler works on the file
	from, to  int64
}

// traffic is a running picture of what is written. Guarded by Store.mu.
type traffic struct {
	average int64
	last    time.Time
}

func (t *traffic) note(length int64, now time.Time) {
	t.average += (length - t.average) / 8
	t.last = now
}

// wake makes the filler look again.
func (s *Store) wake() {
	select {
	case s.fill <- struct{}{}:
	default:
	}
}

// fillLoop keeps room ahead of the writers. It leaves the disk alone while the store opens.
func (s *Store) fillLoop(ctx context.Context) {
	defer s.wg.Done()
	timer := time.NewTimer(idleAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.fill:
		case <-timer.C:
		}
		for ctx.Err() == nil {
			again, later := s.fillStep()
			if later > 0 {
				timer.Reset(later)
			}
			if !again {
				break
			}
		}
	}
}

// fillStep does one piece of work, and says whether there is more now or later.
func (s *Store) fillStep() (again bool, later time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writable() != nil {
		return false, 0
	}
	ahead := s.tail + s.ahead()
	if s.wanting() && s.spare(2*allocateStep, true) != nil {
		return false, retryFull // what deletions give back is not for room ahead
	}
	if s.next == nil && ahead+s.opt.reserve() > s.opt.SegmentSize {
		if err := s.prepare(); err != nil {
			return false, retryFull
		}
		return true, 0
	}
	if g := s.active; g.room.allocated < min(ahead, s.opt.SegmentSize) {
		if err := s.allocate(g, g.room.allocated+1); err != nil {
			return false, retryFull
		}
		return true, 0
	}
	g, from, until := s.toZero()
	if g == nil {
		return false, 0
	}
	if wait := idleAfter - time.Since(s.traffic.last); s.traffic.average > smallObject && wait > 0 {
		return false, wait
	}
	return s.zero(g, from, min(from+zeroStep, until)), 0
}

// fillAhead is how far zero-filled room keeps ahead.
func (s *Store) fillAhead() int64 {
	return min(s.opt.FillAhead, zeroStep+4*int64(s.queue.reserved))
}

// wanting reports whether the filler has something to do. Called with mu held.
func (s *Store) wanting() bool {
	r := &s.active.room
	return r.allocated-s.tail < s.ahead() || r.filled-s.tail <= s.fillAhead()-zeroStep
}

// toZero finds the next range to be zeroed: in the active segment, then in the
// one prepared. Called with mu held.
func (s *Store) toZero() (g *segment, from, until int64) {
	want := s.tail + s.fillAhead()
	r := &s.active.room
	if r.filled < s.tail {
		r.filled = s.tail + min(zeroLead, s.opt.FillAhead/4/blockSize*blockSize) // overtaken
	}
	if until := min(want, r.allocated); r.filled+zeroStep <= until || r.filled < until && until == s.opt.SegmentSize {
		return s.active, r.filled, until
	}
	if s.next != nil && want > s.opt.SegmentSize {
		r := &s.next.room
		want = min(want-s.opt.SegmentSize, s.opt.SegmentSize)
		if r.allocated < want && s.allocate(s.next, want) != nil {
			return nil, 0, 0
		}
		if r.filled+zeroStep <= want {
			return s.next, r.filled, want
		}
	}
	return nil, 0, 0
}

// zero overwrites a range nobody has reserved. Called with mu held, which it
// lets go of meanwhile: reservations of that range wait.
func (s *Store) zero(g *segment, from, to int64) bool {
	r := &g.room
	r.zeroing, r.busy, r.from, r.to = true, true, from, to
	s.mu.Unlock()
	err := g.file.Zero(from, to-from)
	flushed := g.file.Flush(from, to-from)
	s.mu.Lock()
	r.zeroing, r.busy = false, false
	s.changed.Broadcast()
	if flushed != nil { // told only once, so the syncer would not hear of it
		s.fail("zero-fill "+g.path, flushed)
		return false
	}
	if err != nil {
		return false // a write there will tell
	}
	r.filled = max(r.filled, to)
	return true
}

// allocate takes room up to at least need from the disk. Called with mu held.
func (s *Store) allocate(g *segment, need int64) error {
	r := &g.room
	step := min(max(need, r.allocated+allocateStep), s.opt.SegmentSize)
	err := g.file.Allocate(r.allocated, step-r.allocated)
	if disk.IsFull(err) && need < step {
		step = need
		err = g.file.Allocate(r.allocated, step-r.allocated)
	}
	if err != nil {
		return disk.WriteError("take room for the log", err)
	}
	r.allocated = step
	return nil
}

// prepare makes the segment that will follow the active one, with the room
// kept for tombstones; when that is being done already it waits and returns.
// Called with mu held, which it lets go of meanwhile.
func (s *Store) prepare() error {
	if s.preparing {
		s.changed.Wait()
		return nil
	}
	s.preparing = true
	s.number++
	number, seq := s.number, s.seq
	s.mu.Unlock()
	g, err := s.newSegment(number, seq)
	s.mu.Lock()
	s.preparing = false
	s.changed.Broadcast()
	if err != nil {
		return disk.WriteError("make the next segment", err)
	}
	s.next = g
	return nil
}

// newSegment makes a segment file that is durable and empty. It has its name only
// once its header is safe, so a file of that name that is no segment is damage.
func (s *Store) newSegment(number, seq uint64) (*segment, error) {
	path := s.segmentPath(number)
	g, err := s.newFile(path+newSuffix, number, seq)
	if err != nil {
		return nil, err
	}
	if err := g.rename(path); err != nil {
		return nil, errors.Join(err, g.release(), g.remove())
	}
	if g.file, err = s.fs.Open(path, true); err != nil {
		return nil, errors.Join(err, g.release(), g.remove())
	}
	return g, nil
}

// newFile makes a synced segment file under a passing name.
func (s *Store) newFile(path string, number, seq uint64) (*segment, error) {
	g := &segment{fs: s.fs, number: number, base: seq, path: path, loaded: true, end: blockSize, users: 1}
	_, _ = rand.Read(g.id[:]) // never fails
	f, err := s.fs.Create(g.path)
	if err != nil {
		return nil, err
	}
	g.file = f
	g.room.allocated, g.room.filled = blockSize, blockSize
	err = f.WriteAt(0, encodeSegmentHeader(number, g.id, s.opt.Clock(), seq))
	if err == nil {
		err = s.allocate(g, blockSize+s.opt.reserve())
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(err, g.release(), g.remove())
	}
	return g, nil
}

// rename closes the file and gives it its final name, durably.
func (g *segment) rename(path string) error {
	if err := g.close(); err != nil {
		return err
	}
	if err := g.fs.Rename(g.path, path); err != nil {
		return err
	}
	g.path = path
	return g.fs.SyncDir(filepath.Dir(path))
}
