package cli_test

import (
	"io"
	"strings"
	"testing"

	"gantry/internal/cli"
)

// A bar shows on a terminal, unless --quiet or --json.
func TestProgress(t *testing.T) {
	t.Parallel()
	address, dir := (&peer{t: t}).start(), t.TempDir()
	for _, uid := range []string{"1.1", "1.2"} {
		writeObject(t, dir, uid, ct(uid, "1", "1"))
	}
	for option, shown := range map[string]bool{"--verbose=false": true, "--quiet": false, "--json": false} {
		env, _, stderr := testEnv(nil)
		env.Terminal = func(io.Writer) (int, bool) { return 100, true }
		if code := cli.Main([]string{"store", address, dir, option}, env); code != 0 {
			t.Errorf("%s: exit code %d", option, code)
		}
		if strings.Contains(stderr.String(), "\r") != shown {
			t.Errorf("%s: %q", option, stderr)
		}
	}
}

// What is taken back again is no longer than a line of the terminal.
func TestProgressOnANarrowTerminal(t *testing.T) {
	t.Parallel()
	address, dir := (&peer{t: t}).start(), t.TempDir()
	writeObject(t, dir, "1.1", ct("1.1", "1", "1"))
	env, _, stderr := testEnv(nil)
	env.Terminal = func(io.Writer) (int, bool) { return 20, true }
	if code := cli.Main([]string{"store", address, dir}, env); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, line := range strings.Split(stderr.String(), "\r\x1b[K") {
		if n := len([]rune(line)); n > 19 {
			t.Errorf("%d characters: %q", n, line)
		}
	}
}

// Folders are not read in silence.
func TestNoticeOfScanning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeObject(t, dir, "a", ct("1.1", "1", "1"))
	env, _, stderr := testEnv(nil)
	env.Terminal = func(io.Writer) (int, bool) { return 100, true }
	if code := cli.Main([]string{"store", "PEER@" + freeAddress(t), dir}, env); code != 3 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr.String(), "reading headers: ") {
		t.Errorf("%q", stderr)
	}
}
