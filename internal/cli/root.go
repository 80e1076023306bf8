package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// commands are those of the first level, in groups.
var commands = [...]struct {
	group, name string
	build       func(*Env) *cobra.Command
}{
	{"server", "serve", newServeCommand}, {"server", "config", newConfigCommand},
	{"peer", "echo", newEchoCommand}, {"peer", "store", newStoreCommand}, {"peer", "stgcmt", newStgcmtCommand},
	{"daemon", "ls", newLsCommand}, {"daemon", "show", newShowCommand}, {"daemon", "upload", newUploadCommand},
	{"daemon", "archive", newArchiveCommand}, {"daemon", "jobs", newJobsCommand}, {"daemon", "metrics", newMetricsCommand},
	{"daemon", "faults", newFaultsCommand},
	{"folder", "fsck", newFsckCommand}, {"folder", "export", newExportCommand}, {"folder", "backup", newBackupCommand},
	{"", "version", newVersionCommand},
}

// groups are the headings over the commands in the help.
func groups() []*cobra.Group {
	return []*cobra.Group{
		{ID: "server", Title: "The server:"},
		{ID: "peer", Title: "Talk DICOM with any server:"},
		{ID: "daemon", Title: "Use a running server by its REST API:"},
		{ID: "folder", Title: "Look after a data folder:"},
	}
}

// NewRoot builds the command tree over env.
func NewRoot(env *Env) *cobra.Command { return newRoot(env, "") }

// rootFor builds as much of the tree as a command line needs: a script that runs a command a thousand times does not wait
// for the flags of the others. Whatever does not begin with the name of a command gets all of it.
func rootFor(env *Env, args []string) *cobra.Command {
	for _, c := range commands {
		if len(args) > 0 && args[0] == c.name {
			return newRoot(env, c.name)
		}
	}
	return newRoot(env, "")
}

// newRoot builds the tree with one command of the first level, or with all.
func newRoot(env *Env, only string) *cobra.Command {
	root := &cobra.Command{
		Use:   "gantry",
		Short: "DICOM server with an Orthanc-compatible REST API, and the clients around it",
		Long: long(`gantry is one program for DICOM networking: a server that stores objects, finds them again and commits to their safekeeping,
with a REST API like Orthanc's, and clients that send objects to any DICOM server and ask for commitment.`),
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
	root.SetHelpFunc(help)
	root.AddGroup(groups()...)
	for _, c := range commands {
		if only == "" || only == c.name {
			cmd := c.build(env)
			cmd.GroupID = c.group
			root.AddCommand(cmd)
		}
	}
	if only == "" {
		completeValues(root) // shells ask the whole tree
	}
	return root
}

// help says what a command does, how it is used, and at the end the exit codes.
func help(cmd *cobra.Command, _ []string) {
	about, withCodes := strings.CutSuffix(first(cmd.Long, cmd.Short), exitCodesHelp)
	text := strings.TrimSpace(about) + "\n\n" + cmd.UsageString()
	if withCodes {
		text += "\n" + exitCodesHelp + "\n"
	}
	_, _ = fmt.Fprint(cmd.OutOrStdout(), text) // whoever has stopped reading has seen enough
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
