package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

type resubmitOptions struct {
	daemonCommand
	deadline           time.Duration // negative: as the daemon is configured
	attempts, priority int
}

func newResubmitCommand(env *Env) *cobra.Command {
	o := resubmitOptions{daemonCommand: daemonCommand{daemonOptions: daemonOptions{env: env}}}
	cmd := &cobra.Command{
		Use:   "resubmit TRANSACTION-UID",
		Short: "Store what was not committed again, and ask for it again",
		Long: long(`Have the daemon store the instances of a request again that the peer did not commit to, or that its report left out, and
ask for them under a new Transaction UID. A request without a report can be resubmitted once its deadline has passed. It is a
job of the daemon (StorageCommitmentScu), which goes on after a restart; --wait waits for its end.`),
		Example: "  gantry stgcmt resubmit 2.25.1234\n" +
			"  gantry stgcmt resubmit 2.25.1234 --deadline 1h --attempts 3 --wait 2h",
		Args:              wants("TRANSACTION-UID"),
		ValidArgsFunction: completeTransaction(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("deadline") {
				o.deadline = -1
			}
			return runResubmit(cmd.Context(), &o, args[0])
		},
	}
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.DurationVarP(&o.wait, "wait", "w", 0, "wait this long for the end of the job")
	f.DurationVar(&o.deadline, "deadline", 0, "limit for an attempt, report included, 0 for none (default: as the daemon is configured)")
	f.IntVar(&o.attempts, "attempts", 1, "resubmit what fails again, up to this many times in all")
	f.IntVar(&o.priority, "priority", 0, "of the job; larger runs first")
	return cmd
}

func (o *resubmitOptions) request() (how apiclient.Resubmit, err error) {
	how.Attempts, how.Priority = o.attempts, o.priority
	switch {
	case o.attempts < 1:
		return how, usagef("--attempts must be 1 or more, not %d", o.attempts)
	case o.deadline > 0 && o.deadline < time.Second:
		return how, usagef("--deadline must be a second or more, not %s", o.deadline)
	case o.deadline >= 0:
		seconds := int(o.deadline / time.Second)
		how.Deadline = &seconds
	}
	return how, nil
}

func runResubmit(ctx context.Context, o *resubmitOptions, uid string) error {
	how, err := o.request()
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	id, err := c.ResubmitCommitment(ctx, uid, how)
	var status *apiclient.StatusError
	if errors.As(err, &status) && status.Status == http.StatusConflict {
		return &failuresError{text: plainText(status.Details)}
	}
	if err != nil {
		return err
	}
	if o.wait <= 0 {
		return o.showJob(ctx, c, id)
	}
	limited, cancel := context.WithTimeoutCause(ctx, o.wait, errTimeLimit)
	defer cancel()
	job, err := awaitJob(limited, o.env, c, id)
	if err != nil {
		return jobError(err, id)
	}
	return o.showOutcome(ctx, c, job)
}

// showJob tells what was begun.
func (o *resubmitOptions) showJob(ctx context.Context, c *apiclient.Client, id string) error {
	job, err := c.Job(ctx, id)
	if err != nil {
		return jobError(err, id)
	}
	if o.json {
		return writeJSON(o.env, job)
	}
	_, err = fmt.Fprintf(o.env.Stdout, "%s asked of %s again as %s, by job %s\n", count(job.Content.InstancesCount, "instance"),
		printable(job.Content.RemoteAet), printable(job.Content.TransactionUid), id)
	return err
}

// showOutcome shows the report of the last attempt. A request that the peer refused has none.
func (o *resubmitOptions) showOutcome(ctx context.Context, c *apiclient.Client, job *apiclient.Job) error {
	r, err := c.Commitment(ctx, job.Content.TransactionUid)
	var status *apiclient.StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotFound && job.State == "Failure" {
		return &failuresError{text: plainText(job.ErrorDetails)}
	}
	if err != nil {
		return err
	}
	return o.show(r)
}
