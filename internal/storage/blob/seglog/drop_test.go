package seglog

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

var secret = blobtest.Bytes(50_000, 42)

// filled stores the secret again and again, and something to keep in the third segment. It returns the copies that are
// alone in the first two, and a log with these two complete.
func filled(t *testing.T, dir string, opt Options) (s *Store, first, second []blob.Ref, kept blob.Ref) {
	t.Helper()
	s = openAt(t, dir, opt)
	var at []uint64
	var refs []blob.Ref
	for len(at) < 3 {
		tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, secret)
		if err == nil {
			err = tk.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		n := tk.Position().Segment
		if len(at) == 0 || at[len(at)-1] != n {
			at = append(at, n)
			first, second, refs = second, refs, nil
		}
		refs = append(refs, tk.Ref())
	}
	blobtest.Remove(t, s, refs...)
	kept = blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, dir, opt), first, second, kept
}

func (s *Store) has(g uint64) bool {
	path := s.segmentPath(g)
	_, err := s.fs.Open(path, false)
	return !errors.Is(err, os.ErrNotExist)
}

// A segment goes as a whole when the last of what was stored in it is given back, not before, and not while anything else
// needs it.
func TestSegmentIsDropped(t *testing.T) {
	t.Parallel()
	tombstone := func(t *testing.T, s *Store, refs []blob.Ref) {
		t.Helper()
		tk, err := s.Delete(t.Context(), refs...)
		if err == nil {
			err = tk.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		remove  func(t *testing.T, s *Store, first, second []blob.Ref)
		dropped bool
	}{
		"at once":       {func(t *testing.T, s *Store, f, _ []blob.Ref) { blobtest.Remove(t, s, f...) }, true},
		"with the next": {func(t *testing.T, s *Store, f, g []blob.Ref) { blobtest.Remove(t, s, slices.Concat(g[:1], f)...) }, true},
		"in two steps": {func(t *testing.T, s *Store, f, _ []blob.Ref) {
			blobtest.Remove(t, s, f[:2]...)
			blobtest.Remove(t, s, f...)
		}, true},
		"one lives": {func(t *testing.T, s *Store, f, _ []blob.Ref) { blobtest.Remove(t, s, f[1:]...) }, false},
		"one is deleted and not to be given back yet": {func(t *testing.T, s *Store, f, _ []blob.Ref) {
			tombstone(t, s, f[:1])
			blobtest.Remove(t, s, f[1:]...)
		}, false},
		"somebody reads": {func(t *testing.T, s *Store, f, _ []blob.Ref) {
			b, err := s.Open(t.Context(), f[3])
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			blobtest.Remove(t, s, f...)
		}, false},
		"during a compaction": {func(t *testing.T, s *Store, f, _ []blob.Ref) {
			s.compacting.Lock()
			defer s.compacting.Unlock()
			blobtest.Remove(t, s, f...)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, d := t.TempDir(), newSimDisk()
			s, first, second, kept := filled(t, dir, simOptions(t, d))
			g, _, err := s.lookup(first[0], true)
			if err != nil {
				t.Fatal(err)
			}
			c.remove(t, s, first, second)
			if got := !s.has(g.number); got != c.dropped {
				t.Errorf("segment dropped: %t", got)
			}
			blobtest.WantGone(t, s, first[len(first)-1])
			for range 2 {
				blobtest.Want(t, s, second[1], secret)
				blobtest.Want(t, s, kept, payloadOf(4))
				if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
					t.Error(err)
				}
				if err := errors.Join(s.Compact(t.Context()), s.Close()); err != nil {
					t.Fatal(err)
				}
				s = openAt(t, dir, simOptions(t, d))
			}
			blobtest.Remove(t, s, slices.Concat(first, second)...)
			if d.contains(secret) {
				t.Error("the bytes are still there")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What must stay for the sake of others: tombstones, and what compaction made, which says which segments it stands for.
func TestSegmentWithTombstonesStays(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s, first, second, kept := filled(t, dir, simOptions(t, d))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, simOptions(t, d))
	g, _, err := s.lookup(second[0], true)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Remove(t, s, first[0])
	if err := s.Compact(t.Context()); err != nil { // the first lies in a new segment now
		t.Fatal(err)
	}
	made, _, err := s.lookup(first[1], true)
	if err != nil || len(made.sources) == 0 {
		t.Fatal(made, err)
	}
	blobtest.Remove(t, s, slices.Concat(first, second)...)
	if s.has(g.number) || !s.has(made.number) {
		t.Errorf("kept: second %t, compacted %t", s.has(g.number), s.has(made.number))
	}
	blobtest.Want(t, s, kept, payloadOf(4))
	for _, ref := range slices.Concat(first, second) {
		blobtest.WantGone(t, s, ref)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A cut at every step of dropping segments: what was deleted stays so, what lives is there, nothing looks damaged, and
// asking once more, as the index does, takes the bytes away.
func TestCutWhileDropping(t *testing.T) {
	t.Parallel()
	for _, how := range []tear{tearNone, tearLost, tearMix} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(7, 8))
			dir, d := t.TempDir(), newSimDisk()
			s, first, second, kept := filled(t, dir, simOptions(t, d))
			gone := slices.Concat(first, second[1:])
			tk, err := s.Delete(t.Context(), gone...)
			if err == nil {
				err = errors.Join(tk.Wait(t.Context()), s.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
			base := d.cut(tearNone, rng)
			for step := 1; ; step += stride {
				trial := base.cut(tearNone, rng)
				s := openAt(t, dir, simOptions(t, trial))
				trial.mu.Lock()
				trial.stopAt = trial.ops + step
				trial.mu.Unlock()
				done := s.Reclaim(t.Context(), gone...) == nil
				after := trial.cut(how, rng)
				_ = s.Close()
				s = openAt(t, dir, simOptions(t, after))
				blobtest.Want(t, s, kept, payloadOf(4))
				blobtest.Want(t, s, second[0], secret)
				for _, ref := range gone {
					blobtest.WantGone(t, s, ref)
				}
				if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
					t.Error(err)
				}
				if !done {
					if err := s.Reclaim(t.Context(), gone...); err != nil {
						t.Error(err)
					}
				}
				blobtest.Remove(t, s, second[0])
				if after.contains(secret) {
					t.Error("the bytes are still there")
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				if t.Failed() {
					t.Fatalf("cut before change %d", step)
				}
				if done {
					break
				}
			}
		})
	}
}

// A disk that fails while a segment is dropped: the call says so and another one finishes it.
func TestDropFails(t *testing.T) {
	t.Parallel()
	for _, failing := range []string{"rename", "syncdir", "write", "remove"} {
		t.Run(failing, func(t *testing.T) {
			t.Parallel()
			dir, d := t.TempDir(), newSimDisk()
			s, first, second, kept := filled(t, dir, simOptions(t, d))
			tk, err := s.Delete(t.Context(), first...)
			if err == nil {
				err = tk.Wait(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			g, _, err := s.lookup(first[0], false)
			if err != nil {
				t.Fatal(err)
			}
			d.mu.Lock()
			d.before = func(op, name string) error {
				if op == failing && (op == "syncdir" || strings.HasPrefix(filepath.Base(name), filepath.Base(s.segmentPath(g.number)))) {
					return errFrozen
				}
				return nil
			}
			d.mu.Unlock()
			// Without the name taken away the records are overwritten one by one.
			if err := s.Reclaim(t.Context(), first...); (err == nil) != (failing == "rename" || failing == "syncdir") {
				t.Error(err)
			}
			d.mu.Lock()
			d.before = nil
			d.mu.Unlock()
			if err := s.Reclaim(t.Context(), first...); err != nil {
				t.Error(err)
			}
			blobtest.Want(t, s, second[0], secret)
			blobtest.Want(t, s, kept, payloadOf(4))
			blobtest.Remove(t, s, second...)
			if d.contains(secret) {
				t.Error("the bytes are still there")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = openAt(t, dir, simOptions(t, d))
			blobtest.Want(t, s, kept, payloadOf(4))
			blobtest.WantGone(t, s, first[0])
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A process that only reads gets what was stored or hears that it was deleted, never other bytes, and sees no damage.
func TestDropBesideReader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := small(t)
	opt.SegmentSize = 1 << 20
	s, first, _, kept := filled(t, dir, opt)
	reading := opt
	reading.ReadOnly = true
	r := openAt(t, dir, reading)
	b, err := r.Open(t.Context(), first[1])
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 100)
	if _, err := b.ReadAt(part, 0); err != nil || !bytes.Equal(part, secret[:100]) {
		t.Fatal(err)
	}
	g, _, err := s.lookup(first[0], true)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Remove(t, s, first...)
	if s.has(g.number) {
		t.Error("the segment is still there")
	}
	if _, err := b.ReadAt(part, 100); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("read on: %v", err)
	}
	if _, err := b.WriteTo(io.Discard); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("read all: %v", err)
	}
	if _, err := r.Open(t.Context(), first[2]); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("opened: %v", err)
	}
	blobtest.Want(t, r, kept, payloadOf(4))
	for e, err := range r.Replay(t.Context(), blob.Position{}) {
		if err != nil || e.Ref == first[3] {
			t.Error(e, err)
		}
	}
	if err := r.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
		t.Error(err)
	}
	copied := t.TempDir()
	if err := errors.Join(r.Backup(t.Context(), copied), b.Close(), r.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	s = openAt(t, copied, opt)
	blobtest.Want(t, s, kept, payloadOf(4))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// The files of large objects go with the segment that names them.
func TestDropWithLargeObjects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := small(t)
	opt.SegmentSize = 1 << 20
	s := openAt(t, dir, opt)
	var refs []blob.Ref
	for range 3 {
		refs = append(refs, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(300_000, 1)))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opt.SegmentSize = 1 << 20
	s = openAt(t, dir, opt)
	for range 20 {
		refs = append(refs, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, secret))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, opt)
	g, _, err := s.lookup(refs[0], true)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Remove(t, s, refs...)
	large, err := os.ReadDir(s.largeDir())
	if err != nil || len(large) > 0 || s.has(g.number) {
		t.Errorf("%d large files, segment there: %t, %v", len(large), s.has(g.number), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A segment with a place that cannot be read stays: what lies there may be the only copy of something that lives.
func TestDamagedSegmentStays(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	opt := simOptions(t, d)
	opt.Damaged = func(blob.Finding) {}
	s, first, _, _ := filled(t, dir, opt)
	g, e, err := s.lookup(first[2], true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d.corrupt(t, filepath.Base(g.path), func(b []byte) { b[e.offset()+20] ^= 1 })
	if err := d.Remove(tablePath(g.path)); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, opt)
	blobtest.Remove(t, s, slices.Concat(first[:2], first[3:])...)
	if !s.has(g.number) || !d.contains(secret) {
		t.Error("the segment was dropped")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// The same holds for a compaction, until the place was repaired.
func TestDamagedSegmentIsNotCompacted(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	opt := simOptions(t, d)
	opt.Damaged = func(blob.Finding) {}
	s, first, _, _ := filled(t, dir, opt)
	g, e, err := s.lookup(first[2], true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d.corrupt(t, filepath.Base(g.path), func(b []byte) { b[e.offset()+20] ^= 1 })
	if err := d.Remove(tablePath(g.path)); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, opt)
	blobtest.Remove(t, s, first[:2]...)
	for range 2 {
		if err := s.Compact(t.Context()); err != nil {
			t.Error(err)
		}
		if !s.has(g.number) {
			t.Fatal("the segment was compacted")
		}
	}
	if err := s.Check(t.Context(), true, func(blob.Finding) {}); err != nil {
		t.Error(err)
	}
	if err := s.Compact(t.Context()); err != nil {
		t.Error(err)
	}
	if s.has(g.number) {
		t.Error("the segment was not compacted after its repair")
	}
	kept, err := d.List(s.quarantineDir())
	if err != nil || len(kept) != 1 {
		t.Errorf("the quarantine holds %v, %v", kept, err)
	}
	blobtest.Want(t, s, first[3], secret)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
