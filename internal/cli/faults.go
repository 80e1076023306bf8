package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"gantry/internal/apiclient"
	"gantry/internal/faults"

	"github.com/spf13/cobra"
)

const faultsHelp = `A rule is a service, a fault and conditions, as in: store status=A700 from=MODALITY1 after=3 times=2

Services:
  association  the answer to an association request
  echo, store, find, move, get
               C-ECHO, C-STORE and so on; any is every operation
  commitment   the N-ACTION of storage commitment, and with report= the report it leads to
  report       an N-EVENT-REPORT that the peer sends

Faults, one in a rule:
  delay=2s               hold the answer back, up to 10m; ends when the peer goes. It goes with every other fault
  status=A700            do nothing and answer with this status; 0000 says success all the same; comment="TEXT" goes with it
  abort, abort=2:6       do nothing and send an A-ABORT; source and reason as numbers of PS3.8 9.3.8
  drop, drop=POINT       close the connection; POINT is request (nothing was done), data (in the middle of the data set),
                         response (done, but not answered; this is the default) or pdu (after half of the answer)
  reset, reset=POINT     the same by TCP reset
  reject=local-limit     association: A-ASSOCIATE-RJ; or no-reason, application-context, calling-aet, called-aet,
                         protocol-version, congestion, or RESULT:SOURCE:REASON as numbers of PS3.8 9.3.4
  refuse=3               association: refuse presentation contexts, all or those of class=, with this result, 1 to 4
  report=KIND            commitment: failed (reason=0110), class (another SOP class), partial (left out), extra (never
                         asked for), duplicate (sent twice), late (delay=10s), forged (other Transaction UID) or missing
                         (never sent, the job fails); count=N is how many instances failed, class, partial and extra are about

Conditions:
  from=AET, to=AET       calling and called AE title
  class=CTImageStorage   SOP class, by keyword or UID; of an association: one that it proposes
  instance=1.2.3.*       SOP Instance UID of the request
  after=N                leave the first N alone
  every=N                then only each Nth
  times=N, once          no more than N times, than once

AE titles, classes and instances may have the wildcards ? and *. Of several rules that meet the delays add up, and the first
with another fault makes it.`

func newFaultsCommand(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Have a running daemon answer wrongly on purpose, for tests of its peers",
		Long: long(`See, add and remove the faults that a running daemon makes on purpose, to test the software that talks to it. The daemon
must have been started with --faults, --fault or the option FaultsEnabled.`),
		Example: "  gantry faults add 'store status=A700 times=2'\n  gantry faults list\n  gantry faults clear",
		Args:    wantsCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFaultsListCommand(env), newFaultsAddCommand(env), newFaultsClearCommand(env))
	return cmd
}

func newFaultsListCommand(env *Env) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the faults, and how often they were made",
		Long:    long("List the faults of a running daemon in the order in which they are tried: how often service and conditions were met,\nand how often the fault was made."),
		Example: "  gantry faults list\n  gantry faults list --json",
		Args:    wants(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return runFaultsList(cmd.Context(), &o) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

func runFaultsList(ctx context.Context, o *daemonCommand) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	list, err := c.Faults(ctx)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(o.env, list)
	}
	rows := make([][]string, len(list))
	for i, f := range list {
		rows[i] = []string{f.ID, f.Rule, strconv.Itoa(f.Seen), strconv.Itoa(f.Applied)}
	}
	return writeTable(o.env.Stdout, []string{"ID", "RULE", "SEEN", "APPLIED"}, rows)
}

func newFaultsAddCommand(env *Env) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "add RULE...",
		Short: "Add faults",
		Long:  long("Add faults to a running daemon and print their ids.\n\n" + faultsHelp),
		Example: "  gantry faults add 'store status=A700 from=MODALITY1 after=3 times=2'\n" +
			"  gantry faults add 'association refuse=3 class=CT* once' 'commitment report=late delay=30s'",
		Args:              wants("RULE..."),
		ValidArgsFunction: completeRule,
		RunE:              func(cmd *cobra.Command, args []string) error { return runFaultsAdd(cmd.Context(), &o, args) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the result as JSON")
	return cmd
}

// addedFault is what --json shows of a rule that was added.
type addedFault struct{ ID, Rule string }

func runFaultsAdd(ctx context.Context, o *daemonCommand, rules []string) error {
	for _, text := range rules {
		if _, err := faults.Parse(text); err != nil {
			return faultUsage("RULE", err)
		}
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	added := []addedFault{}
	for _, text := range rules {
		id, addErr := c.AddFault(ctx, text)
		if err = addErr; err != nil {
			break
		}
		added = append(added, addedFault{id, text})
		if o.json {
			continue
		}
		if _, err := fmt.Fprintln(o.env.Stdout, id); err != nil {
			return err
		}
	}
	if o.json && len(added) > 0 {
		err = errors.Join(writeJSON(o.env, added), err)
	}
	return err
}

func newFaultsClearCommand(env *Env) *cobra.Command {
	o := daemonCommand{daemonOptions: daemonOptions{env: env}}
	cmd := &cobra.Command{
		Use:               "clear [ID...]",
		Short:             "Remove faults, all if none is named",
		Long:              long("Remove faults of a running daemon: those named by their ids, or all."),
		Example:           "  gantry faults clear\n  gantry faults clear 1 3",
		ValidArgsFunction: completeFault(env),
		RunE:              func(cmd *cobra.Command, args []string) error { return runFaultsClear(cmd.Context(), &o, args) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the ids of those removed as JSON")
	return cmd
}

func runFaultsClear(ctx context.Context, o *daemonCommand, ids []string) error {
	if slices.Contains(ids, "") {
		return usagef("an id is empty")
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	removed := []string{}
	if len(ids) == 0 {
		removed, err = clearFaults(ctx, c)
	}
	for _, id := range ids {
		if err = c.RemoveFault(ctx, id); err != nil {
			break
		}
		removed = append(removed, id)
	}
	if o.json && (err == nil || len(removed) > 0) {
		err = errors.Join(writeJSON(o.env, removed), err)
	}
	return err
}

// clearFaults removes all faults and returns their ids.
func clearFaults(ctx context.Context, c *apiclient.Client) ([]string, error) {
	list, err := c.Faults(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(list))
	for i, f := range list {
		ids[i] = f.ID
	}
	return ids, c.RemoveFault(ctx, "")
}
