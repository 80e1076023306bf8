package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func newStoreCommand(env *Env) *cobra.Command {
	o := storeOptions{clientOptions: clientOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "store [AET@]HOST:PORT FILE|DIR...",
		Short: "Send DICOM files to a peer (C-STORE)",
		Long: long(`Send DICOM files. Folders are walked to the bottom, and what is DICOM is told by content, not by name. Only the
presentation contexts that the files need are proposed. A file is sent in its own transfer syntax; uncompressed ones as
implicit VR where the peer takes nothing else.

Files that are no DICOM are counted when they were met in a folder, and named; damaged ones are named and count as
failures. With --strict either is fatal before anything is sent.

With --commit the peer is asked for storage commitment of what it has taken, and its report awaited (see
"gantry stgcmt request").`),
		Example: "  gantry store localhost:4242 ./images\n" +
			"  gantry store PACS@pacs.example.org:104 ./images --associations 4\n" +
			"  gantry store PACS@pacs.example.org:104 image.dcm --aet WS1 --commit --listen :11112 --wait 2m",
		Args: wants("[AET@]HOST:PORT", "FILE|DIR..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.needCommit(cmd); err != nil {
				return err
			}
			return runStore(cmd.Context(), &o, args[0], args[1:])
		},
		ValidArgsFunction: completePeer(env, 0),
	}
	o.clientOptions.register(cmd)
	o.reception.register(cmd)
	f := cmd.Flags()
	f.IntVarP(&o.associations, "associations", "n", 1, "send over this many associations at once")
	f.IntVar(&o.window, "window", 8, "operations at once on an association, as far as the peer agrees; 1 for none but one")
	f.BoolVar(&o.commit, "commit", false, "ask for storage commitment afterwards")
	f.BoolVar(&o.strict, "strict", false, "send nothing if a file is damaged or not DICOM")
	return cmd
}

type storeOptions struct {
	clientOptions
	reception
	associations, window int
	commit, strict       bool
}

func (o *storeOptions) check() error {
	switch {
	case o.associations < 1 || o.associations > 1000:
		return usagef("--associations: 1 to 1000 are possible")
	case o.wait < 0:
		return usagef("--wait: %s is less than nothing", o.wait)
	case o.window < 1 || o.window > 65535:
		return usagef("--window: 1 to 65535 are possible")
	}
	return nil
}

// needCommit refuses the options of reports where none is asked for.
func (o *storeOptions) needCommit(cmd *cobra.Command) error {
	for _, name := range []string{"listen", "wait", "release"} {
		if !o.commit && cmd.Flags().Changed(name) {
			return usagef("--%s is for the report of a storage commitment: add --commit", name)
		}
	}
	return nil
}

func runStore(ctx context.Context, o *storeOptions, peer string, paths []string) error {
	t, err := parseTarget(peer)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	f, err := find(ctx, &o.clientOptions, paths)
	if err != nil {
		return err
	}
	if err := o.refuse(f); err != nil {
		return err
	}
	s := newSending(o, t, f)
	err = s.run(ctx)
	if err != nil && s.stored == 0 && len(s.failed) == 0 {
		return err
	}
	var commitErr error
	var list transactions
	if o.commit && err == nil && s.stored > 0 {
		list = newTransactions([][]reference{distinct(s.references())})
		c := commitment{clientOptions: &o.clientOptions, target: t, listen: o.listen, wait: o.wait, release: o.release}
		commitErr = c.run(ctx, list)
	}
	return s.report(list, err, commitErr)
}

// refuse ends the command before anything is sent.
func (o *storeOptions) refuse(f *findings) error {
	if o.strict && len(f.foreign)+len(f.damaged)+len(f.unusable) > 0 {
		printProblems(o.env, f.foreign)
		printProblems(o.env, f.damaged)
		printProblems(o.env, f.unusable)
		return &failuresError{text: "nothing was sent: --strict, and " + count(len(f.foreign)+len(f.damaged)+len(f.unusable), "file") + " could not be"}
	}
	if len(f.objects)+len(f.damaged)+len(f.unusable) == 0 {
		return &notFoundError{fmt.Sprintf("no DICOM files found (%s of another kind)", count(len(f.foreign), "file"))}
	}
	return nil
}
