package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

type jobsWaitOptions struct {
	jobsCommand
	timeout time.Duration
}

func newJobsWaitCommand(env *Env) *cobra.Command {
	o := jobsWaitOptions{jobsCommand: jobsCommand{daemonOptions: daemonOptions{env: env}}}
	cmd := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until jobs have ended",
		Long: long(`Wait until jobs of the running daemon have ended, and show how. The exit code says it too: 0 all succeeded, 1 one has
failed or was cancelled, 4 the time limit came first, 6 there is no such job.

` + shortIDs),
		Example:           "  gantry jobs wait 3f2a --timeout 10m && gantry jobs output 3f2a study.zip",
		Args:              wants("ID..."),
		ValidArgsFunction: completeJob(env, -1, anyJob),
		RunE:              func(cmd *cobra.Command, args []string) error { return runJobsWait(cmd.Context(), &o, args) },
	}
	o.register(cmd)
	cmd.Flags().DurationVarP(&o.timeout, "timeout", "t", 0, "wait no longer than this; 0: for ever")
	return cmd
}

// errTimeLimit ends the context of a wait.
var errTimeLimit = errors.New("time limit")

func runJobsWait(ctx context.Context, o *jobsWaitOptions, args []string) error {
	c, ids, err := o.find(ctx, args)
	if err != nil {
		return err
	}
	limited := ctx
	if o.timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeoutCause(ctx, o.timeout, errTimeLimit)
		defer cancel()
	}
	var list []apiclient.Job
	for _, id := range ids {
		job, err := awaitJob(limited, o.env, c, id)
		if errors.Is(err, errUnseen) { // it waited in vain for those before: how it is by now
			job, err = lookAgain(ctx, c, id)
		}
		if err != nil {
			return jobError(err, id)
		}
		list = append(list, *job)
	}
	if o.json {
		err = writeJSON(o.env, list)
	} else {
		err = printTable(o.env, jobHeader(), jobRows(o.env.Now(), list), "TYPE", "WHAT")
	}
	return errors.Join(err, jobsOutcome(list))
}

// pollJob is how long one question waits for its answer.
const pollJob = 30 * time.Second

// awaitJob asks until the job has ended, or the time limit has come.
func awaitJob(ctx context.Context, env *Env, c *apiclient.Client, id string) (*apiclient.Job, error) {
	n := newNotice(&clientOptions{env: env})
	defer n.clear()
	job, err := c.Job(ctx, id)
	for tag := ""; err == nil && !job.Ended(); {
		n.show("%s %s: %s, %d %%", printable(job.Type), id, job.State, job.Progress)
		var now *apiclient.Job
		if now, tag, err = c.JobChange(ctx, id, tag, pollJob); err == nil {
			job = now
		}
	}
	if job != nil && job.ID != "" && errors.Is(context.Cause(ctx), errTimeLimit) {
		return job, nil // how it is by then
	}
	if errors.Is(err, errTimeLimit) {
		return nil, errUnseen
	}
	return job, err
}

// errUnseen means that the time limit came before anything was known of a job.
var errUnseen error = &pendingError{text: "the daemon did not answer within the time limit"}

// lastLook is how long the daemon may take for it.
const lastLook = 5 * time.Second

// lookAgain asks for a job once, after the time limit.
func lookAgain(ctx context.Context, c *apiclient.Client, id string) (*apiclient.Job, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lastLook, errTimeLimit)
	defer cancel()
	job, err := c.Job(ctx, id)
	if errors.Is(err, errTimeLimit) {
		return nil, errUnseen
	}
	return job, err
}

// jobsOutcome is nil if all jobs have succeeded.
func jobsOutcome(list []apiclient.Job) error {
	failed, open := 0, 0
	for i := range list {
		switch {
		case !list[i].Ended():
			open++
		case list[i].State == "Failure":
			failed++
		}
	}
	switch {
	case open > 0:
		return &pendingError{text: fmt.Sprintf("%s not ended within the time limit", have(open, "job"))}
	case failed > 0:
		return &failuresError{text: count(failed, "job") + " failed"}
	}
	return nil
}

// have writes "1 job has", "2 jobs have".
func have(n int, noun string) string {
	if n == 1 {
		return count(n, noun) + " has"
	}
	return count(n, noun) + " have"
}
