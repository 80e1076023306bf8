package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

func newRequestCommand(env *Env) *cobra.Command {
	o := requestOptions{clientOptions: clientOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "request [AET@]HOST:PORT FILE|DIR|CLASS=UID...",
		Short: "Ask a peer to commit to objects, and wait for its report",
		Long: long(`Send storage commitment requests (N-ACTION) for files, for all DICOM files in folders, or for CLASS=UID pairs, and
wait for the reports (N-EVENT-REPORT). A report is taken on the same association, or with --listen on a new one as well,
whichever comes. Most peers report on a new one, to the address they have for our AE title.`),
		Example: "  gantry stgcmt request PACS@pacs.example.org:104 ./images --aet WS1 --listen :11112\n" +
			"  gantry stgcmt request PACS@localhost:4242 CTImageStorage=1.2.840.99.1 --wait 5m --json\n" +
			"  gantry stgcmt request PACS@localhost:4242 ./images --one-per-study --max-per-request 500",
		Args: wants("[AET@]HOST:PORT", "FILE|DIR|CLASS=UID..."),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runRequest(cmd.Context(), &o, args[0], args[1:])
		},
		ValidArgsFunction: completeReference(env),
	}
	o.clientOptions.register(cmd)
	o.reception.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.grouping.perStudy, "one-per-study", false, "one request per study")
	f.BoolVar(&o.grouping.perSeries, "one-per-series", false, "one request per series")
	f.IntVar(&o.grouping.max, "max-per-request", 0, "at most this many objects in a request, 0 for no limit")
	cmd.MarkFlagsMutuallyExclusive("one-per-study", "one-per-series")
	return cmd
}

type requestOptions struct {
	clientOptions
	reception
	grouping grouping
}

// reception says how reports are received.
type reception struct {
	listen  string
	wait    time.Duration
	release bool
}

func (o *reception) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.listen, "listen", "l", "", "take reports on new associations, too, at `[HOST]:PORT`")
	f.DurationVarP(&o.wait, "wait", "w", 30*time.Second, "limit for the reports, 0 for none")
	f.BoolVar(&o.release, "release", false, "with --listen: release the association before the report comes")
}

func runRequest(ctx context.Context, o *requestOptions, peer string, args []string) error {
	t, err := parseTarget(peer)
	if err != nil {
		return err
	}
	refs, f, err := references(ctx, &o.clientOptions, args)
	if err != nil {
		return err
	}
	if len(refs) == 0 && len(f.damaged)+len(f.unusable) == 0 {
		return &notFoundError{"no DICOM objects found in what was named"}
	}
	list := newTransactions(o.grouping.split(refs))
	c := commitment{clientOptions: &o.clientOptions, target: t, listen: o.listen, wait: o.wait, release: o.release}
	err = c.run(ctx, list)
	if err != nil && !list.asked() {
		return err
	}
	return reportCommitment(&o.clientOptions, t, list, f, err)
}
