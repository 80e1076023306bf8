//go:build unix

package cli_test

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe or a device is written to, and not replaced by a file.
func TestOutputIntoAPipe(t *testing.T) {
	t.Parallel()
	d := serveJobs(t, plainly)
	id, text := d.finished(100_000)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	go func() {
		f, err := os.Open(pipe)
		if err != nil {
			read <- err.Error()
			return
		}
		defer func() { _ = f.Close() }()
		b, _ := io.ReadAll(f)
		read <- string(b)
	}()
	run(t, d.environ, "jobs", "output", id, pipe).want(t, 0)
	if info, err := os.Stat(pipe); err != nil || info.Mode().IsRegular() {
		t.Fatalf("the pipe was replaced: %v %v", info.Mode(), err)
	}
	if got := <-read; got != text {
		t.Errorf("%d bytes through the pipe, want %d", len(got), len(text))
	}
}
