package cli

import (
	"context"
	"fmt"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dul"

	"github.com/spf13/cobra"
)

func newEchoCommand(env *Env) *cobra.Command {
	o := echoOptions{clientOptions: clientOptions{env: env}}
	cmd := &cobra.Command{
		Use:   "echo [AET@]HOST:PORT",
		Short: "Check that a DICOM peer answers (C-ECHO)",
		Long: long(`Associate with a peer and send a C-ECHO. Prints how long association and answer took, and what the peer
says of itself.`),
		Example: "  gantry echo localhost:4242\n  gantry echo PACS@pacs.example.org:104 --aet WORKSTATION\n  gantry echo PACS@pacs.example.org:2762 --tls --tls-ca ca.pem",
		Args:    wants("[AET@]HOST:PORT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runEcho(cmd.Context(), &o, args[0])
		},
		ValidArgsFunction: completePeer(env, 0),
	}
	o.register(cmd)
	return cmd
}

type echoOptions struct{ clientOptions }

// echoResult is what --json prints.
type echoResult struct {
	Peer                      string
	AssociationSeconds        float64
	EchoSeconds               float64
	ImplementationClassUID    string
	ImplementationVersionName string
	MaximumPduLength          uint32
}

func runEcho(ctx context.Context, o *echoOptions, peer string) error {
	t, err := parseTarget(peer)
	if err != nil {
		return err
	}
	r, err := echo(ctx, &o.clientOptions, t)
	switch {
	case err != nil:
		return err
	case o.json:
		return writeJSON(o.env, r)
	case o.quiet:
		return nil
	}
	_, err = fmt.Fprintf(o.env.Stdout, "%s answers: association %s, echo %s (%s, PDUs up to %s)\n", t,
		seconds(r.AssociationSeconds), seconds(r.EchoSeconds), first(r.ImplementationVersionName, r.ImplementationClassUID), size(int64(r.MaximumPduLength)))
	return err
}

func echo(ctx context.Context, o *clientOptions, t target) (*echoResult, error) {
	cfg, err := o.config(t, verification())
	if err != nil {
		return nil, err
	}
	began := o.env.Now()
	c, err := dial(ctx, t, cfg)
	if err != nil {
		return nil, err
	}
	associated := o.env.Now()
	if err := c.Echo(ctx); err != nil {
		c.Abort()
		return nil, &brokenError{target: t, doing: "echo", err: err}
	}
	answered := o.env.Now()
	uid, version := c.Assoc().PeerImplementation()
	r := &echoResult{
		Peer: t.String(), AssociationSeconds: associated.Sub(began).Seconds(), EchoSeconds: answered.Sub(associated).Seconds(),
		ImplementationClassUID: uid, ImplementationVersionName: version, MaximumPduLength: c.Assoc().PeerMaxPDULength(),
	}
	return r, release(ctx, c, cfg.Logger.Warn)
}

func verification() dul.ProposedContext {
	return dul.ProposedContext{
		AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: []string{string(dicom.ImplicitVRLittleEndian)},
	}
}

// seconds writes a short time: 2.1 ms, 1.25 s.
func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.1f ms", s*1000)
	}
	return fmt.Sprintf("%.2f s", time.Duration(s*float64(time.Second)).Seconds())
}
