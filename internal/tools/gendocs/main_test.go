package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// The completion for bash does without the package bash-completion.
func TestBashAlone(t *testing.T) {
	t.Parallel()
	bash, root := testkit.Program(t, "bash"), testkit.ModuleRoot(t)
	for answer, want := range map[string]string{`patients\nstudies\n:4\n`: "patients\nstudies\n", `:16\n`: "completions\n"} {
		script := "source completions/gantry.bash\ngantry() { printf '" + answer + "'; }\n" +
			"COMP_WORDS=(gantry ls co) COMP_CWORD=2 COMP_LINE='gantry ls co'\n"
		if answer != ":16\\n" {
			script = strings.ReplaceAll(script, " co)", " '')")
		}
		cmd := exec.CommandContext(t.Context(), bash, "--noprofile", "--norc", "-c", script+"__start_gantry 2>/dev/null\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
		cmd.Dir = root
		if output, err := cmd.CombinedOutput(); err != nil || string(output) != want {
			t.Errorf("%q: %q %v", answer, output, err)
		}
	}
}
