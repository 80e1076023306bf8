package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// NewRoot builds the command tree over env.
func NewRoot(env *Env) *cobra.Command {
	root := &cobra.Command{
		Use:           "gantry",
		Short:         "DICOM server with an Orthanc-compatible REST API, and the clients around it",
		Long:          long("gantry stores DICOM objects, commits to their safekeeping, and asks other servers to do so."),
		Example:       "  gantry serve\n  gantry store localhost:4242 ./images --commit\n  gantry <command> --help",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newServeCommand(env), newConfigCommand(env), newEchoCommand(env), newStoreCommand(env), newStgcmtCommand(env),
		newVersionCommand(env),
	)
	markUsage(root)
	return root
}

// long closes the description of a command with the exit codes.
func long(text string) string { return strings.TrimSpace(text) + "\n\n" + exitCodesHelp }

// markUsage makes mistakes on the command line of any command usage errors, which name its help.
func markUsage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{err: err, hint: seeHelp(c)}
	})
	if validate := cmd.Args; validate != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := validate(c, args); err != nil {
				return &usageError{err: err, hint: seeHelp(c)}
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		markUsage(child)
	}
}

func seeHelp(c *cobra.Command) string { return "See " + c.CommandPath() + " --help." }
