package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gantry/internal/apiclient"

	"github.com/spf13/cobra"
)

func newJobsCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "jobs",
		Short:   "Show and control the jobs of the running daemon",
		Long:    long("List, watch and control what the running daemon works on: sending, archives, storage commitment."),
		Example: "  gantry jobs list --state Running,Pending\n  gantry jobs wait 3f2a && gantry jobs output 3f2a study.zip",
		Args:    wantsCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newJobsListCommand(env), newJobsShowCommand(env), newJobsWatchCommand(env), newJobsWaitCommand(env),
		newJobsOutputCommand(env), newJobsPriorityCommand(env))
	for _, c := range jobControls() {
		cmd.AddCommand(newJobsControlCommand(env, c))
	}
	return cmd
}

// jobsCommand is what all of `gantry jobs` share.
type jobsCommand struct {
	daemonOptions
	json bool
}

func (o *jobsCommand) register(cmd *cobra.Command) {
	o.daemonOptions.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
}

type jobsListOptions struct {
	jobsCommand
	states, types []string
	since         string
	limit         int
}

func newJobsListCommand(env *Env) *cobra.Command {
	o := jobsListOptions{jobsCommand: jobsCommand{daemonOptions: daemonOptions{env: env}}}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the jobs",
		Long:    long("List the jobs the running daemon has or remembers (JobsHistorySize), the newest last."),
		Example: "  gantry jobs list\n  gantry jobs list --state Failure --since 1h\n  gantry jobs list --type Archive --limit 5 --json",
		Args:    wants(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runJobsList(cmd.Context(), &o) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&o.states, "state", nil, "only jobs in one of these `states`: Pending, Running, Success, Failure, Paused, Retry")
	f.StringSliceVar(&o.types, "type", nil, "only jobs of these `types`, such as DicomModalityStore or Archive")
	f.StringVar(&o.since, "since", "", "only jobs whose state has changed since this `time`: 90m ago, or 2026-01-31T08:00")
	f.IntVar(&o.limit, "limit", 0, "only the newest `N`")
	completeFlag(cmd, "type", completeJobTypes)
	completeFlag(cmd, "state", cobra.FixedCompletions(jobStates(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func jobStates() []string {
	return []string{"Pending", "Running", "Success", "Failure", "Paused", "Retry"}
}

func runJobsList(ctx context.Context, o *jobsListOptions) error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	list, err := c.Jobs(ctx, filter)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(j apiclient.Job) bool { return !takes(filter, &j) })
	sortJobs(list)
	if o.limit > 0 {
		list = list[max(len(list)-o.limit, 0):]
	}
	if o.json {
		return writeJSON(o.env, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintf(o.env.Stderr, "gantry: no such jobs at %s\n", c.URL())
		return err
	}
	return printTable(o.env, jobHeader(), jobRows(o.env.Now(), list), "TYPE", "WHAT")
}

// takes looks at the conditions again, which an Orthanc does not know and answers with all jobs.
func takes(f apiclient.JobFilter, j *apiclient.Job) bool {
	if len(f.States) > 0 && !slices.Contains(f.States, j.State) || len(f.Types) > 0 && !slices.Contains(f.Types, j.Type) {
		return false
	}
	ended, err := time.Parse("20060102T150405", j.CompletionTime)
	return err != nil || !ended.Before(f.Since.Truncate(time.Second))
}

// filter checks the flags; states may be written in any case.
func (o *jobsListOptions) filter() (f apiclient.JobFilter, err error) {
	for _, s := range o.states {
		i := slices.IndexFunc(jobStates(), func(known string) bool { return strings.EqualFold(known, s) })
		if i < 0 {
			return f, usagef("--state %q is none of %s", s, strings.Join(jobStates(), ", "))
		}
		f.States = append(f.States, jobStates()[i])
	}
	if o.limit < 0 {
		return f, usagef("--limit %d is negative", o.limit)
	}
	f.Types = o.types
	if o.since != "" {
		f.Since, err = moment(o.env.Now(), o.since)
	}
	return f, err
}

// moment reads a time that is named as a duration ago, or as a date with or without a time of day.
func moment(now time.Time, text string) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--since %q is neither a duration such as 90m nor a time such as 2026-01-31T08:00", text)
}

// sortJobs brings the newest to the end.
func sortJobs(list []apiclient.Job) {
	slices.SortFunc(list, func(a, b apiclient.Job) int {
		return cmp.Or(cmp.Compare(a.CreationTime, b.CreationTime), cmp.Compare(a.ID, b.ID))
	})
}

func newJobsShowCommand(env *Env) *cobra.Command {
	o := jobsCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:               "show ID...",
		Short:             "Show all that is known of jobs",
		Long:              long("Show all that the running daemon knows of jobs.\n\n" + shortIDs),
		Example:           "  gantry jobs show 3f2a\n  gantry jobs show 3f2a --json",
		Args:              wants("ID..."),
		ValidArgsFunction: completeJob(env, -1, anyJob),
		RunE:              func(cmd *cobra.Command, args []string) error { return runJobsShow(cmd.Context(), &o, args) },
	}
	o.register(cmd)
	return cmd
}

func runJobsShow(ctx context.Context, o *jobsCommand, args []string) error {
	c, ids, err := o.find(ctx, args)
	if err != nil {
		return err
	}
	for i, id := range ids {
		job, err := c.Job(ctx, id)
		if err != nil {
			return jobError(err, id)
		}
		if o.json {
			err = writeJSON(o.env, job)
		} else {
			err = printJob(o.env, job, i > 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
