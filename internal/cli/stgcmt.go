package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newStgcmtCommand(env *Env) *cobra.Command {
	o := scuOptions{clientOptions: clientOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "stgcmt",
		Short: "Storage commitment: ask a peer for it, or look at the daemon's requests",
		Long: long(`Ask peers to take responsibility for objects, and look at the requests a running daemon has made.

Without a subcommand the options are those of dcm4che's stgcmtscu, so that a script needs one word changed:
  gantry stgcmt -c AET@HOST:PORT [-b AET[@IP][:PORT]] [--keep-alive] [--one-per-study] [--one-per-series]
                [--directory DIR] FILE|DIR...
Time-outs are in milliseconds there, reports are written into DIR (default: the current folder; --ignore: not at all) under
their Transaction UID, and no files means a C-ECHO. Unlike stgcmtscu, the exit code tells about failures, and --wait limits
the waiting.`),
		Example: "  gantry stgcmt request PACS@pacs.example.org:104 ./images --listen :11112\n" +
			"  gantry stgcmt -b STGCMTSCU:11112 -c PACS@pacs.example.org:104 --one-per-study ./images\n" +
			"  gantry stgcmt list",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.connect == "" && len(args) == 0 {
				return cmd.Help()
			}
			if o.connect == "" {
				return notSCU(cmd, args[0])
			}
			return runSCU(cmd.Context(), &o, args)
		},
	}
	o.register(cmd)
	cmd.AddCommand(
		newRequestCommand(env), newStatusCommand(env), newListCommand(env), newRemoveCommand(env), newResubmitCommand(env),
	)
	return cmd
}

// notSCU says what is wrong with a word that is neither a subcommand nor given with -c.
func notSCU(cmd *cobra.Command, word string) error {
	if proposal := meant(word, commandNames(cmd)); proposal != "" {
		return usagef("unknown command %q%s", word, proposal)
	}
	return &usageError{
		err:  fmt.Errorf("%q is no command of stgcmt, and there is no -c AET@HOST:PORT", word),
		hint: "See " + cmd.CommandPath() + " --help.",
	}
}
