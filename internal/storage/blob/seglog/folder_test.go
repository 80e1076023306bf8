package seglog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// Two processes cannot write to one folder; looking is allowed.
func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, small(t))
	ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	_, err := Open(t.Context(), dir, small(t))
	var locked *blob.LockedError
	if !errors.As(err, &locked) || locked.Dir != dir {
		t.Errorf("second open: %v", err)
	}
	opt := small(t)
	opt.ReadOnly = true
	r := openAt(t, dir, opt)
	blobtest.Want(t, r, ref, payloadOf(4))
	if err := errors.Join(r.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := openAt(t, dir, small(t)).Close(); err != nil {
		t.Error(err)
	}
}

// A folder or segment of a later version is refused, and left as it is.
func TestNewerVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, small(t))
	blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	segment := s.segmentPath(1)
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	b[8] = formatVersion + 1
	version := filepath.Join(dir, "VERSION")
	for _, path := range []string{segment, version} {
		content := b
		if path == version {
			content = []byte("2\n")
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), dir, small(t))
		var newer *blob.VersionError
		if !errors.As(err, &newer) || newer.Path != path || newer.Found != 2 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What was deleted is nowhere on the disk any more, and its room is given back.
func TestDeletedBytesAreGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, small(t))
	name := []byte("DOE^JANE^OF^NOWHERE")
	var refs []blob.Ref
	for _, n := range []int{10, 5000, 500000, 3 << 20} {
		data := blobtest.Bytes(n, 1)
		data = append(append(bytes.Clone(name), data...), name...)
		refs = append(refs, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, data))
	}
	if n := countIn(t, dir, name); n != 8 {
		t.Fatalf("the name is there %d times, want 8", n)
	}
	used := s.Stats(t.Context()).DiskBytes
	blobtest.Remove(t, s, refs...)
	if n := countIn(t, dir, name); n != 0 {
		t.Errorf("the name is still there %d times", n)
	}
	if freed := used - s.Stats(t.Context()).DiskBytes; freed < 3<<20 {
		t.Errorf("%d bytes given back", freed)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func countIn(t *testing.T, dir string, what []byte) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		n += bytes.Count(b, what)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
