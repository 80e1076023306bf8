// Package daemon builds everything that `gantry serve` consists of, runs it, and takes it down in order.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"gantry/internal/config"
	"gantry/internal/faults"
	"gantry/internal/faults/inject"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/loglevel"
	"gantry/internal/metrics"
	"gantry/internal/modalities"
	"gantry/internal/rest"
	"gantry/internal/scp"
	"gantry/internal/services"
	"gantry/internal/storage"
)

// Options are what a daemon needs beside its configuration.
type Options struct {
	Logger  *slog.Logger
	Version string // of gantry, shown by /system
}

// Daemon is one running server: the store, the jobs, the DICOM server and the REST API.
type Daemon struct {
	cfg     *config.Config
	log     *slog.Logger
	version string

	logs  *loglevel.Levels
	logTo slog.Handler

	metrics    *metrics.Metrics
	tls        tlsSettings
	store      *storage.Store
	engine     *jobs.Engine
	peers      *jobkinds.Deps
	modalities *modalities.Table
	dicom      *scp.Server
	http       *http.Server
	faults     *faults.Set      // nil: none can be made
	injector   *inject.Injector // nil: none can be made

	dicomListeners []net.Listener
	httpListeners  []net.Listener
	stopping       atomic.Bool
	asked          chan Ending   // by somebody who uses the REST API
	failed         chan error    // a server that ended by itself
	stopped        chan struct{} // closed by Stop
	cancel         context.CancelFunc
}

// New prepares a daemon; nothing is opened before Start.
func New(cfg *config.Config, o Options) *Daemon {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := metrics.New(metrics.Options{Version: o.Version, Enabled: cfg.MetricsEnabled})
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // checked with the configuration
	d := &Daemon{cfg: cfg, metrics: m, version: o.Version, failed: make(chan error, 4), stopped: make(chan struct{}),
		asked: make(chan Ending, 1),
		logs:  loglevel.New(level), logTo: m.LogHandler(o.Logger.Handler())}
	d.log = d.logger(loglevel.Generic)
	return d
}

// logger is the logger of a part of the server.
func (d *Daemon) logger(c loglevel.Category) *slog.Logger { return d.logs.Logger(c, d.logTo) }

// Start opens the store, goes on with the jobs, and opens the ports last: what was acknowledged before a crash is
// findable before the first question. After an error everything is closed again.
func (d *Daemon) Start(ctx context.Context) (err error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	d.cancel = cancel
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if d.tls, err = loadTLS(d.cfg); err != nil {
		return err
	}
	if err = jobkinds.CheckHandler(d.cfg); err != nil {
		return err
	}
	if !d.cfg.SyncStorageArea {
		d.log.Warn("objects are acknowledged before they are safe: SyncStorageArea is false, a power cut loses them")
	}
	if err = d.prepareFaults(); err != nil {
		return err
	}
	store := rules(StorageOptions(d.cfg, d.logger(loglevel.SQLite)), d.cfg)
	store.Observer = d.storeObserver()
	if d.store, err = storage.Open(ctx, store); err != nil {
		return err
	}
	if err = d.buildJobs(ctx); err != nil {
		return err
	}
	handlers := services.New(services.Deps{Config: d.cfg, Store: d.store, Jobs: d.engine, Modalities: d.modalities,
		Peers: d.peers, Metrics: d.metrics, Logger: d.logger(loglevel.DICOM)})
	d.metrics.SetSources(d.sources())
	if err = d.engine.Start(run); err != nil {
		return err
	}
	if err = handlers.Start(run); err != nil {
		return err
	}
	if err = d.startDICOM(run, handlers); err != nil {
		return err
	}
	return d.startHTTP(run)
}

func (d *Daemon) buildJobs(ctx context.Context) (err error) {
	if d.modalities, err = d.openModalities(ctx); err != nil {
		return err
	}
	d.peers = &jobkinds.Deps{Config: d.cfg, Store: d.store, Modalities: d.modalities, TLS: d.tls.client, HTTPS: d.tls.https,
		Metrics: d.metrics, Logger: d.logger(loglevel.DICOM)}
	if d.injector != nil {
		d.peers.Reporting = d.injector
	}
	outputs, err := jobFolder(d.cfg)
	if err != nil {
		return err
	}
	if err := moveOutputs(ctx, d.cfg, outputs); err != nil {
		d.logger(loglevel.Jobs).Error("archives cannot be moved to TemporaryDirectory; the next start tries again", "error", err)
	}
	engine := jobs.Config{Workers: d.cfg.ConcurrentJobs, HistorySize: d.cfg.JobsHistorySize, Limit: d.cfg.LimitJobs,
		OutputDir: outputs, OutputLimit: d.cfg.MediaArchiveSize, SetAside: !d.cfg.LoadJobs,
		Factories: d.peers.Factories(), Lanes: d.peers.Lanes(), Observer: d.jobObserver(), Logger: d.logger(loglevel.Jobs)}
	if d.cfg.SaveJobs {
		engine.Saver = jobkinds.Saver{Store: d.store}
	}
	d.engine = jobs.New(engine)
	d.peers.Jobs = d.engine
	return nil
}

func (d *Daemon) openModalities(ctx context.Context) (*modalities.Table, error) {
	if d.cfg.DicomModalitiesInDatabase {
		return modalities.Open(ctx, jobkinds.ModalityKeeper{Store: d.store}, d.cfg.StrictAetComparison)
	}
	return modalities.New(d.cfg.DicomModalities, d.cfg.StrictAetComparison), nil
}

// Ready says why the daemon does not take work, nil if it does.
func (d *Daemon) Ready() error {
	if d.stopping.Load() {
		return errors.New("daemon: stopping")
	}
	return d.store.Err()
}

// Wait returns when a server has ended by itself, with its error; when somebody has asked for the end, with an
// *EndingError: whoever waits is to call Stop then; or after Stop, with nil.
func (d *Daemon) Wait() error {
	select {
	case err := <-d.failed:
		return err
	case e := <-d.asked:
		return &EndingError{Ending: e}
	case <-d.stopped:
		return nil
	}
}

// Stop refuses new associations and requests, lets what is running finish until ctx ends, and closes the store.
func (d *Daemon) Stop(ctx context.Context) error {
	if d.stopping.Swap(true) {
		return nil
	}
	defer close(d.stopped)
	d.log.Info("stopping: no new work is taken, running operations may finish")
	if d.injector != nil {
		d.injector.Stop()
	}
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("daemon: stopping %s: %w", what, err))
		}
	}
	if d.dicom != nil {
		note("the DICOM server", d.dicom.Shutdown(ctx))
	}
	if d.http != nil {
		if err := d.http.Shutdown(ctx); err != nil {
			note("the HTTP server", errors.Join(err, d.http.Close()))
		}
	}
	for _, l := range append(d.dicomListeners, d.httpListeners...) {
		_ = l.Close() // closed already where its server ran
	}
	if d.engine != nil {
		note("the jobs", d.engine.Stop(ctx))
	}
	if d.cancel != nil {
		d.cancel()
	}
	if d.store != nil {
		note("the store", d.store.Close())
	}
	d.log.Info("stopped")
	return errors.Join(errs...)
}

// DICOMAddr is the first address of the DICOM server, nil if there is none.
func (d *Daemon) DICOMAddr() net.Addr { return first(d.dicomListeners) }

// HTTPAddr is the first address of the REST API, nil if there is none.
func (d *Daemon) HTTPAddr() net.Addr { return first(d.httpListeners) }

func first(listeners []net.Listener) net.Addr {
	if len(listeners) == 0 {
		return nil
	}
	return listeners[0].Addr()
}

func port(addr net.Addr) int {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// listen opens all addresses or none.
func listen(ctx context.Context, addresses []string, option string) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			for _, open := range listeners {
				_ = open.Close()
			}
			return nil, &ListenError{Address: address, Option: option, Err: err}
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// ListenError is a port that could not be opened.
type ListenError struct {
	Address, Option string
	Err             error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("daemon: cannot listen on %s: %v; stop what uses the port, or choose another (option %s)",
		e.Address, e.Err, e.Option)
}

func (e *ListenError) Unwrap() error { return e.Err }

// serve runs one server in the background; its end by itself ends the daemon.
func (d *Daemon) serve(what string, run func() error) {
	go func() {
		if err := run(); err != nil && !errors.Is(err, http.ErrServerClosed) && !d.stopping.Load() {
			d.failed <- fmt.Errorf("daemon: the %s server ended: %w", what, err)
		}
	}()
}

func (d *Daemon) startHTTP(ctx context.Context) (err error) {
	if !d.cfg.HttpServerEnabled {
		return nil
	}
	if d.cfg.RemoteAccessAllowed && !d.cfg.Authentication() {
		d.log.Warn("the REST API is open to everybody on the network: RemoteAccessAllowed without a login")
	}
	if d.cfg.RemoteAccessAllowed && d.cfg.Authentication() && !d.cfg.SslEnabled {
		d.log.Warn("passwords cross the network in clear text: set SslEnabled, or put a proxy with TLS in front")
	}
	if swept, err := rest.SweepTemporary(d.cfg.TemporaryDirectory); err != nil || swept > 0 {
		d.logger(loglevel.HTTP).Warn("temporary files of a server that was killed are deleted", "files", swept, "error", err)
	}
	if d.httpListeners, err = listen(ctx, d.cfg.HTTPAddresses(), "HttpPort"); err != nil {
		return err
	}
	handler := rest.New(rest.Deps{Config: d.cfg, Store: d.store, Jobs: d.engine, Modalities: d.modalities,
		Peers: d.peers, Version: d.version, ServerID: d.serverID(),
		DICOMPort: func() int { return port(d.DICOMAddr()) }, HTTPPort: func() int { return port(d.HTTPAddr()) },
		Dictionary: dictionary(d.cfg), Faults: d.faults, Metrics: d.metrics, Ready: d.Ready, LogLevels: d.logs,
		LuaLogger: d.logger(loglevel.Lua), Logger: d.logger(loglevel.HTTP), Stop: d.askToStop})
	d.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		TLSConfig: d.tls.http, IdleTimeout: time.Duration(max(d.cfg.KeepAliveTimeout, 1)) * time.Second,
		ErrorLog: slog.NewLogLogger(d.logger(loglevel.HTTP).Handler(), slog.LevelDebug)}
	d.http.SetKeepAlivesEnabled(d.cfg.KeepAlive)
	d.http.RegisterOnShutdown(handler.EndStreams)
	for _, l := range d.httpListeners {
		d.log.Info("REST API listening", "address", l.Addr().String(), "tls", d.cfg.SslEnabled)
		d.serve("HTTP", func() error {
			if d.cfg.SslEnabled {
				return d.http.ServeTLS(l, "", "")
			}
			return d.http.Serve(l)
		})
	}
	return nil
}
