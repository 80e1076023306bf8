package internal_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry/internal/faults"
	"gantry/internal/testkit"
)

// testingChapter is the README's chapter for people who test their own software.
const testingChapter = "Testing your DICOM software with gantry"

// block returns the first fenced block of a language.
func block(t *testing.T, text, language string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n```"+language+"\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed {
		t.Fatalf("no block of %s", language)
	}
	return code + "\n"
}

// TestReadmeFaultsAreRules reads every example of the chapter's table, and has every kind of fault in it.
func TestReadmeFaultsAreRules(t *testing.T) {
	t.Parallel()
	shown := map[faults.Fault]bool{}
	reports := map[faults.Kind]bool{}
	for _, found := range regexp.MustCompile("`((?:association|any|echo|store|commitment|report) [^`]*=?[^`]*)`").FindAllStringSubmatch(chapter(t, testingChapter), -1) {
		r, err := faults.Parse(found[1])
		if err != nil {
			t.Error(err)
			continue
		}
		shown[r.Fault], reports[r.Report] = true, true
	}
	for _, f := range []faults.Fault{faults.Delay, faults.Status, faults.Abort, faults.Reject, faults.Refuse, faults.Drop, faults.Reset, faults.Alter} {
		if !shown[f] {
			t.Errorf("no example of %s", f)
		}
	}
	if len(reports) != 9 { // eight, and none
		t.Errorf("examples of reports: %v", reports)
	}
}

// TestReadmeTestingExamplesRun runs the steps of the chapter's workflow as GitHub does, and its Go test.
func TestReadmeTestingExamplesRun(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the examples are for a POSIX shell")
	}
	bash := testkit.Program(t, "bash")
	text := chapter(t, testingChapter)
	tour := newTour(t, testkit.ModuleRoot(t))
	var env []string
	for _, e := range tour.env {
		if !strings.HasPrefix(e, "GANTRY_") {
			env = append(env, e)
		}
	}
	run := func(t *testing.T, name string, args ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Env, cmd.WaitDelay = tour.dir, env, time.Second
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		t.Logf("%s", output)
	}
	t.Run("workflow", func(t *testing.T) {
		testkit.Program(t, "storescu")
		testkit.Program(t, "curl")
		scripts := runSteps(block(t, text, "yaml"))
		if len(scripts) != 1 {
			t.Fatalf("%d steps with a script, want 1", len(scripts))
		}
		run(t, bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts[0])
	})
	t.Run("killed", func(t *testing.T) { killAndLookAgain(t, filepath.Join(tour.dir, "bin", "gantry"), env) })
	t.Run("go", func(t *testing.T) {
		files := map[string]string{"go.mod": "module sender\n\ngo 1.26\n", "sender_test.go": block(t, text, "go")}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(tour.dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run(t, "go", "vet", ".")
		run(t, "go", "test", "-count=1", "-v", ".")
	})
}

// killAndLookAgain has a server killed, and the next one remove what it left.
func killAndLookAgain(t *testing.T, gantry string, env []string) {
	t.Helper()
	temporary := t.TempDir()
	serve := func() (*exec.Cmd, string) {
		cmd := exec.CommandContext(t.Context(), gantry, "serve", "--ephemeral")
		cmd.Env = append(slices.Clone(env), "TMPDIR="+temporary)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var place struct{ Directory string }
		if err := json.NewDecoder(stdout).Decode(&place); err != nil {
			t.Fatal(err)
		}
		return cmd, place.Directory
	}
	cmd, left := serve()
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it tells of the signal
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(left, hourAgo, hourAgo); err != nil {
		t.Fatalf("the folder of a killed server is gone: %v", err)
	}
	cmd, _ = serve()
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the folder of the killed server is still there: %v", err)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if entries, err := os.ReadDir(temporary); err != nil || len(entries) > 0 {
		t.Errorf("left: %v %v", entries, err)
	}
}

// runSteps returns the scripts of "run: |" in a workflow, without their indentation.
func runSteps(yaml string) []string {
	var scripts []string
	var indent string
	inside := false
	for line := range strings.Lines(yaml) {
		text := strings.TrimLeft(line, " ")
		margin := line[:len(line)-len(text)]
		switch {
		case text == "run: |\n":
			inside, indent = true, margin+"  "
			scripts = append(scripts, "")
		case inside && strings.HasPrefix(line, indent):
			scripts[len(scripts)-1] += line[len(indent):]
		default:
			inside = false
		}
	}
	return scripts
}
