package seglog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// ledger is what a client of the log knows.
type ledger struct {
	mu      sync.Mutex
	acked   map[blob.Ref]uint64 // seed of the content
	sent    map[blob.Ref]uint64
	deleted map[blob.Ref]bool // acknowledged
	dying   map[blob.Ref]bool // asked for
}

func newLedger() *ledger {
	return &ledger{acked: map[blob.Ref]uint64{}, sent: map[blob.Ref]uint64{}, deleted: map[blob.Ref]bool{}, dying: map[blob.Ref]bool{}}
}

func (l *ledger) clone() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newLedger()
	for r, s := range l.acked {
		c.acked[r] = s
	}
	for r := range l.deleted {
		c.deleted[r] = true
	}
	return c
}

func payloadOf(seed uint64) []byte {
	sizes := []int{0, 10, 3000, 4096, 20000, 50000, 140000}
	return blobtest.Bytes(sizes[seed%uint64(len(sizes))], seed)
}

// put stores one object and notes it. It reports whether the log still works.
func (l *ledger) put(t testing.TB, s *Store, seed uint64) bool {
	tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{CallingAET: fmt.Sprint(seed)}, payloadOf(seed))
	if err != nil {
		return false
	}
	l.mu.Lock()
	l.sent[tk.Ref()] = seed
	l.mu.Unlock()
	if tk.Wait(t.Context()) != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[tk.Ref()] = seed
	return true
}

// remove deletes some acknowledged object.
func (l *ledger) remove(t testing.TB, s *Store, reclaim bool) bool {
	l.mu.Lock()
	var ref blob.Ref
	for r := range l.acked {
		if !l.dying[r] {
			ref = r
			break
		}
	}
	l.dying[ref] = true
	l.mu.Unlock()
	tk, err := s.Delete(t.Context(), ref)
	if err != nil || tk.Wait(t.Context()) != nil {
		return false
	}
	l.mu.Lock()
	l.deleted[ref] = true
	l.mu.Unlock()
	return !reclaim || s.Reclaim(t.Context(), ref) == nil
}

// verify compares a recovered log with what was known at some time before the
// cut (known) and at its end (l).
func (l *ledger) verify(t testing.TB, s *Store, known *ledger) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for ref, seed := range known.acked {
		if l.dying[ref] {
			continue
		}
		if err := blobtest.Same(t.Context(), s, ref, payloadOf(seed)); err != nil {
			t.Errorf("an acknowledged object is lost: %v", err)
		}
	}
	for ref := range known.deleted {
		blobtest.WantGone(t, s, ref)
	}
	for ref := range blobtest.Rebuild(t, s) {
		seed, ok := l.sent[ref]
		if !ok {
			continue // committed, but the client did not get to note it
		}
		if err := blobtest.Same(t.Context(), s, ref, payloadOf(seed)); err != nil {
			t.Errorf("an object is there, but not whole: %v", err)
		}
	}
	if err := s.Check(t.Context(), false, func(f blob.Finding) {
		if f.Problem != "no record names this file" {
			t.Errorf("finding: %+v", f)
		}
	}); err != nil {
		t.Error(err)
	}
}

func simOptions(t testing.TB, d *simDisk) Options {
	return Options{
		SegmentSize: 1 << 20, MemoryBudget: 4 << 20, CompactRate: -1, FS: d,
		Damaged: func(f blob.Finding) { t.Errorf("damage: %+v", f) },
	}
}

// Parallel writers, deletes and compactions, and a cut at a random moment, five
// ways of losing what was not synced, several lives long.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	for _, how := range tears {
		for round := range 2 + 4/stride {
			t.Run(fmt.Sprintf("%s/%d", how, round), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(uint64(round), uint64(len(how))))
				dir, d, l := t.TempDir(), newSimDisk(), newLedger()
				known := l.clone()
				for life := range 3 {
					d.stopAt = 0
					s := openAt(t, dir, simOptions(t, d))
					l.verify(t, s, known)
					d.mu.Lock()
					d.stopAt = d.ops + 20 + rng.IntN(300)
					d.mu.Unlock()
					work(t, s, l, uint64(life*1000+round*100000))
					known = l.clone() // all that was acknowledged was so before the cut
					d = d.cut(how, rng)
					_ = s.Close() // it has lost its disk
				}
				s := openAt(t, dir, simOptions(t, d))
				l.verify(t, s, known)
				if err := s.Compact(t.Context()); err != nil {
					t.Error(err)
				}
				l.verify(t, s, known)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// work keeps the log busy until its disk stops.
func work(t testing.TB, s *Store, l *ledger, seed uint64) {
	var wg sync.WaitGroup
	for g := range uint64(4) {
		wg.Go(func() {
			for i := range uint64(100) {
				if !l.put(t, s, seed+g*100+i) {
					return
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 20 {
			if !l.remove(t, s, i%2 == 0) {
				return
			}
		}
	})
	wg.Go(func() {
		for range 3 {
			if s.Compact(t.Context()) != nil {
				return
			}
		}
	})
	wg.Wait()
}

// A cut at every single change the disk sees, while the log recovers and
// compacts: nothing acknowledged is lost, nothing deleted comes back.
func TestCutAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, how := range []tear{tearNone, tearLost, tearMix} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(1, 2))
			dir, d, l := t.TempDir(), newSimDisk(), newLedger()
			s := openAt(t, dir, simOptions(t, d))
			for i := range uint64(40) {
				l.put(t, s, i)
			}
			for i := range 15 {
				l.remove(t, s, i%2 == 0)
			}
			base := d.cut(tearNone, rng)
			_ = s.Close()
			known := l.clone()
			for step := 1; ; step += stride {
				trial := base.cut(tearNone, rng)
				trial.stopAt = step
				s, err := Open(t.Context(), dir, simOptions(t, trial))
				if err == nil {
					for range s.Replay(t.Context(), blob.Position{Segment: 1 << 40}) { // the index knows all
						t.Error("an entry beyond the end")
					}
					err = s.Compact(t.Context())
					if e := s.Close(); err == nil {
						err = e
					}
				}
				after := trial.cut(how, rng)
				s = openAt(t, dir, simOptions(t, after))
				l.verify(t, s, known)
				if e := s.Close(); e != nil {
					t.Error(e)
				}
				if t.Failed() {
					t.Fatalf("cut before change %d", step)
				}
				if err == nil {
					break
				}
			}
		})
	}
}

// Every offset of the last record is a place where a write may have stopped;
// what follows it there may be zeros, older bytes or noise.
func TestTornAtEveryOffset(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	first := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(2))
	tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{CallingAET: "A"}, blobtest.Bytes(4500, 9))
	if err != nil {
		t.Fatal(err)
	}
	if err := tk.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := d.cut(tearNone, rng)
	_ = s.Close()
	old := blobtest.Bytes(8192, 77)
	for name, fill := range map[string]func(i int) byte{
		"zeros": func(int) byte { return 0 },
		"old":   func(i int) byte { return old[i] },
		"noise": func(int) byte { return byte(rng.Uint32()) },
	} {
		from, to := tk.Position().Offset, tk.Next().Offset
		for at := from; at < to; at += stride + (at-from)/200*7 {
			trial := base.cut(tearNone, rng)
			trial.corrupt(t, segmentSuffix, func(b []byte) {
				for i := at; i < to; i++ {
					b[i] = fill(int(i - from))
				}
			})
			s := openAt(t, dir, simOptions(t, trial))
			blobtest.Want(t, s, first, payloadOf(2))
			if n := len(blobtest.Rebuild(t, s)); n == 2 {
				blobtest.Want(t, s, tk.Ref(), blobtest.Bytes(4500, 9))
			} else if n != 1 || at > from+int64(recordHeader)+4600 {
				t.Errorf("%s from %d: %d objects", name, at-from, n)
			}
			again := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(3))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openAt(t, dir, simOptions(t, trial))
			blobtest.Want(t, s, again, payloadOf(3))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Recovering twice in a row, and cutting the recovery short, changes nothing.
func TestRecoveryIsRepeatable(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	dir, d, l := t.TempDir(), newSimDisk(), newLedger()
	s := openAt(t, dir, simOptions(t, d))
	for i := range uint64(30) {
		l.put(t, s, i)
	}
	d = d.cut(tearNone, rng)
	_ = s.Close()
	var want []blob.Ref
	for range 3 {
		s := openAt(t, dir, simOptions(t, d))
		l.verify(t, s, l.clone())
		var got []blob.Ref
		for _, e := range blobtest.Entries(t, s, blob.Position{}) {
			got = append(got, e.Ref)
		}
		if want != nil && !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		want = got
		d = d.cut(tearLost, rng) // without Close
		_ = s.Close()
	}
}
