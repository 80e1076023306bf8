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
		Args:          wantsCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.Version = buildInfo().String()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newServeCommand(env), newConfigCommand(env), newEchoCommand(env), newStoreCommand(env), newStgcmtCommand(env), newJobsCommand(env),
		newFsckCommand(env), newExportCommand(env), newBackupCommand(env), newArchiveCommand(env), newUploadCommand(env), newLsCommand(env), newShowCommand(env), newFaultsCommand(env), newMetricsCommand(env), newVersionCommand(env),
	)
	return root
}

// long closes the description of a command with the exit codes.
func long(text string) string { return strings.TrimSpace(text) + "\n\n" + exitCodesHelp }

// watchRun tells whether the command itself was reached: what fails before that is wrong usage.
func watchRun(cmd *cobra.Command, reached *bool) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(c *cobra.Command, args []string) error {
			*reached = true
			return run(c, args)
		}
	}
	for _, child := range cmd.Commands() {
		watchRun(child, reached)
	}
}
