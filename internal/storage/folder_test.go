package storage_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// What works on a data folder that is there makes none, and nothing is made in a folder that holds something else.
func TestFoldersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]storage.Options{"read-only": {ReadOnly: true}, "must exist": {MustExist: true}} {
		for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
			o.Dir = dir
			s, err := storage.Open(t.Context(), o)
			var none *storage.NotDataFolderError
			if !errors.As(err, &none) || none.Dir != dir || !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: %v, %v", name, s, err)
			}
			if entries, err := os.ReadDir(dir); len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: left behind %v, %v", name, entries, err)
			}
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.odt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	var none *storage.NotDataFolderError
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir}); !errors.As(err, &none) || none.Foreign != "thesis.odt" ||
		errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a folder with other files: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind %v, %v", entries, err)
	}
	dir = t.TempDir()
	for _, name := range []string{"LOCK", "VERSION.new", ".keep"} { // a first start that was killed; a volume
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, open(t, dir, storage.LayoutLog))
	closeStore(t, open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.MustExist = true }))
}

// Names of patients are for the owner of the folder alone, wherever the index lies and in backups.
func TestIndexIsPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("permissions are not those of POSIX")
	}
	dir, elsewhere, copied := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "copy")
	s := open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.IndexDir = elsewhere })
	put(t, s, ct("A", 1, 1, 1).received(t))
	counts(t, s)
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(elsewhere, "index.db*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range append(files, filepath.Join(copied, "index.db")) {
		if i, err := os.Stat(f); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, i.Mode(), err)
		}
	}
}

// An error says everything once, without the names of packages.
func TestErrorsReadOnce(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	_, missing := s.OpenInstance(t.Context(), index.NewID("nothing"))
	dir := t.TempDir()
	damageIndex(t, dir, func(b []byte) []byte { return []byte(strings.Repeat("damaged ", len(b)/8)) })
	_, damaged := storage.Open(t.Context(), storage.Options{Dir: dir})
	for _, err := range []error{missing, damaged} {
		text := strings.TrimPrefix(err.Error(), "storage: ")
		for _, s := range []string{"storage: ", "index: ", "blob: ", "sqlite: ", "unavailable"} {
			if strings.Contains(text, s) {
				t.Errorf("%q in %q", s, text)
			}
		}
	}
	if !strings.Contains(damaged.Error(), "gantry fsck --rebuild --storage "+dir) {
		t.Errorf("no next step in %q", damaged)
	}
}
