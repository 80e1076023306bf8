package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/testkit"
)

// The pages and completions in the tree are those of today's commands.
func TestTreeIsUpToDate(t *testing.T) {
	t.Parallel()
	fresh, root := t.TempDir(), testkit.ModuleRoot(t)
	if err := generate(fresh); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"man", "completions"} {
		compare(t, filepath.Join(fresh, dir), filepath.Join(root, dir))
		compare(t, filepath.Join(root, dir), filepath.Join(fresh, dir)) // nothing too much
	}
}

func compare(t *testing.T, want, have string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(want), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		a, errA := os.ReadFile(filepath.Join(want, name))
		b, errB := os.ReadFile(filepath.Join(have, name))
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s/%s differs: run go run ./internal/tools/gendocs", filepath.Base(have), name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
