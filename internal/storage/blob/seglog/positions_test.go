package seglog

import (
	"errors"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// Positions only grow, whatever has gone meanwhile: an index that has noted one finds all that comes later behind it.
func TestPositionsGrow(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	var noted blob.Position
	put := func(size int) blob.Ref {
		t.Helper()
		tk, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(size, 1))
		if err == nil {
			err = tk.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if tk.Position().Less(noted) {
			t.Errorf("stored at %v, after %v", tk.Position(), noted)
		}
		noted = tk.Next()
		return tk.Ref()
	}
	reopen := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, dir, simOptions(t, d))
		for _, err := range s.Replay(t.Context(), noted) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	kept := put(1000)
	put(1000)
	d = d.cut(tearNone, nil) // the first stays in a segment with room
	_ = s.Close()
	s = openAt(t, dir, simOptions(t, d))
	var gone []blob.Ref
	for _, e := range blobtest.Entries(t, s, blob.Position{}) {
		if e.Ref != kept {
			gone = append(gone, e.Ref)
		}
	}
	for range 8 { // to three quarters of a segment
		gone = append(gone, put(100_000))
	}
	tk, err := s.Delete(t.Context(), gone...)
	if err == nil {
		err = errors.Join(tk.Wait(t.Context()), s.Reclaim(t.Context(), gone...))
	}
	if err != nil {
		t.Fatal(err)
	}
	noted = tk.Next()
	reopen() // a new segment
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	reopen()
	reopen()
	put(1000)
	blobtest.Want(t, s, kept, blobtest.Bytes(1000, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// A segment that somebody still reads stays on the disk after a compaction; a kill does not bring it back, though what it was
// copied to has been compacted again.
func TestCompactedSegmentStaysGone(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s, first, _, kept := filled(t, dir, simOptions(t, d))
	g, _, err := s.lookup(first[0], true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Open(t.Context(), first[3])
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range first[:2] {
		blobtest.Remove(t, s, ref)
		if err := s.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !s.has(g.number) {
		t.Fatal("the segment went although it is being read")
	}
	d = d.cut(tearNone, nil)
	_, _ = b.Close(), s.Close()
	s = openAt(t, dir, simOptions(t, d))
	if s.has(g.number) {
		t.Error("the segment is back")
	}
	blobtest.Want(t, s, kept, payloadOf(4))
	blobtest.Want(t, s, first[2], secret)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
