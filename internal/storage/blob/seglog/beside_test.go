package seglog

import (
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
