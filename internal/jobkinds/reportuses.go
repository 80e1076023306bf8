package jobkinds

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// forgetReports drops finished reports and those whose deadline has passed beyond StorageCommitmentReportsSize, the least
// recently used first. What a job has yet to look at stays.
func (d *Deps) forgetReports(tx index.Tx) error {
	rows, err := tx.CommitReports()
	if err != nil {
		return err
	}
	now := d.now()
	rows = slices.DeleteFunc(rows, func(r index.CommitReport) bool {
		if r.Status != index.CommitPending {
			return false
		}
		data, err := reportDataOf(&r)
		return err != nil || data.status(&r, now) == index.CommitPending
	})
	slices.SortStableFunc(rows, func(a, b index.CommitReport) int {
		return d.uses.last(&a).Compare(d.uses.last(&b))
	})
	for i := range rows[:max(0, len(rows)-d.Config.StorageCommitmentReportsSize)] {
		row := &rows[i]
		if d.uses.isHeld(row.TransactionUID) {
			continue
		}
		if err := tx.DeleteCommitReport(row.TransactionUID); err != nil {
			return err
		}
		d.uses.forget(row.TransactionUID)
	}
	return nil
}

// reportUses remembers when reports were looked at, which is not worth a durable write each time, and tells those who
// wait for a report when it has come.
type reportUses struct {
	mu      sync.Mutex
	used    map[string]time.Time
	waiting map[string]chan struct{}
	held    map[string]bool // what a job has yet to look at
}

func (u *reportUses) hold(transaction dicom.UID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.held == nil {
		u.held = map[string]bool{}
	}
	u.held[string(transaction)] = true
}

func (u *reportUses) release(transaction dicom.UID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.held, string(transaction))
}

func (u *reportUses) isHeld(transaction string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held[transaction]
}

func (u *reportUses) note(transaction string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.used == nil {
		u.used = map[string]time.Time{}
	}
	u.used[transaction] = time.Now()
}

func (u *reportUses) last(row *index.CommitReport) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t := u.used[row.TransactionUID]; t.After(row.LastUsed) {
		return t
	}
	return row.LastUsed
}

// forget drops all that is known of a report that is no longer kept; those who wait for it are told.
func (u *reportUses) forget(transaction string) {
	u.finished(transaction)
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.used, transaction)
}

// watch returns a channel that is closed when the report has come.
func (u *reportUses) watch(transaction string) <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.waiting == nil {
		u.waiting = map[string]chan struct{}{}
	}
	if u.waiting[transaction] == nil {
		u.waiting[transaction] = make(chan struct{})
	}
	return u.waiting[transaction]
}

func (u *reportUses) finished(transaction string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if c := u.waiting[transaction]; c != nil {
		close(c)
		delete(u.waiting, transaction)
	}
}

// WaitReport returns a report once it has come or its deadline has passed, or the pending one with the error of ctx;
// ErrUnknownTransaction.
func (d *Deps) WaitReport(ctx context.Context, transaction dicom.UID) (*Report, error) {
	for {
		come := d.uses.watch(string(transaction))
		report, err := d.Report(ctx, transaction)
		if errors.Is(err, ErrUnknownTransaction) {
			d.uses.finished(string(transaction)) // nobody will tell of it
		}
		if err != nil || report.Status != index.CommitPending {
			return report, err
		}
		err = d.waitUntil(ctx, come, report.Deadline)
		if err != nil && !errors.Is(err, errDeadline) {
			return report, err
		}
	}
}

// errDeadline means that the time for a report is over.
var errDeadline = errors.New("jobkinds: the deadline of the transaction has passed")

// waitUntil waits for a channel to be closed, until a deadline if there is one.
func (d *Deps) waitUntil(ctx context.Context, come <-chan struct{}, deadline time.Time) error {
	var over <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(deadline.Sub(d.now()))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-come:
		return nil
	case <-over:
		return errDeadline
	case <-ctx.Done():
		return ctx.Err()
	}
}
