package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// leastReportLimit is how many references a report may at least have, however few we take in a request.
const leastReportLimit = 1_000_000

// extraLimit is how many instances a report may name beyond twice those that were asked for: they are kept.
const extraLimit = 1000

// EventReport takes the report of a storage commitment, on the association we asked on or on one the peer opened: only
// from the peer that was asked, and only while the transaction is open. It implements scp.EventReceiver.
func (d *Deps) EventReport(ctx context.Context, rq *scp.EventReportRequest) error {
	switch {
	case rq.SOPClassUID != dicom.StorageCommitmentPushModel, rq.AbstractSyntax != dicom.StorageCommitmentPushModel:
		return dimse.Errorf(dimse.StatusNoSuchSOPClass, "not the Storage Commitment Push Model")
	case rq.SOPInstanceUID != dicom.StorageCommitmentPushModelInstance:
		return dimse.Errorf(dimse.StatusNoSuchSOPInstance, "not the well-known SOP instance")
	case rq.EventTypeID != 1 && rq.EventTypeID != 2:
		return dimse.Errorf(dimse.StatusNoSuchEventType, "event types are 1 and 2")
	case !rq.HasDataset:
		return dimse.Errorf(dimse.StatusInvalidArgument, "event information missing")
	}
	data, err := ReadCommitmentData(rq.Data, rq.TransferSyntax, max(d.Config.StorageCommitmentMaximumReferences, leastReportLimit))
	if err != nil {
		return err
	}
	if rq.EventTypeID == 1 && len(data.Failures) > 0 {
		return dimse.Errorf(dimse.StatusInvalidArgument, "event type 1 with a Failed SOP Sequence")
	}
	if rq.EventTypeID == 1 && len(data.References) == 0 {
		return dimse.Errorf(dimse.StatusInvalidArgument, "event type 1 without Referenced SOP Sequence")
	}
	peer := rq.Peer.CallingAET
	if assoc := rq.Association.Assoc(); assoc != nil && assoc.Requestor() {
		peer = rq.Peer.CalledAET
	}
	err = d.takeReport(ctx, peer, data)
	log := d.log().With(rq.Peer.LogAttrs()...).With("transaction", data.TransactionUID)
	if err != nil {
		log.Warn("storage commitment report refused", "error", err)
		return err
	}
	log.Info("storage commitment report", "committed", len(data.References), "failed", len(data.Failures))
	return nil
}

func (d *Deps) takeReport(ctx context.Context, peer string, data *CommitmentData) error {
	err := d.Store.Update(ctx, func(tx index.Tx) error {
		row, err := tx.CommitReport(string(data.TransactionUID))
		if errors.Is(err, index.ErrNotFound) || err == nil && !d.Modalities.Same(row.RemoteAET, peer) {
			return dimse.Errorf(dimse.StatusInvalidArgument, "this peer was not asked under this Transaction UID")
		}
		if err != nil {
			return err
		}
		if row.Status != index.CommitPending {
			return repeated(row, data)
		}
		if n := len(data.References) + len(data.Failures); n > 2*len(row.Requested)+extraLimit {
			return dimse.Errorf(dimse.StatusInvalidArgument, "%d instances reported, %d were asked for", n, len(row.Requested))
		}
		if err := finish(row, data, time.Now()); err != nil {
			return err
		}
		if err := tx.PutCommitReport(row); err != nil {
			return err
		}
		return d.forgetReports(tx)
	})
	var status *dimse.StatusError
	if err != nil && !errors.As(err, &status) {
		return fmt.Errorf("jobkinds: keep the report of %s: %w", data.TransactionUID, err)
	}
	if err == nil {
		d.uses.finished(string(data.TransactionUID))
	}
	return err
}

// repeated accepts a second report only if it says what the first said: then our answer to that was lost.
func repeated(row *index.CommitReport, data *CommitmentData) error {
	again := *row
	if err := finish(&again, data, row.Finished); err != nil {
		return err
	}
	if slices.Equal(again.Success, row.Success) && slices.Equal(again.Failures, row.Failures) {
		return nil
	}
	return dimse.Errorf(dimse.StatusNoSuchSOPInstance, "the transaction is closed")
}

// forgetReports drops finished reports beyond StorageCommitmentReportsSize, the least recently used first.
func (d *Deps) forgetReports(tx index.Tx) error {
	rows, err := tx.CommitReports()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r index.CommitReport) bool { return r.Status == index.CommitPending })
	slices.SortStableFunc(rows, func(a, b index.CommitReport) int {
		return d.uses.last(&a).Compare(d.uses.last(&b))
	})
	for _, r := range rows[:max(0, len(rows)-d.Config.StorageCommitmentReportsSize)] {
		if err := tx.DeleteCommitReport(r.TransactionUID); err != nil {
			return err
		}
		d.uses.forget(r.TransactionUID)
	}
	return nil
}

// reportUses remembers when reports were looked at, which is not worth a durable write each time, and tells those who
// wait for a report when it has come.
type reportUses struct {
	mu      sync.Mutex
	used    map[string]time.Time
	waiting map[string]chan struct{}
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

func (u *reportUses) forget(transaction string) {
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

// WaitReport returns a report once it has come, or the pending one with the error of ctx; ErrUnknownTransaction.
func (d *Deps) WaitReport(ctx context.Context, transaction dicom.UID) (*Report, error) {
	for {
		come := d.uses.watch(string(transaction))
		report, err := d.Report(ctx, transaction)
		if err != nil || report.Status != index.CommitPending {
			return report, err
		}
		select {
		case <-come:
		case <-ctx.Done():
			return report, ctx.Err()
		}
	}
}
