// Package cli holds gantry's commands, one file each.
package cli

import (
	"io"
	"os"
)

// Env is the outside world of a command: streams, arguments' environment and clock, so that tests run commands in process.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string
}

// SystemEnv returns the process's own streams and environment.
func SystemEnv() *Env {
	return &Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
}

// Main runs one command line and returns its exit code.
func Main(args []string, env *Env) int {
	return 0
}
