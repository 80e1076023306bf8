package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gantry/internal/apiclient"
	"gantry/internal/daemon"
	"gantry/internal/dicom/dict"
	"gantry/internal/faults"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completion gives a shell what may be typed next.
type completion = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completionLimit is how long a shell waits for the daemon.
const completionLimit = 300 * time.Millisecond

// fromDaemon offers what the running daemon knows: the one that the flags typed so far name. ask gets the arguments typed
// before; without an answer in time there is nothing to offer.
func fromDaemon(env *Env, ask func(ctx context.Context, c *apiclient.Client, args []string) []string) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		o := daemonOptions{env: env, url: flagOf(cmd, "url"), user: flagOf(cmd, "user"),
			passwordFile: flagOf(cmd, "password-file"), ca: flagOf(cmd, "tls-ca")}
		c, err := o.clientWithin(completionLimit)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return ask(commandContext(cmd), c, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeJob offers those jobs of the running daemon that the command takes, for argument number at (-1: all of them);
// files for those after it.
func completeJob(env *Env, at int, takes func(*apiclient.Job) bool) completion {
	jobs := fromDaemon(env, func(ctx context.Context, c *apiclient.Client, args []string) (offers []string) {
		list, _ := c.Jobs(ctx, apiclient.JobFilter{})
		sortJobs(list)
		for i := range list {
			if j := &list[i]; takes(j) && !slices.Contains(args, j.ID) {
				offers = append(offers, fmt.Sprintf("%s\t%s %s %d %%", j.ID, j.Type, j.State, j.Progress))
			}
		}
		return offers
	})
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if at >= 0 && len(args) != at {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return jobs(cmd, args, typed)
	}
}

// anyJob is for commands that take all of them.
func anyJob(*apiclient.Job) bool { return true }

// openJob is for commands that take those that have not ended.
func openJob(j *apiclient.Job) bool { return !j.Ended() }

// jobIn is for commands that take the jobs in some states.
func jobIn(states ...string) func(*apiclient.Job) bool {
	return func(j *apiclient.Job) bool { return slices.Contains(states, j.State) }
}

// completeJobTypes offers the types that jobs may have: what is typed may be a list.
func completeJobTypes(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	offers := daemon.JobKinds()
	for i, kind := range offers {
		offers[i] = before + kind
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeRule offers the words that a fault rule may go on with. A rule is one argument, in quotation marks.
func completeRule(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return faults.Complete(typed), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// completeResource offers the studies of the running daemon.
func completeResource(env *Env) completion {
	const enough = 200
	return fromDaemon(env, func(ctx context.Context, c *apiclient.Client, args []string) (offers []string) {
		found, _ := c.Find(ctx, apiclient.Search{Level: "Study", Query: map[string]string{}, Limit: enough})
		for i := range found {
			tags := allTags(&found[i])
			if !slices.Contains(args, found[i].ID) {
				offers = append(offers, found[i].ID+"\t"+printable(strings.Join(notEmpty(tags["StudyDate"], tags["PatientName"], tags["StudyDescription"]), " ")))
			}
		}
		return offers
	})
}

// completeFault offers the ids of the faults of the running daemon.
func completeFault(env *Env) completion {
	return fromDaemon(env, func(ctx context.Context, c *apiclient.Client, args []string) (offers []string) {
		list, _ := c.Faults(ctx)
		for _, f := range list {
			if !slices.Contains(args, f.ID) {
				offers = append(offers, f.ID+"\t"+f.Rule)
			}
		}
		return offers
	})
}

// completeTransaction offers the transaction UIDs the running daemon remembers.
func completeTransaction(env *Env) completion {
	return fromDaemon(env, func(ctx context.Context, c *apiclient.Client, args []string) (offers []string) {
		if len(args) > 0 {
			return nil
		}
		reports, _ := c.Commitments(ctx)
		for _, r := range reports {
			offers = append(offers, r.ID+"\t"+r.Status+" "+r.RemoteAET)
		}
		return offers
	})
}

// completePeer offers the peers of the running daemon for argument number at; files for those after it.
func completePeer(env *Env, at int) completion {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) != at {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return peers(cmd, env)
	}
}

// completeReference offers peers for the first argument, then storage SOP classes for CLASS=UID where a capital letter
// has been typed and no file has such a name; else files.
func completeReference(env *Env) completion {
	peer := completePeer(env, 0)
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 || typed == "" || typed[0] < 'A' || typed[0] > 'Z' {
			return peer(cmd, args, typed)
		}
		if files, err := filepath.Glob(typed + "*"); err == nil && len(files) > 0 {
			return peer(cmd, args, typed)
		}
		var offers []string
		for _, uid := range dict.StorageSOPClasses() {
			if name := keyword(uid); strings.HasPrefix(name, typed) {
				offers = append(offers, name+"=")
			}
		}
		return offers, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// completePeerFlag offers them as the value of a flag.
func completePeerFlag(env *Env) completion {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return peers(cmd, env)
	}
}

// peers offers the peers of the daemon that the environment names: flags of these commands are about the peer.
func peers(cmd *cobra.Command, env *Env) ([]string, cobra.ShellCompDirective) {
	o := daemonOptions{env: env}
	c, err := o.clientWithin(completionLimit)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	modalities, err := c.Modalities(commandContext(cmd))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var offers []string
	for name, m := range modalities {
		t := target{aet: m.AET, address: joinAddress(m.Host, m.Port)}
		offers = append(offers, t.String()+"\t"+name)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// completeValues has shells offer files only for the values of flags that take them: those whose help names a file, and
// folders for a folder. Other values without an offer of their own get none.
func completeValues(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, offers := cmd.GetFlagCompletionFunc(f.Name); offers || f.Value.Type() == "bool" {
			return
		}
		switch kind, _ := pflag.UnquoteUsage(f); kind {
		case "file":
		case "folder":
			completeFlag(cmd, f.Name, completeFolder)
		default:
			completeFlag(cmd, f.Name, cobra.NoFileCompletions)
		}
	})
	for _, child := range cmd.Commands() {
		completeValues(child)
	}
}

// completeNewFolder offers folders for the first argument, and nothing after it.
func completeNewFolder(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// flagOf is the value of a flag that has been typed so far.
func flagOf(cmd *cobra.Command, name string) string {
	if f := cmd.Flags().Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

func commandContext(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
