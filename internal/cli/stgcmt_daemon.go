package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gantry/internal/apiclient"
	"gantry/internal/dicom"

	"github.com/spf13/cobra"
)

// daemonCommand is what `stgcmt status`, `list`, `remove` and `resubmit` share.
type daemonCommand struct {
	daemonOptions
	json bool
	wait time.Duration
}

func newStatusCommand(env *Env) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "status TRANSACTION-UID",
		Short: "Show the report of a request the daemon has made",
		Long: long(`Ask the running daemon for the report of a storage commitment request it has sent
(POST /modalities/{name}/storage-commitment). With --wait it asks again until the report has come. The status is Pending,
Success, Failure, or Timeout once the deadline of the request has passed without a report; one that comes late is taken.`),
		Example:           "  gantry stgcmt status 2.25.1234 --wait 30s\n  gantry stgcmt status 2.25.1234 --json --url http://pacs:8042 --user alice --password-file secret",
		Args:              wants("TRANSACTION-UID"),
		ValidArgsFunction: completeTransaction(env),
		RunE:              func(cmd *cobra.Command, args []string) error { return runStatus(cmd.Context(), &o, args[0]) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	cmd.Flags().DurationVarP(&o.wait, "wait", "w", 0, "wait this long for a report that is pending")
	return cmd
}

func runStatus(ctx context.Context, o *daemonCommand, uid string) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	r, err := awaitReport(ctx, o.env, c, uid, o.wait)
	if err != nil {
		return err
	}
	return o.show(r)
}

// show prints a report; its error says whether everything was committed.
func (o *daemonCommand) show(r *apiclient.Report) (err error) {
	if o.json {
		err = writeJSON(o.env, r)
	} else {
		err = printReport(o.env, r)
	}
	if err != nil {
		return err
	}
	return reportFailure(r)
}

// pollStart and pollMost are the first and the longest pause between two questions.
const (
	pollStart = 50 * time.Millisecond
	pollMost  = time.Second
)

// awaitReport asks until the report is there, or for as long as limit.
func awaitReport(ctx context.Context, env *Env, c *apiclient.Client, uid string, limit time.Duration) (*apiclient.Report, error) {
	timeout := time.After(limit)
	n := newNotice(&clientOptions{env: env})
	defer n.clear()
	for pause := pollStart; ; pause = min(2*pause, pollMost) {
		r, err := c.Commitment(ctx, uid)
		if err != nil || r.Status != "Pending" || limit <= 0 {
			return r, err
		}
		n.show("waiting for the report of %s", r.RemoteAET)
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timeout:
			return r, nil
		case <-time.After(pause):
		}
	}
}

func printReport(env *Env, r *apiclient.Report) error {
	var rows [][]string
	if len(r.Success)+len(r.Failures) <= longTable {
		for _, s := range r.Success {
			rows = append(rows, []string{s.SOPInstanceUID, "committed", ""})
		}
	}
	for _, m := range r.Missing {
		rows = append(rows, []string{m.SOPInstanceUID, "not reported", "the report leaves it out"})
	}
	for _, e := range r.Extra {
		rows = append(rows, []string{e.SOPInstanceUID, "unrequested", "reported, but not asked for"})
	}
	for _, f := range r.Failures {
		rows = append(rows, []string{f.SOPInstanceUID, "failed", failureReason(uint16(f.FailureReason))})
	}
	slices.SortFunc(rows, func(a, b []string) int { return compareUIDs(a[0], b[0]) })
	if len(rows) > 0 {
		if err := writeTable(env.Stdout, []string{"SOP INSTANCE UID", "RESULT", "REASON"}, rows); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("%s at %s: %s, %d committed, %d failed", r.ID, r.RemoteAET, r.Status, len(r.Success), len(r.Failures))
	if len(r.Missing) > 0 {
		line += fmt.Sprintf(", %d not reported", len(r.Missing))
	}
	if r.ResubmittedAs != "" {
		line += "\nresubmitted as " + r.ResubmittedAs
	}
	_, err := fmt.Fprintln(env.Stdout, line)
	return err
}

func newListCommand(env *Env) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the requests the daemon has made",
		Long:    long("List the storage commitment requests the running daemon remembers, with their state."),
		Example: "  gantry stgcmt list\n  gantry stgcmt list --json",
		Args:    wants(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runList(cmd.Context(), &o) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func runList(ctx context.Context, o *daemonCommand) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	reports, err := c.Commitments(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(o.env, reports)
	}
	if len(reports) == 0 {
		_, err := fmt.Fprintf(o.env.Stdout, "%s has asked no peer for storage commitment\n", c.URL())
		return err
	}
	var rows [][]string
	for _, r := range reports {
		rows = append(rows, []string{r.ID, r.Modality, r.RemoteAET, r.Status, age(o.env.Now(), r.Created)})
	}
	return writeTable(o.env.Stdout, []string{"TRANSACTION UID", "MODALITY", "AE TITLE", "STATUS", "ASKED"}, rows)
}

// age says how long ago a time of the REST API was, which is in UTC and without a zone.
func age(now time.Time, created string) string {
	t, err := time.Parse("20060102T150405", created)
	if err != nil {
		return created
	}
	switch d := now.Sub(t); {
	case d < 0:
		return t.Local().Format(time.DateTime)
	case d < time.Minute:
		return fmt.Sprintf("%.0f s ago", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%.0f min ago", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h ago", d.Hours())
	default:
		return fmt.Sprintf("%.0f days ago", d.Hours()/24)
	}
}

func newRemoveCommand(env *Env) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "remove TRANSACTION-UID",
		Short: "Delete from the daemon what a peer has committed to",
		Long: long(`Delete the instances of a request from the daemon, once the peer has committed to all of them. The daemon refuses
it while the report is pending, and when anything failed.`),
		Example:           "  gantry stgcmt remove 2.25.1234",
		Args:              wants("TRANSACTION-UID"),
		ValidArgsFunction: completeTransaction(env),
		RunE:              func(cmd *cobra.Command, args []string) error { return runRemove(cmd.Context(), &o, args[0]) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the instances deleted as JSON")
	return cmd
}

func runRemove(ctx context.Context, o *daemonCommand, uid string) error {
	if !dicom.UID(uid).Valid() {
		return usagef("%q is no UID", uid)
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	r, err := c.Commitment(ctx, uid)
	if err != nil {
		return err
	}
	if err := reportFailure(r); err != nil {
		return err
	}
	if err := c.RemoveCommitted(ctx, uid); err != nil {
		return err
	}
	if o.json {
		return writeJSON(o.env, struct {
			ID, RemoteAET string
			Deleted       []apiclient.Instance
		}{uid, r.RemoteAET, r.Success})
	}
	_, err = fmt.Fprintf(o.env.Stdout, "deleted what was committed in %s\n", uid)
	return err
}

// reportFailure is nil if everything was committed.
func reportFailure(r *apiclient.Report) error {
	switch r.Status {
	case "Pending":
		return &pendingError{text: "the report is still pending"}
	case "Timeout":
		return &pendingError{text: "no report came before the deadline"}
	case "Success":
		return nil
	}
	return &failuresError{
		text: count(len(r.Failures)+len(r.Missing), "instance") + " not committed",
		hint: "\"gantry stgcmt resubmit " + r.ID + "\" stores them again and asks again.",
	}
}
