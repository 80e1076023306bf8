package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

// jobControl is one of the calls that change the state of jobs.
type jobControl struct {
	verb, short, more string
	done              string                    // "cancelled"
	only              string                    // the state it needs, in words; "": any
	takes             func(*apiclient.Job) bool // those on which it has an effect
}

func jobControls() []jobControl {
	return []jobControl{
		{"cancel", "Cancel jobs", "A job that runs ends within a second; one that has ended stays as it is.", "cancelled", "", openJob},
		{"pause", "Pause jobs", "A job that runs pauses within a second, in the middle of a transfer too.\nIt stays paused over a restart.", "paused", "", jobIn("Pending", "Running", "Retry")},
		{"resume", "Go on with paused jobs", "", "resumed", "a paused job can be resumed", jobIn("Paused")},
		{"resubmit", "Run failed jobs again", "A cancelled job counts as failed.", "resubmitted", "a failed job can be resubmitted", jobIn("Failure")},
	}
}

func newJobsControlCommand(env *Env, call jobControl) *cobra.Command {
	o := jobsCommand{daemonOptions: daemonOptions{env: env}}
	text := strings.TrimRight(call.short+" of the running daemon. "+call.more, " ") + "\n\n"
	cmd := &cobra.Command{
		Use:               call.verb + " ID...",
		Short:             call.short,
		Long:              long(text + shortIDs),
		Example:           "  gantry jobs " + call.verb + " 3f2a",
		Args:              wants("ID..."),
		ValidArgsFunction: completeJob(env, -1, call.takes),
		RunE:              func(cmd *cobra.Command, args []string) error { return runJobsControl(cmd.Context(), &o, call, args) },
	}
	o.register(cmd)
	return cmd
}

func runJobsControl(ctx context.Context, o *jobsCommand, call jobControl, args []string) error {
	c, ids, err := o.find(ctx, args)
	if err != nil {
		return err
	}
	var failed []error
	var jobs []*apiclient.Job
	for _, id := range ids {
		job, err := controlJob(ctx, c, call, id)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		jobs = append(jobs, job)
		if !o.json {
			if _, err := fmt.Fprintf(o.env.Stdout, "%s: %s\n", id, call.outcome(job)); err != nil {
				return err
			}
		}
	}
	if o.json && len(jobs) > 0 {
		if err := writeJSON(o.env, jobs); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// codeCanceled is the ErrorCode of a job that was cancelled.
const codeCanceled = 37

// outcome says what a call has done: nothing to a job that had ended, or was quicker.
func (call jobControl) outcome(job *apiclient.Job) string {
	if call.only == "" && job.Ended() && (call.verb != "cancel" || job.ErrorCode != codeCanceled) {
		return "not " + call.done + ", it has ended: " + job.State
	}
	return call.done + ", now " + job.State
}

// controlJob makes a call, and looks what has become of the job. The server answers 400 both for an unknown job and in
// a wrong state.
func controlJob(ctx context.Context, c *apiclient.Client, call jobControl, id string) (*apiclient.Job, error) {
	err := c.ControlJob(ctx, id, call.verb)
	var status *apiclient.StatusError
	if err != nil && (!errors.As(err, &status) || status.Status != 400) {
		return nil, jobError(err, id)
	}
	job, lookErr := settled(ctx, c, call, id)
	if lookErr != nil {
		return nil, jobError(lookErr, id)
	}
	if err != nil && call.only != "" {
		return nil, &failuresError{text: fmt.Sprintf("%s is in state %s: only %s", id, job.State, call.only)}
	}
	return job, err
}

// settled looks at a job, and waits a moment for one that runs to obey.
func settled(ctx context.Context, c *apiclient.Client, call jobControl, id string) (*apiclient.Job, error) {
	job, err := c.Job(ctx, id)
	obeys := call.verb == "cancel" || call.verb == "pause"
	for tag, tries := "", 0; err == nil && obeys && job.State == "Running" && tries < 3; tries++ {
		job, tag, err = c.JobChange(ctx, id, tag, time.Second)
	}
	return job, err
}

func newJobsPriorityCommand(env *Env) *cobra.Command {
	o := jobsCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "priority ID NUMBER",
		Short: "Change the priority of a job",
		Long: long(`Change the priority of a job that has not ended. Jobs with a larger number run first, those with the same one in the
order in which they were made.

` + shortIDs),
		Example:           "  gantry jobs priority 3f2a 10\n  gantry jobs priority 3f2a -- -1",
		Args:              wants("ID", "NUMBER"),
		ValidArgsFunction: completeJob(env, 0, openJob),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runJobsPriority(cmd.Context(), &o, args[0], args[1])
		},
	}
	o.register(cmd)
	return cmd
}

func runJobsPriority(ctx context.Context, o *jobsCommand, arg, number string) error {
	priority, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return usagef("%q is no whole number for a priority", number)
	}
	c, ids, err := o.find(ctx, []string{arg})
	if err != nil {
		return err
	}
	err = c.SetJobPriority(ctx, ids[0], int(priority))
	var status *apiclient.StatusError
	if errors.As(err, &status) && status.Status == 409 {
		return &failuresError{text: ids[0] + " has ended: it has no priority any more"}
	}
	if err != nil {
		return jobError(err, ids[0])
	}
	job, err := c.Job(ctx, ids[0])
	if err != nil {
		return jobError(err, ids[0])
	}
	if o.json {
		return writeJSON(o.env, job)
	}
	_, err = fmt.Fprintf(o.env.Stdout, "%s: priority %d\n", job.ID, job.Priority)
	return err
}
