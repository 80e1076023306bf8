// Package services is what the DICOM server does with the store: the handlers given to an scp.Server, and the policy of
// who may ask for what.
package services

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"gantry/internal/config"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/metrics"
	"gantry/internal/modalities"
	"gantry/internal/scp"
	"gantry/internal/storage"
)

// Deps is what the services work on.
type Deps struct {
	Config     *config.Config
	Store      *storage.Store
	Jobs       *jobs.Engine
	Modalities *modalities.Table
	Peers      *jobkinds.Deps
	Metrics    *metrics.Metrics // may be nil
	Logger     *slog.Logger
}

// Services implements scp.Echoer, scp.Storer, scp.Actor and scp.EventReceiver.
type Services struct {
	deps       Deps
	acceptance *jobkinds.Acceptance
	log        *slog.Logger
}

var (
	_ scp.Echoer        = (*Services)(nil)
	_ scp.Storer        = (*Services)(nil)
	_ scp.Actor         = (*Services)(nil)
	_ scp.EventReceiver = (*Services)(nil)
)

// New returns the handlers.
func New(d Deps) *Services {
	log := d.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	acceptance := jobkinds.NewAcceptance(d.Config)
	if d.Peers != nil {
		acceptance = d.Peers.Accepted()
	}
	return &Services{deps: d, acceptance: acceptance, log: log}
}

// Start goes on with the storage commitment requests, of peers and our own, that were open when the last run ended. It is called once,
// after the jobs engine has started and before associations are accepted.
func (s *Services) Start(ctx context.Context) error {
	if err := errors.Join(s.deps.Peers.ResumeRequests(ctx), s.deps.Peers.ResumeReports(ctx)); err != nil {
		return fmt.Errorf("services: %w", err)
	}
	return nil
}
