// Package inject makes the faults of package faults in a DICOM server: it stands between the server and its handlers,
// on every connection, and before storage commitment reports.
package inject

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/faults"
	"gantry/internal/jobkinds"
	"gantry/internal/scp"
)

// Injector makes the faults of a set. Its methods may be called at once.
type Injector struct {
	set     *faults.Set
	log     *slog.Logger
	applied func(service, fault string) // nil: nobody is told

	stopped  chan struct{}
	stopOnce sync.Once

	mu      sync.Mutex
	reports map[jobkinds.ReportKey]*decided
}

var _ jobkinds.Reporting = (*Injector)(nil)

// New returns the injector of a set; applied, if given, is told of each fault that is made.
func New(set *faults.Set, log *slog.Logger, applied func(service, fault string)) *Injector {
	return &Injector{set: set, log: log, applied: applied, stopped: make(chan struct{}),
		reports: map[jobkinds.ReportKey]*decided{}}
}

// Install puts the injector into the configuration of a server.
func (in *Injector) Install(c *scp.Config) {
	c.Connection, c.Review, c.Around = newConn, in.review, in.around
}

// Stop ends all delays; there are none from now on.
func (in *Injector) Stop() { in.stopOnce.Do(func() { close(in.stopped) }) }

// note tells in the log which faults an event meets.
func (in *Injector) note(ev *faults.Event, out *faults.Outcome, peer []any) {
	if !out.Any() {
		return
	}
	fault := faults.Delay
	rule := ""
	if out.Rule != nil {
		fault, rule = out.Rule.Fault, out.Rule.Text
	}
	if in.applied != nil {
		in.applied(string(ev.Service), string(fault))
	}
	attrs := append(peer, "service", string(ev.Service), "fault", string(fault), "ids", out.IDs)
	if rule != "" {
		attrs = append(attrs, "rule", rule)
	}
	if out.Delay > 0 {
		attrs = append(attrs, "delay", out.Delay)
	}
	if ev.Instance != "" {
		attrs = append(attrs, "instance", ev.Instance)
	}
	in.log.Warn("fault made on purpose", attrs...)
}

// delay waits, until the peer is gone or the daemon stops at the latest.
func (in *Injector) delay(ctx context.Context, d time.Duration, c *conn) error {
	if d <= 0 {
		return nil
	}
	gone := c.watch()
	defer c.unwatch()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-in.stopped:
	case <-gone:
		return errPeerGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// madeError says in the log that something ended by a fault.
func madeError(r *faults.Rule) error { return fmt.Errorf("%w: %s", scp.ErrOnPurpose, r.Text) }

func uids(class dicom.UID) []string { return []string{string(class)} }
