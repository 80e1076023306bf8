package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"gantry/internal/config"
)

// Main runs one command line and returns its exit code. An interrupt ends the command by its context; a second one
// is not waited for.
func Main(args []string, env *Env) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if env.Signals != nil {
		c, stop := env.Signals()
		defer stop()
		go watchSignals(c, stop, cancel)
	}
	root := NewRoot(env)
	root.SetArgs(args)
	var reached bool
	watchRun(root, &reached)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !reached {
		err = &usageError{err: err, hint: "See " + cmd.CommandPath() + " --help."}
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	report(env, err)
	return exitCode(err)
}

// watchSignals turns the first interrupt into the end of the context and leaves the second to the system.
func watchSignals(c <-chan os.Signal, stop func(), cancel context.CancelCauseFunc) {
	s, ok := <-c
	if !ok {
		return
	}
	stop()
	cancel(&signalError{s})
}

// report writes an error for the user: what failed, without the names of packages, and what to try next.
func report(env *Env, err error) {
	for _, e := range config.Errors(err) {
		text := plain(e)
		if text == "" {
			continue
		}
		fmt.Fprintf(env.Stderr, "gantry: %s\n", text)
		if hint := hint(e); hint != "" {
			fmt.Fprintf(env.Stderr, "        %s\n", hint)
		}
	}
}

// plain drops the "package: " that layers put before their errors.
func plain(err error) string {
	text := err.Error()
	for _, prefix := range []string{"config", "apiclient", "cli", "scu", "dul", "dimse", "storage", "daemon"} {
		text = strings.TrimPrefix(text, prefix+": ")
		text = strings.ReplaceAll(text, ": "+prefix+": ", ": ")
	}
	return text
}
