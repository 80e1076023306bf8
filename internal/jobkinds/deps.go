// Package jobkinds holds the kinds of jobs and what they share: calling peers, sending instances, storage commitment
// as the one that asks (SCU) and as the one that answers (SCP).
package jobkinds

import (
	"crypto/tls"
	"log/slog"
	"sync"
	"time"

	"gantry/internal/config"
	"gantry/internal/jobs"
	"gantry/internal/metrics"
	"gantry/internal/modalities"
	"gantry/internal/storage"
)

// Names of the kinds, as in the field Type of a job.
const (
	KindStore         = "DicomModalityStore"
	KindCommitmentSCP = "StorageCommitmentScp"
	KindCommitmentSCU = "StorageCommitmentScu"
	KindArchive       = "Archive"
	KindMedia         = "Media"
)

// Deps is what the kinds work on.
type Deps struct {
	Config     *config.Config
	Store      *storage.Store
	Jobs       *jobs.Engine // set before the engine starts
	Modalities *modalities.Table
	Metrics    *metrics.Metrics // may be nil
	TLS        *tls.Config      // for peers with UseDicomTls; nil: the system's defaults
	HTTPS      *tls.Config      // for the endpoint of StorageCommitmentHandler; nil: the system's defaults
	Logger     *slog.Logger
	Reporting  Reporting   // nil: reports go out as they were decided
	Acceptance *Acceptance // nil: as Config says; see Accepted

	acceptOnce sync.Once
	clockOnce  sync.Once
	began      time.Time

	live liveRequests
	away awayPeers
	uses reportUses

	handlers handlerClient

	archives archiveBudget
}

// now is the time by a clock that was right when it was asked first and cannot be set: by it deadlines are made and kept.
func (d *Deps) now() time.Time {
	d.clockOnce.Do(func() { d.began = time.Now() })
	return d.began.Add(time.Since(d.began))
}

// Factories restores every kind of this package.
func (d *Deps) Factories() map[string]jobs.Factory {
	return map[string]jobs.Factory{
		KindStore:         d.restoreSend,
		KindCommitmentSCP: d.restoreCommitment,
		KindCommitmentSCU: d.restoreCommitmentSCU,
		KindArchive:       d.restoreArchive,
		KindMedia:         d.restoreArchive,
	}
}

// Lanes gives the kinds that must not wait for others slots of their own: what a peer has asked to be told of must not
// come late because another peer hangs, to which something is being sent.
func (d *Deps) Lanes() map[string]int {
	return map[string]int{KindCommitmentSCP: d.reportSlots()}
}

// reportSlots is how many reports are decided on, or on their way to one peer, at once.
func (d *Deps) reportSlots() int { return max(d.Config.ConcurrentJobs, 2) }

func (d *Deps) log() *slog.Logger {
	if d.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Logger
}
