package daemon

import (
	"context"
	"time"

	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/metrics"
	"gantry/internal/storage"
)

// storeObserver hands what the store tells on to the metrics.
func (d *Daemon) storeObserver() *storage.Observer {
	m := d.metrics
	results := map[storage.PutStatus]string{storage.Stored: metrics.ObjectStored,
		storage.AlreadyStored: metrics.ObjectAlreadyStored, storage.Replaced: metrics.ObjectReplaced}
	return &storage.Observer{
		Put: func(status storage.PutStatus, err error) {
			result := results[status]
			if err != nil {
				result = metrics.ObjectRefused
			}
			m.ObjectCame(result)
		},
		Kept: m.ObjectKept, Indexed: m.Indexed, Updated: m.Updated, Read: m.ObjectRead, Deleted: m.Deleted,
	}
}

// jobObserver hands what the engine tells on to the metrics.
func (d *Daemon) jobObserver() *jobs.Observer {
	m := d.metrics
	return &jobs.Observer{
		Ended: func(kind string, state jobs.State, ran time.Duration) {
			m.JobEnded(kind, string(state), state == jobs.Success, ran)
		},
		Retried: m.JobRetried,
		Full:    func() { m.Refused(metrics.LimitJobs) },
	}
}

// sources are what a scrape asks: figures that are kept anyway.
func (d *Daemon) sources() metrics.Sources {
	return metrics.Sources{Store: d.storeFigures, Jobs: d.jobTotals, Commitments: d.commitmentBacklog,
		Associations: d.associations, Ready: d.Ready}
}

func (d *Daemon) storeFigures(ctx context.Context) (metrics.StoreFigures, error) {
	g, err := d.store.Gauges(ctx)
	return metrics.StoreFigures{
		Patients: g.Patients, Studies: g.Studies, Series: g.Series, Instances: g.Instances,
		Bytes: g.Bytes + g.AttachedBytes, PlainBytes: g.Plain + g.AttachedPlain,
		LastChange: g.LastChange, Pending: int64(g.Pending),
		Memory: g.Memory, MemoryMax: g.MemoryMax, Syncs: g.Syncs, Records: g.Records, Damaged: g.Findings,
	}, err
}

func (d *Daemon) jobTotals() []metrics.JobTotal {
	totals := d.engine.Totals()
	list := make([]metrics.JobTotal, len(totals))
	for i, t := range totals {
		list[i] = metrics.JobTotal{Kind: t.Kind, State: string(t.State), Count: t.Count}
	}
	return list
}

// commitmentBacklog counts the requests of peers that are not reported on: each of them has a job.
func (d *Daemon) commitmentBacklog() (open int, oldest time.Time) {
	for _, t := range d.engine.Totals() {
		if t.Kind == jobkinds.KindCommitmentSCP && !t.State.Ended() {
			open += t.Count
		}
	}
	oldest, _ = d.engine.Oldest(jobkinds.KindCommitmentSCP)
	return open, oldest
}

func (d *Daemon) associations() (open, most, freeOperations int) {
	if d.dicom == nil {
		return 0, 0, 0
	}
	return d.dicom.Associations(), d.cfg.MaximumAssociations, d.dicom.FreeOperations()
}
