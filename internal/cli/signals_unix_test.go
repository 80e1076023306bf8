//go:build unix

package cli

import (
	"os/signal"
	"syscall"
	"testing"
)

// A terminal that is closed ends a command like SIGTERM: a server for tests removes its folder then.
func TestEndOfTheTerminal(t *testing.T) {
	if signal.Ignored(syscall.SIGHUP) {
		t.Skip("the tests run under nohup")
	}
	c, stop := SystemEnv().Signals()
	defer stop()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
		if got := <-c; got != s {
			t.Errorf("%v, want %v", got, s)
		}
	}
}
