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
