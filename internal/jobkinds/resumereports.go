package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// ResumeReports goes on with requests of which it is not known whether their peer got them: the last run ended in
// between, and no job goes on with them. A job asks again, under the same Transaction UID. Jobs that wait for a report
// which was kept just before the end are told. It is called once the engine has started.
func (d *Deps) ResumeReports(ctx context.Context) error {
	if err := d.shortenDeadlines(ctx); err != nil {
		return fmt.Errorf("jobkinds: set deadlines after a change of the clock: %w", err)
	}
	rows, err := d.unanswered(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		err := d.resumeReport(ctx, row)
		var unknown *UnknownModalityError
		switch {
		case errors.As(err, &unknown): // nobody to ask any more
			err = d.dropReport(ctx, dicom.UID(row.TransactionUID))
		case errors.Is(err, jobs.ErrQueueFull): // it stays pending, and the next start tries again
			d.log().Warn("a storage commitment request waits for the next start", "transaction", row.TransactionUID, "error", err)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("jobkinds: go on with the storage commitment request %s: %w", row.TransactionUID, err)
		}
	}
	return nil
}

// shortenDeadlines has requests of the future, made before the clock was set back, wait no longer than they were to.
func (d *Deps) shortenDeadlines(ctx context.Context) error {
	var rows []index.CommitReport
	err := d.Store.View(ctx, func(tx index.ReadTx) (err error) {
		rows, err = tx.CommitReports()
		return err
	})
	if err != nil {
		return err
	}
	now := d.now()
	rows = slices.DeleteFunc(rows, func(r index.CommitReport) bool {
		return r.Status != index.CommitPending || !r.Created.After(now)
	})
	if len(rows) == 0 || d.Config.ReadOnly {
		return nil
	}
	return d.Store.Update(ctx, func(tx index.Tx) error {
		for _, r := range rows {
			err := updateReportData(tx, dicom.UID(r.TransactionUID), func(row *index.CommitReport, data *reportData) error {
				if !data.Deadline.IsZero() {
					data.Deadline = now.Add(data.Deadline.Sub(row.Created))
				}
				row.Created, row.LastUsed = now, now
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// unanswered finds the rows of such requests, and tells the jobs whose reports are there.
func (d *Deps) unanswered(ctx context.Context) (open []*index.CommitReport, err error) {
	var rows []index.CommitReport
	err = d.Store.View(ctx, func(tx index.ReadTx) (err error) {
		rows, err = tx.CommitReports()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jobkinds: read the storage commitment reports: %w", err)
	}
	now := d.now()
	for i := range rows {
		row := &rows[i]
		data, err := reportDataOf(row)
		if err != nil {
			return nil, err
		}
		if row.Status != index.CommitPending && d.isOpen(data.Job) {
			go d.hurry(ctx, data.Job)
		}
		if data.Unanswered && data.status(row, now) == index.CommitPending && !d.isOpen(data.Job) {
			whole, err := d.loadReport(ctx, dicom.UID(row.TransactionUID))
			if err != nil {
				return nil, err
			}
			open = append(open, whole)
		}
	}
	return open, nil
}

func (d *Deps) resumeReport(ctx context.Context, row *index.CommitReport) error {
	if _, ok := d.Modalities.Get(row.Modality); !ok {
		return &UnknownModalityError{row.Modality}
	}
	data, err := reportDataOf(row)
	if err != nil {
		return err
	}
	transaction := dicom.UID(row.TransactionUID)
	n := len(row.Requested)
	j := &commitmentSCUJob{deps: d, scuState: scuState{
		Modality: row.Modality, LocalAET: row.LocalAET, PeerAET: row.RemoteAET, Deadline: data.Deadline,
		Attempts: []scuAttempt{{TransactionUid: transaction, InstancesCount: n, FailedInstancesCount: n, Status: index.CommitPending}},
	}}
	save := func(ctx context.Context, rec jobs.Record) error {
		return d.Store.Update(ctx, func(tx index.Tx) error {
			err := updateReportData(tx, transaction, func(_ *index.CommitReport, data *reportData) error {
				data.Job = rec.ID
				return nil
			})
			if err != nil {
				return err
			}
			return d.putJob(tx, rec)
		})
	}
	if _, err := d.Jobs.Submit(ctx, j, jobs.Options{Save: save, NoWait: true}); err != nil {
		return err
	}
	d.log().Info("storage commitment request goes on", "transaction", transaction, "peer", row.RemoteAET)
	return nil
}
