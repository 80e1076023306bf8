package cli

import (
	"context"
	"time"

	"gantry/internal/dicom/codec"
	"gantry/internal/dul"
	"gantry/internal/scu"

	"github.com/spf13/cobra"
)

// clientOptions are those of every command that opens associations.
type clientOptions struct {
	env            *Env
	aet            string
	connectTimeout time.Duration
	acseTimeout    time.Duration
	timeout        time.Duration
	maxPDU         uint32
	tls            tlsOptions
	verbose        bool
	quiet          bool
	json           bool
}

func (o *clientOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.aet, "aet", "a", "GANTRY", "our AE title")
	f.DurationVar(&o.connectTimeout, "connect-timeout", 10*time.Second, "limit for the connection, 0 for none")
	f.DurationVar(&o.acseTimeout, "acse-timeout", 30*time.Second, "limit for opening and releasing the association, 0 for none")
	f.DurationVar(&o.timeout, "timeout", time.Minute, "limit for every answer, 0 for none")
	f.Uint32Var(&o.maxPDU, "max-pdu", dul.DefaultMaxPDULength, "largest PDU we receive, in bytes")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log what happens to standard error")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print errors only")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	o.tls.register(cmd)
	completeFlag(cmd, "aet", cobra.NoFileCompletions)
	cmd.PreRunE = func(*cobra.Command, []string) error { return o.check("max-pdu") }
}

// minPDU is the least that leaves room for sensible fragments; Orthanc and DCMTK take no less either.
const minPDU = 4096

// check looks at the values that have limits, before anything is done; pduFlag is the name of that of maxPDU.
func (o *clientOptions) check(pduFlag string) error {
	if o.maxPDU < minPDU || o.maxPDU > dul.DefaultMaxPDULength {
		return usagef("--%s: %d to %d are possible", pduFlag, minPDU, dul.DefaultMaxPDULength)
	}
	for name, limit := range map[string]time.Duration{"connect-timeout": o.connectTimeout, "acse-timeout": o.acseTimeout, "timeout": o.timeout} {
		if limit < 0 {
			return usagef("--%s: %s is less than nothing", name, limit)
		}
	}
	return nil
}

// config says how to associate with t. IdleTimeout is none: these commands end by themselves.
func (o *clientOptions) config(t target, contexts ...dul.ProposedContext) (scu.Config, error) {
	if err := checkAET(o.aet); err != nil {
		return scu.Config{}, err
	}
	tlsConfig, err := o.tls.client(t)
	return scu.Config{
		Addr: t.address, CallingAET: o.aet, CalledAET: t.aet, Contexts: contexts, TLS: tlsConfig,
		MaxPDULength: o.maxPDU, ConnectTimeout: o.connectTimeout, ACSETimeout: o.acseTimeout, DIMSETimeout: o.timeout,
		ImplementationClassUID: string(codec.ImplementationClassUID), ImplementationVersionName: codec.ImplementationVersionName,
		Logger: logger(o.env, o.verbose),
	}, err
}

// dial opens an association; what goes wrong is a *connectError.
func dial(ctx context.Context, t target, cfg scu.Config) (*scu.Client, error) {
	c, err := scu.Dial(ctx, cfg)
	if err != nil {
		return nil, &connectError{target: t, err: err}
	}
	return c, nil
}

// release ends an association in order; that the peer does not answer in time is no error of the command, that the
// command was ended meanwhile is.
func release(ctx context.Context, c *scu.Client, log func(string, ...any)) error {
	if err := c.Release(ctx); err != nil {
		log("release", "err", err)
	}
	return context.Cause(ctx)
}
