package jobkinds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode"

	"gantry/internal/config"
)

// handlerGrace is how long the output of a program that has ended, or was killed, is waited for.
const handlerGrace = time.Second

// errTooMuch means that a handler wrote more than any answer takes.
var errTooMuch = errors.New("its answer is too long")

// program is a handler that is run once for each batch: JSON on its standard input, JSON on its standard output. Nothing
// of what it is told stands in its arguments or its environment, and no shell is between.
type program struct {
	path      string
	arguments []string
}

func (p program) call(ctx context.Context, request []byte, limit int64) ([]byte, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stdout := &boundedBuffer{limit: int(limit), full: func() { stop(errTooMuch) }}
	stderr := &boundedBuffer{limit: 4 << 10, full: func() {}}
	cmd := exec.CommandContext(ctx, p.path, p.arguments...) //nolint:gosec // both are from the configuration
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), stdout, stderr
	cmd.Env, cmd.WaitDelay = handlerEnvironment(os.Environ()), handlerGrace
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd) }
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) { // somebody else holds its output, and by that the group is still theirs
		err = errors.Join(errors.New("it left a process behind that holds its output"), killGroup(cmd))
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil && len(stderr.kept) > 0 {
		err = fmt.Errorf("%w; it wrote: %s", err, printable(string(stderr.kept), 300))
	}
	return stdout.kept, err
}

// boundedBuffer keeps what is written to it up to a limit; what goes beyond is dropped, and told.
type boundedBuffer struct {
	kept  []byte
	limit int
	full  func()
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	room := b.limit - len(b.kept)
	b.kept = append(b.kept, p[:min(len(p), room)]...)
	if len(p) > room {
		b.full()
	}
	return len(p), nil
}

// printable is the beginning of a text on one line.
func printable(text string, limit int) string {
	clean := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
	if len(clean) > limit {
		clean = clean[:limit] + "..."
	}
	return clean
}

// handlerEnvironment is what a program needs of our environment: options with passwords may be in the rest.
func handlerEnvironment(environ []string) (kept []string) {
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		switch strings.ToUpper(name) {
		case "PATH", "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE":
			kept = append(kept, entry)
		default:
			if strings.HasPrefix(name, "LC_") {
				kept = append(kept, entry)
			}
		}
	}
	return kept
}

// CheckHandler tells whether the program named by StorageCommitmentHandler can be run; nil if none is named.
func CheckHandler(c *config.Config) error {
	if c.StorageCommitmentHandler == "" || isEndpoint(c.StorageCommitmentHandler) {
		return nil
	}
	if _, err := exec.LookPath(c.StorageCommitmentHandler); err != nil {
		return &config.Error{Option: "StorageCommitmentHandler",
			Message: fmt.Sprintf("%v: name a program that this user may run, or an http(s) address", err)}
	}
	return nil
}
