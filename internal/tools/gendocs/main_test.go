package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/testkit"

	"github.com/spf13/cobra"
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

// What stands in columns in the help does so in the pages.
func TestColumnsStayColumns(t *testing.T) {
	t.Parallel()
	cmd := &cobra.Command{Long: "Text.\n\nWords:\n  one   1\n  two   2\nMore text."}
	keepLines(cmd)
	if want := "Text.\n\nWords:\n\n    one   1\n    two   2\n\nMore text."; cmd.Long != want {
		t.Errorf("%q, want %q", cmd.Long, want)
	}
}
