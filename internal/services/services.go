// Package services is what the DICOM server does with the store: the handlers given to an scp.Server, and the policy of
// who may ask for what.
package services

import (
	"context"
	"log/slog"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
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
	Logger     *slog.Logger
}

// Services implements scp.Echoer, scp.Storer, scp.Actor and scp.EventReceiver.
type Services struct {
	Deps
}

// New returns the handlers.
func New(d Deps) *Services { return &Services{Deps: d} }

// Start goes on with the storage commitment requests that were open when the last run ended. It is called once,
// after the jobs engine has started and before associations are accepted.
func (s *Services) Start(ctx context.Context) error { return nil }

// Access is the scp.Config.Access of the configuration: who may associate at all.
func (s *Services) Access(ctx context.Context, rq *dul.Request) error { return nil }

// Accept is the scp.Config.Accept of the configuration: what may be proposed.
func (s *Services) Accept(peer *scp.Peer, abstract dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	return "", scp.AbstractSyntaxNotSupported
}

// Echo, Store, Action and EventReport answer their services.
func (s *Services) Echo(ctx context.Context, rq *scp.EchoRequest) error   { return nil }
func (s *Services) Store(ctx context.Context, rq *scp.StoreRequest) error { return nil }
func (s *Services) Action(ctx context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	return nil, nil
}
func (s *Services) EventReport(ctx context.Context, rq *scp.EventReportRequest) error { return nil }
