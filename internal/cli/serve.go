package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"gantry/internal/config"
	"gantry/internal/daemon"

	"github.com/spf13/cobra"
)

func newServeCommand(env *Env) *cobra.Command {
	o := serveOptions{env: env}
	cmd := &cobra.Command{
		Use:   "serve [CONFIG...]",
		Short: "Run the DICOM server and the REST API",
		Long: long(`Run the DICOM server (port 4242) and the REST API (port 8042, this computer only), keeping objects in ./gantry-data.
No configuration is needed. CONFIG is a file in Orthanc's JSON format, or a folder whose *.json are read in name order;
"gantry config --defaults" prints one. Environment variables (GANTRY_DICOM_PORT for DicomPort, ORTHANC__DICOM_PORT too)
go over files, flags over variables.

An interrupt or SIGTERM stops it in order: new associations are refused, running operations get ShutdownTimeout seconds.
It then exits with 0. So does POST /tools/shutdown; POST /tools/reset starts it anew from its configuration.

--ephemeral is for tests of other software: everything is in a temporary folder, which is removed at the end; the ports
are free ones on this computer's loopback address, unless others are asked for; every AE title may use every service. One
line of JSON on standard output says where it is, once both ports are open:
{"DicomAet","DicomHost","DicomPort","HttpPort","Url","Directory","Pid","Version"}. --fault makes it answer wrongly on
purpose, see "gantry faults add --help".`),
		Example: "  gantry serve\n  gantry serve --modality pacs=PACS@pacs.example.org:104 --storage /srv/dicom\n  gantry serve /etc/gantry/gantry.json --log-format json\n" +
			"  gantry serve --ephemeral --modality scu=SCU@127.0.0.1:11112\n" +
			"  gantry serve --ephemeral --fault 'store status=A700 after=3 times=2' --fault 'commitment report=partial from=SCU'",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.files = args
			return runServe(cmd.Context(), &o)
		},
	}
	o.settings.register(cmd)
	cmd.Flags().BoolVar(&o.ephemeral, "ephemeral", false, "be a server for a test: temporary folder, free ports, everybody may use it; where it is comes as JSON")
	cmd.Flags().BoolVar(&o.noJobs, "no-jobs", false, "leave the jobs of the last run in the database, for a later start (LoadJobs)")
	cmd.MarkFlagsMutuallyExclusive("ephemeral", "storage")
	return cmd
}

type serveOptions struct {
	env       *Env
	settings  settings
	files     []string
	ephemeral bool
	noJobs    bool
}

func runServe(ctx context.Context, o *serveOptions) (err error) {
	if o.ephemeral {
		o.settings.defaults = ephemeralDefaults()
	}
	c, err := o.settings.load(o.env, o.files)
	if err != nil {
		return err
	}
	c.LoadJobs = c.LoadJobs && !o.noJobs
	logger := newLogger(o.env, c)
	var folder *ephemeralFolder
	if o.ephemeral {
		if folder, err = newEphemeralFolder(c, logger); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, folder.remove()) }()
	}
	for first := true; ; first = false {
		d := o.env.NewDaemon(c, logger)
		// Starting must not be cut off half way by an interrupt: stopping does it in order.
		if err := d.Start(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		if folder == nil {
			announce(o.env, c, d)
		} else if first {
			err = folder.announce(o.env, c, d)
		}
		if err != nil {
			var end context.CancelFunc
			ctx, end = context.WithCancel(ctx)
			end() // nobody knows where it is
		}
		dicom, http := portOf(d.DICOMAddr()), portOf(d.HTTPAddr())
		restart, stopErr := waitAndStop(ctx, d, time.Duration(c.ShutdownTimeout)*time.Second)
		if err = errors.Join(err, stopErr); !restart || err != nil {
			return err
		}
		if folder == nil {
			c, logger = o.again(c, logger)
		}
		// Ports of the system's choice stay what they were: whoever asked for the restart has to find the server again.
		c.DicomPort, c.HttpPort = cmp.Or(c.DicomPort, dicom), cmp.Or(c.HttpPort, http)
	}
}

// again reads the configuration anew for a restart. If that fails, the old one holds.
func (o *serveOptions) again(old *config.Config, log *slog.Logger) (*config.Config, *slog.Logger) {
	c, err := o.settings.load(o.env, o.files)
	if err != nil {
		log.Error("the configuration cannot be read, so the old one holds", "error", err)
		return old, log
	}
	c.LoadJobs = c.LoadJobs && !o.noJobs
	return c, newLogger(o.env, c)
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

func newLogger(env *Env, c *config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked with the configuration
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(env.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(env.Stderr, options))
}

// announce tells where the daemon can be reached.
func announce(env *Env, c *config.Config, d Daemon) {
	dicom, rest := "off", "off"
	if a := d.DICOMAddr(); a != nil {
		dicom = c.DicomAet + "@" + reachable(a)
	}
	if a := d.HTTPAddr(); a != nil {
		rest = scheme(c) + reachable(a)
	}
	_, _ = fmt.Fprintf(env.Stdout, "gantry is ready: DICOM %s, REST %s, data in %s\n", dicom, rest, c.StorageDirectory)
}

// scheme begins the URLs of the REST API.
func scheme(c *config.Config) string {
	if c.SslEnabled {
		return "https://"
	}
	return "http://"
}

// reachable is an address that can be pasted: who listens on all of them is there as localhost, too.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return joinAddress("localhost", tcp.Port)
	}
	return a.String()
}

// waitAndStop returns when the daemon has failed, or has been stopped: after an interrupt, or because a user of the REST
// API has asked for it, or for a restart.
func waitAndStop(ctx context.Context, d Daemon, limit time.Duration) (restart bool, err error) {
	ended := make(chan error, 1)
	go func() { ended <- d.Wait() }()
	select {
	case err := <-ended:
		var asked *daemon.EndingError
		if !errors.As(err, &asked) {
			return false, err
		}
		restart = asked.Ending == daemon.Restart
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return restart && ctx.Err() == nil, d.Stop(stopCtx)
}
