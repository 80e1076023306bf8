package seglog

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// commitAsync commits data and waits in the background.
func commitAsync(t *testing.T, s *Store, data []byte) (done *atomic.Bool, ref *blob.Ref) {
	done, ref = &atomic.Bool{}, &blob.Ref{}
	go func() {
		tk, err := blobtest.Commit(context.Background(), s, blob.KindInstance, blob.Meta{}, data)
		if err == nil {
			*ref = tk.Ref()
			err = tk.Wait(context.Background())
		}
		if err != nil {
			t.Errorf("commit: %v", err)
		}
		done.Store(true)
	}()
	return done, ref
}

// A record is not acknowledged while one before it is still being written, even
// if it was written and synced itself; and a cut in between loses neither what
// was acknowledged nor the order.
func TestOutOfOrderCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var after *simDisk
	var acked, second *blob.Ref
	synctest.Test(t, func(t *testing.T) {
		d := newSimDisk()
		s := openAt(t, dir, simOptions(t, d))
		_, acked = commitAsync(t, s, payloadOf(2))
		synctest.Wait()

		gate := make(chan struct{})
		var held atomic.Bool
		d.mu.Lock()
		d.before = func(op, name string) error {
			if op == "write" && held.CompareAndSwap(false, true) {
				<-gate
			}
			return nil
		}
		d.mu.Unlock()
		slowDone, _ := commitAsync(t, s, payloadOf(4))
		synctest.Wait() // it has reserved its range and hangs in its write
		fastDone, fast := commitAsync(t, s, payloadOf(3))
		second = fast
		synctest.Wait()
		if slowDone.Load() || fastDone.Load() {
			t.Error("acknowledged over a gap")
		}
		after = d.cut(tearMix, rand.New(rand.NewPCG(1, 1)))
		d.mu.Lock()
		d.frozen = false // the cut was a copy: life goes on here
		d.mu.Unlock()
		close(gate)
		synctest.Wait()
		if !slowDone.Load() || !fastDone.Load() {
			t.Error("not acknowledged after the gap was filled")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s := openAt(t, dir, simOptions(t, after))
	defer func() { _ = s.Close() }()
	blobtest.Want(t, s, *acked, payloadOf(2))
	if err := blobtest.Same(t.Context(), s, *second, payloadOf(3)); err != nil && !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the second is neither whole nor absent: %v", err)
	}
	if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
		t.Error(err)
	}
}

// A write that fails costs its object alone: the range is voided.
func TestFailedWriteIsVoided(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	var failed atomic.Bool
	d.mu.Lock()
	d.before = func(op, name string) error {
		if op == "write" && failed.CompareAndSwap(false, true) {
			return syscall.EIO
		}
		return nil
	}
	d.mu.Unlock()
	if _, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, payloadOf(4)); !errors.Is(err, syscall.EIO) {
		t.Errorf("commit: %v", err)
	}
	ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(3))
	d = d.cut(tearLost, rand.New(rand.NewPCG(1, 1)))
	_ = s.Close()
	s = openAt(t, dir, simOptions(t, d))
	defer func() { _ = s.Close() }()
	blobtest.Want(t, s, ref, payloadOf(3))
	if n := len(blobtest.Rebuild(t, s)); n != 1 {
		t.Errorf("%d objects", n)
	}
}

// A failed sync stops writing for good, later successes or not; reading goes on;
// and the next start writes the doubtful tail again before it believes it.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	kept := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(3))
	var failing atomic.Bool
	failing.Store(true)
	d.mu.Lock()
	d.before = func(op, name string) error {
		if op == "sync" && failing.Load() {
			return syscall.EIO
		}
		return nil
	}
	d.mu.Unlock()
	tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	if err != nil {
		t.Fatal(err)
	}
	if err := tk.Wait(t.Context()); !errors.Is(err, blob.ErrWriteStopped) || !errors.Is(err, syscall.EIO) {
		t.Errorf("wait: %v", err)
	}
	failing.Store(false)
	_, err1 := s.Create(t.Context(), 0)
	_, err2 := s.Delete(t.Context(), kept)
	for i, err := range []error{err1, err2, s.Barrier(t.Context()), tk.Wait(t.Context()), s.Err(), s.Compact(t.Context())} {
		if !errors.Is(err, blob.ErrWriteStopped) {
			t.Errorf("call %d: %v, want blob.ErrWriteStopped", i, err)
		}
	}
	blobtest.Want(t, s, kept, payloadOf(3))
	if err := s.Close(); !errors.Is(err, blob.ErrWriteStopped) {
		t.Errorf("close: %v", err)
	}
	d.mu.Lock()
	d.before = nil
	d.mu.Unlock()

	s, err = Open(t.Context(), dir, simOptions(t, d)) // the page cache still has it all
	if err != nil {
		t.Fatal(err)
	}
	living := blobtest.Rebuild(t, s)
	after := d.cut(tearLost, rand.New(rand.NewPCG(1, 1)))
	_ = s.Close()
	s = openAt(t, dir, simOptions(t, after))
	defer func() { _ = s.Close() }()
	blobtest.Want(t, s, kept, payloadOf(3))
	for ref := range living {
		if err := blobtest.Same(t.Context(), s, ref, payloadOf(4)); err != nil && ref != kept {
			t.Errorf("believed before it was safe: %v", err)
		}
	}
}

// A full disk is noticed before anything is promised; deleting still works and
// makes room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	d.full, d.room = true, 2<<20
	s := openAt(t, dir, simOptions(t, d))
	var refs []blob.Ref
	var err error
	for err == nil {
		var tk blob.Ticket
		if tk, err = blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, payloadOf(5)); err == nil {
			if err := tk.Wait(t.Context()); err != nil {
				t.Fatalf("a promise was broken: %v", err)
			}
			refs = append(refs, tk.Ref())
		}
	}
	if !errors.Is(err, blob.ErrFull) || s.Err() != nil || len(refs) < 5 {
		t.Fatalf("after %d objects: %v, %v", len(refs), err, s.Err())
	}
	for _, ref := range refs {
		blobtest.Want(t, s, ref, payloadOf(5))
	}
	blobtest.Remove(t, s, refs[:len(refs)-2]...)
	again := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(5))
	blobtest.Want(t, s, again, payloadOf(5))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, simOptions(t, d))
	defer func() { _ = s.Close() }()
	blobtest.Want(t, s, again, payloadOf(5))
}

// A disk that is full although room was promised is like a failed sync.
func TestDiskFullAtWriteOrSync(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"write", "sync"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			dir, d := t.TempDir(), newSimDisk()
			s := openAt(t, dir, simOptions(t, d))
			kept := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(3))
			d.mu.Lock()
			d.before = func(op, name string) error {
				if op == at && strings.HasSuffix(name, segmentSuffix) {
					return syscall.ENOSPC
				}
				return nil
			}
			d.mu.Unlock()
			tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, payloadOf(4))
			if err == nil {
				err = tk.Wait(t.Context())
			}
			if !errors.Is(err, blob.ErrFull) || !errors.Is(err, blob.ErrWriteStopped) {
				t.Errorf("got %v", err)
			}
			blobtest.Want(t, s, kept, payloadOf(3))
			_ = s.Close()
		})
	}
}

// A disk that was remounted read-only, as Linux does after errors, stops writing
// and leaves reading; a folder that cannot be written is refused by name.
func TestReadOnlyRemount(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	kept := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(3))
	d.mu.Lock()
	d.before = func(op, name string) error { return syscall.EROFS }
	d.mu.Unlock()
	_, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	if !errors.Is(err, blob.ErrReadOnly) {
		t.Errorf("commit: %v, want blob.ErrReadOnly", err)
	}
	blobtest.Want(t, s, kept, payloadOf(3))
	_ = s.Close()
	if _, err := Open(t.Context(), dir, simOptions(t, d)); !errors.Is(err, blob.ErrReadOnly) || !strings.Contains(err.Error(), dir) {
		t.Errorf("open: %v, want blob.ErrReadOnly and the folder", err)
	}
	opt := simOptions(t, d)
	opt.ReadOnly = true
	s = openAt(t, dir, opt)
	defer func() { _ = s.Close() }()
	blobtest.Want(t, s, kept, payloadOf(3))
	if _, err := s.Create(t.Context(), 0); !errors.Is(err, blob.ErrReadOnly) {
		t.Errorf("create: %v", err)
	}
}

// A rotten record in the middle is stepped over and reported, and takes nothing
// with it, whether a table is there or not.
func TestRotInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct {
		at    int64
		table bool
	}{
		"header, no table":  {at: 20},
		"header, table":     {at: 20, table: true},
		"payload, no table": {at: 5000},
		"payload, table":    {at: 5000, table: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, d := t.TempDir(), newSimDisk()
			opt := simOptions(t, d)
			found := 0
			opt.Damaged = func(blob.Finding) { found++ }
			s := openAt(t, dir, opt)
			var tickets []blob.Ticket
			for range 5 {
				tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, payloadOf(4))
				if err == nil {
					err = tk.Wait(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				tickets = append(tickets, tk)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if !damage.table {
				for name := range d.names {
					if strings.HasSuffix(name, tableSuffix) {
						delete(d.names, name)
					}
				}
			}
			d.corrupt(t, segmentSuffix, func(b []byte) { b[tickets[2].Position().Offset+damage.at] ^= 0x40 })

			s = openAt(t, dir, opt)
			if wantFound := damage.at < 100 && !damage.table; (found > 0) != wantFound {
				t.Errorf("%d places reported while opening", found)
			}
			for i, tk := range tickets {
				if err := blobtest.Same(t.Context(), s, tk.Ref(), payloadOf(4)); (err != nil) != (i == 2) {
					t.Errorf("object %d: %v", i, err)
				}
			}
			checkRepairs(t, s, dir)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			found = 0
			s = openAt(t, dir, opt)
			defer func() { _ = s.Close() }()
			if found != 0 {
				t.Errorf("%d places reported after the repair", found)
			}
			if n := len(blobtest.Rebuild(t, s)); n != 4 {
				t.Errorf("%d objects, want 4", n)
			}
		})
	}
}

// checkRepairs finds exactly one damage, repairs it and finds none.
func checkRepairs(t *testing.T, s *Store, dir string) {
	t.Helper()
	var findings []blob.Finding
	if err := s.Check(t.Context(), true, func(f blob.Finding) { findings = append(findings, f) }); err != nil {
		t.Fatal(err)
	}
	if len(findings) > 1 || len(findings) == 1 && (!findings[0].Repaired || filepath.Dir(findings[0].Quarantine) != filepath.Join(dir, "quarantine")) {
		t.Errorf("findings %+v", findings)
	}
	if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("after the repair: %+v", f) }); err != nil {
		t.Error(err)
	}
}
