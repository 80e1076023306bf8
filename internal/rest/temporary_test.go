package rest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gantry/internal/config"
)

// A server that is killed in the middle leaves no temporary file with a name, and the next one deletes those of systems
// that cannot do without, and nothing else.
func TestTemporaryFilesAreSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &Server{Deps: Deps{Config: &config.Config{TemporaryDirectory: dir}}}
	for _, pattern := range []string{temporaryArchive, temporaryUpload} {
		file, err := s.temporary(pattern)
		if err != nil {
			t.Fatal(err)
		}
		defer file.remove()
		left, err := os.CreateTemp(dir, pattern) // as where an open file cannot be deleted
		if err != nil {
			t.Fatal(err)
		}
		if err := left.Close(); err != nil {
			t.Fatal(err)
		}
	}
	others := []string{"gantry-archive-.zip", "gantry-archive-1.zip.part", "gantry-archive-mine.zip", "gantry-upload-1.dcm", "my-gantry-upload-1"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "gantry-upload-2"), 0o700); err != nil {
		t.Fatal(err)
	}
	if swept, err := SweepTemporary(dir); err != nil || swept != 2 {
		t.Errorf("%d swept, %v", swept, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, entry := range entries {
		left = append(left, entry.Name())
	}
	if want := slices.Sorted(slices.Values(append(others, "gantry-upload-2"))); !slices.Equal(left, want) {
		t.Errorf("%q are left, want %q", left, want)
	}
	if swept, err := SweepTemporary(filepath.Join(dir, "none")); swept != 0 || err != nil {
		t.Errorf("no folder: %d, %v", swept, err)
	}
}
