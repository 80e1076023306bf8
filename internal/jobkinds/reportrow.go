package jobkinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// StatusTimeout is what the report of a transaction says whose deadline has passed without a report. It is no state of
// its row, which stays pending: a report that comes late is taken all the same.
const StatusTimeout index.CommitStatus = "Timeout"

// reportData is what a report's row keeps besides its columns.
type reportData struct {
	Missing, Extra []index.Reference `json:",omitempty"`
	Deadline       time.Time         `json:",omitzero"`
	Unanswered     bool              `json:",omitempty"` // whether the peer got the request is not known
	Job            string            `json:",omitempty"` // that asked, or asks
	ResubmittedAs  dicom.UID         `json:",omitempty"`
	ResubmitJob    string            `json:",omitempty"`
}

func reportDataOf(row *index.CommitReport) (data reportData, err error) {
	if len(row.Data) > 0 {
		if err = json.Unmarshal(row.Data, &data); err != nil {
			err = fmt.Errorf("jobkinds: report of %s: %w", row.TransactionUID, err)
		}
	}
	return data, err
}

func putReportData(row *index.CommitReport, data *reportData) error {
	b, err := json.Marshal(data)
	row.Data = b
	return err
}

// status is what the report says at a moment.
func (data *reportData) status(row *index.CommitReport, now time.Time) index.CommitStatus {
	if row.Status == index.CommitPending && !data.Deadline.IsZero() && !now.Before(data.Deadline) {
		return StatusTimeout
	}
	return row.Status
}

// loadReport reads the row of a request that we sent; ErrUnknownTransaction.
func (d *Deps) loadReport(ctx context.Context, transaction dicom.UID) (row *index.CommitReport, err error) {
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		row, err = tx.CommitReport(string(transaction))
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return nil, ErrUnknownTransaction
	}
	if err != nil {
		return nil, fmt.Errorf("jobkinds: read the report of %s: %w", transaction, err)
	}
	return row, nil
}

// updateReportData changes what a report's row keeps, if there still is one.
func updateReportData(tx index.Tx, transaction dicom.UID, change func(*index.CommitReport, *reportData) error) error {
	row, err := tx.CommitReport(string(transaction))
	if err != nil {
		return err
	}
	data, err := reportDataOf(row)
	if err != nil {
		return err
	}
	if err := change(row, &data); err != nil {
		return err
	}
	if err := putReportData(row, &data); err != nil {
		return err
	}
	return tx.PutCommitReport(row)
}

// isOpen reports whether a job is known and has not ended, or is set aside for a later run.
func (d *Deps) isOpen(job string) bool {
	if job == "" {
		return false
	}
	info, known := d.Jobs.Get(job)
	return known && !info.State.Ended() || d.Jobs.IsSetAside(job)
}

// hurry makes a job that waits for a report look at it now. One that is just about to wait is waited for.
func (d *Deps) hurry(ctx context.Context, job string) {
	for {
		info, changed, err := d.Jobs.Watch(job)
		if err != nil {
			return // forgotten, or jobs are not kept
		}
		switch info.State {
		case jobs.Running:
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		case jobs.Retry:
			if err := d.Jobs.TryNow(ctx, job); !errors.Is(err, jobs.ErrState) {
				return
			}
		default:
			return // it has ended, is paused, or will look anyway
		}
	}
}

// outstanding returns what a transaction did not get committed: the failures and what the report left out, or
// everything where no report came.
func outstanding(row *index.CommitReport, data *reportData) []index.Reference {
	if row.Status == index.CommitPending {
		return row.Requested
	}
	refs := make([]index.Reference, 0, len(row.Failures)+len(data.Missing))
	seen := make(map[index.Reference]bool, cap(refs))
	add := func(r index.Reference) {
		if !seen[r] {
			seen[r] = true
			refs = append(refs, r)
		}
	}
	for _, f := range row.Failures {
		add(f.Reference)
	}
	for _, r := range data.Missing {
		add(r)
	}
	return refs
}
