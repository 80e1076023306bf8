package fsblob_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/fsblob"
	"gantry/internal/storage/blob/seglog"
)

// A process that was killed between giving a file its name and recording it leaves a mark, by which the next start
// clears that file away, and no other.
func TestFileWithoutRecordIsCleared(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := fsblob.Open(t.Context(), dir, seglog.Options{CompactRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	data := blobtest.Bytes(5000, 1)
	ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, data)
	if marks, err := filepath.Glob(filepath.Join(dir, "large", "*")); err != nil || len(marks) != 0 {
		t.Errorf("left behind by a Put: %v, %v", marks, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "files", "*", "*", "*.dcm"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	key := blob.NewKey().String()
	left := filepath.Join(dir, "files", key[:2], key[2:4], key+".dcm")
	mark := func(key string) string { return filepath.Join(dir, "large", key+".part") }
	if err := os.MkdirAll(filepath.Dir(left), 0o700); err != nil {
		t.Fatal(err)
	}
	recorded := strings.TrimSuffix(filepath.Base(kept[0]), ".dcm")
	for _, name := range []string{left, mark(key), mark(recorded)} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = fsblob.Open(t.Context(), dir, seglog.Options{CompactRate: -1}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for _, name := range []string{left, mark(key), mark(recorded)} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	blobtest.Want(t, s, ref, data)
	if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("%+v", f) }); err != nil {
		t.Error(err)
	}
}
