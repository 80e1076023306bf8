// Package cli holds gantry's commands, one file each.
package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gantry/internal/config"

	"golang.org/x/term"
)

// Env is the outside world of a command: streams, clock and environment, so that tests run commands in process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string // NAME=value
	Now            func() time.Time
	// Terminal tells whether a stream is a terminal, and its width in columns.
	Terminal func(w io.Writer) (columns int, ok bool)
	// Signals delivers interrupts until stop is called; nil delivers none.
	Signals func() (c <-chan os.Signal, stop func())
	// NewDaemon builds what `serve` runs.
	NewDaemon func(c *config.Config, logger *slog.Logger) Daemon
}

// Daemon is what `serve` runs.
type Daemon interface {
	Start(ctx context.Context) error
	DICOMAddr() net.Addr // nil: not served
	HTTPAddr() net.Addr  // nil: not served
	Stop(ctx context.Context) error
	Wait() error // returns when the daemon has ended, with the reason unless it was stopped
}

// SystemEnv is the process's own world.
func SystemEnv() *Env {
	return &Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), Now: time.Now,
		Terminal: terminal, Signals: signals, NewDaemon: newDaemon,
	}
}

func terminal(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 {
		columns = 80
	}
	return columns, true
}

// signals are those that end a command in order. The end of its terminal does, unless it was to survive that (nohup).
func signals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 2)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// lookup finds a variable of the environment, "" if it is not set.
func (e *Env) lookup(name string) string {
	value := ""
	for _, entry := range e.Environ {
		if len(entry) > len(name) && entry[len(name)] == '=' && entry[:len(name)] == name {
			value = entry[len(name)+1:]
		}
	}
	return value
}
