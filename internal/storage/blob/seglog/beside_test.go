package seglog

import (
	"errors"
	"sync"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// A read-only look, and a backup made through it, are consistent beside a
// process that stores, deletes and compacts.
func TestReadOnlyBesideWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := small(t)
	opt.SegmentSize, opt.NoSync = 1<<20, true
	s := openAt(t, dir, opt)
	l := newLedger()
	var kept []blob.Ref
	for i := range 20 {
		kept = append(kept, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(30000, uint64(i))))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	busy := func(do func(i uint64) bool) {
		wg.Go(func() {
			for i := uint64(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if !do(i) {
					t.Error("the writer failed")
					return
				}
			}
		})
	}
	busy(func(i uint64) bool { return l.put(t, s, i) && l.remove(t, s, true) })
	busy(func(i uint64) bool { return l.put(t, s, i+1000) && l.remove(t, s, i%2 == 0) })
	busy(func(uint64) bool { return s.Compact(t.Context()) == nil })

	look := func(s *Store) {
		t.Helper()
		for i, ref := range kept {
			blobtest.Want(t, s, ref, blobtest.Bytes(30000, uint64(i)))
		}
		if err := s.Check(t.Context(), false, func(f blob.Finding) {
			if f.Problem != "no record names this file" { // it came after the look
				t.Errorf("finding %+v", f)
			}
		}); err != nil {
			t.Error(err)
		}
	}
	reading := opt
	reading.ReadOnly = true
	for range 4 {
		r := openAt(t, dir, reading)
		look(r)
		copied := t.TempDir()
		if err := r.Backup(t.Context(), copied); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		b := openAt(t, copied, opt)
		for i, ref := range kept {
			blobtest.Want(t, b, ref, blobtest.Bytes(30000, uint64(i)))
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// Close ends beside everything else that goes on, and what was acknowledged
// before stays.
func TestCloseBesideWork(t *testing.T) {
	t.Parallel()
	for range 10 {
		dir, d, l := t.TempDir(), newSimDisk(), newLedger()
		s := openAt(t, dir, simOptions(t, d))
		var wg sync.WaitGroup
		begun := make(chan struct{}, 100)
		for g := range uint64(3) {
			wg.Go(func() {
				for i := uint64(0); l.put(t, s, g*1000+i) && l.remove(t, s, true); i++ {
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			})
		}
		wg.Go(func() {
			for s.Compact(t.Context()) == nil {
				continue
			}
		})
		wg.Go(func() {
			for {
				w, err := s.Create(t.Context(), 0)
				if err == nil {
					w.Discard()
				} else {
					if !errors.Is(err, blob.ErrClosed) {
						t.Errorf("create: %v", err)
					}
					return
				}
			}
		})
		for range 20 {
			<-begun
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		s = openAt(t, dir, simOptions(t, d))
		l.verify(t, s, l.clone())
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
