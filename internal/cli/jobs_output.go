package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

type jobsOutputOptions struct {
	jobsCommand
	key          string
	force, quiet bool
}

func newJobsOutputCommand(env *Env) *cobra.Command {
	o := jobsOutputOptions{jobsCommand: jobsCommand{daemonOptions: daemonOptions{env: env}}}
	cmd := &cobra.Command{
		Use:   "output ID FILE",
		Short: "Fetch the file that a job has left behind",
		Long: long(`Fetch the file that a successful job has left behind, such as the archive of a study, into FILE (- is standard output).
A download that breaks off goes on where it was, in the same run and in the next one: until it is complete it lies beside
FILE under a name that ends in .part. A FILE that is there is left alone without --force.

` + shortIDs),
		Example:           "  gantry jobs output 3f2a study.zip\n  gantry jobs output 3f2a - | bsdtar -tf -",
		Args:              wants("ID", "FILE"),
		ValidArgsFunction: completeJob(env, 0, jobIn("Success")),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runJobsOutput(cmd.Context(), &o, args[0], args[1])
		},
	}
	o.register(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.key, "key", "k", "archive", "`name` of the file in the REST API, as in /jobs/{id}/archive")
	f.BoolVarP(&o.force, "force", "f", false, "write over a file that is there")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "show no progress")
	return cmd
}

func runJobsOutput(ctx context.Context, o *jobsOutputOptions, arg, file string) error {
	if err := mayWrite(file, o.force, "Name another file, or write over it with --force."); err != nil {
		return err
	}
	c, ids, err := o.find(ctx, []string{arg})
	if err != nil {
		return err
	}
	d := &download{o: o, client: c, id: ids[0]}
	switch info, statErr := os.Stat(file); {
	case file == "-":
		err = d.fetch(ctx, o.env.Stdout)
	case statErr == nil && !info.Mode().IsRegular(): // a pipe or a device is written to, not replaced
		err = d.through(ctx, file)
	default:
		err = d.into(ctx, file)
	}
	if err != nil {
		return d.explain(ctx, err)
	}
	if o.json && file != "-" {
		return writeJSON(o.env, struct {
			ID, File string
			Size     int64
		}{d.id, file, d.offset})
	}
	if file != "-" {
		_, err = fmt.Fprintf(o.env.Stdout, "%s: %s\n", file, size(d.offset))
	}
	return err
}
