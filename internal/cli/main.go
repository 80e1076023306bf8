package cli

import (
	"context"
	"os"
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
	root := rootFor(env, args)
	root.SetArgs(args)
	var reached bool
	watchRun(root, &reached)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !reached {
		err = &usageError{err: explainUsage(cmd, err), hint: "See " + cmd.CommandPath() + " --help."}
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = interrupted(err, cause)
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
