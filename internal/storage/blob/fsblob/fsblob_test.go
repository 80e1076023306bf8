package fsblob_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/fsblob"
	"gantry/internal/storage/blob/seglog"
)

func open(t *testing.T, dir string) blob.Store {
	t.Helper()
	s, err := fsblob.Open(t.Context(), dir, seglog.Options{SegmentSize: 1 << 20, MemoryBudget: 4 << 20, CompactRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	blobtest.Suite{Open: open, Large: 3 << 20}.Run(t)
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(dir, "files"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		found[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// An object is exactly one plain file, named by its key, and gone when deleted.
func TestPlainFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	small, large := blobtest.Bytes(3000, 1), blobtest.Bytes(3<<20, 2)
	a := blobtest.Put(t, s, blob.KindInstance, blob.Meta{CallingAET: "../../ESCAPE"}, small)
	b := blobtest.Put(t, s, blob.KindUpload, blob.Meta{}, large)
	blobtest.Put(t, s, blob.KindNote, blob.Meta{}, []byte("notes stay in the journal"))
	found := files(t, dir)
	if len(found) != 2 {
		t.Fatalf("%d files, want 2", len(found))
	}
	for path, data := range found {
		want, key := small, a.Key
		if strings.Contains(path, b.Key.String()) {
			want, key = large, b.Key
		}
		if filepath.Base(path) != key.String()+".dcm" || !bytes.Equal(data, want) {
			t.Errorf("%s: %d bytes", path, len(data))
		}
	}
	blobtest.Remove(t, s, a, b)
	if found := files(t, dir); len(found) != 0 {
		t.Errorf("deleted objects left %d files", len(found))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// One folder holds objects of both layouts.
func TestMixedLayouts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := seglog.Options{SegmentSize: 1 << 20, CompactRate: -1}
	first, err := seglog.Open(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	a := blobtest.Put(t, first, blob.KindInstance, blob.Meta{}, blobtest.Bytes(5000, 1))
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir)
	b := blobtest.Put(t, second, blob.KindInstance, blob.Meta{}, blobtest.Bytes(6000, 2))
	blobtest.Want(t, second, a, blobtest.Bytes(5000, 1))
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := seglog.Open(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Want(t, third, a, blobtest.Bytes(5000, 1))
	blobtest.Want(t, third, b, blobtest.Bytes(6000, 2))
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file that was changed or lost from outside is found.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { _ = s.Close() }()
	kept := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(3000, 1))
	changed := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(3000, 2))
	lost := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(3000, 3))
	for path, data := range files(t, dir) {
		var err error
		switch {
		case strings.Contains(path, changed.Key.String()):
			data[1000]++
			err = os.WriteFile(path, data, 0o600)
		case strings.Contains(path, lost.Key.String()):
			err = os.Remove(path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	stray := filepath.Join(dir, "files", "00", "00", strings.Repeat("0", 32)+".dcm")
	if err := os.MkdirAll(filepath.Dir(stray), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stray, []byte("stray"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := map[blob.Ref]blob.Finding{}
	if err := s.Check(t.Context(), true, func(f blob.Finding) { found[f.Ref] = f }); err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 || !found[changed].Repaired || !found[lost].Repaired || found[blob.Ref{}].Path != stray {
		t.Errorf("findings %+v", found)
	}
	blobtest.Want(t, s, kept, blobtest.Bytes(3000, 1))
	blobtest.WantGone(t, s, changed)
	blobtest.WantGone(t, s, lost)
	if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("after repair: %+v", f) }); err != nil {
		t.Error(err)
	}
}
