package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// takeReport keeps what a peer says about a transaction it was asked under, also after the deadline.
func (d *Deps) takeReport(ctx context.Context, peer string, data *CommitmentData) error {
	var job string
	err := d.Store.Update(ctx, func(tx index.Tx) error {
		row, err := tx.CommitReport(string(data.TransactionUID))
		if errors.Is(err, index.ErrNotFound) || err == nil && !d.Modalities.Same(row.RemoteAET, peer) {
			return dimse.Errorf(dimse.StatusInvalidArgument, "this peer was not asked under this Transaction UID")
		}
		if err != nil {
			return err
		}
		if n := len(data.References) + len(data.Failures); n > 2*len(row.Requested)+extraLimit {
			return dimse.Errorf(dimse.StatusInvalidArgument, "%d instances reported, %d were asked for", n, len(row.Requested))
		}
		kept, err := reportDataOf(row)
		if err != nil {
			return err
		}
		if row.Status != index.CommitPending {
			more, err := added(row, &kept, data)
			if err != nil || more == nil {
				return err
			}
			data = more
		}
		if err := finish(row, &kept, data, time.Now()); err != nil {
			return err
		}
		job = kept.Job
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
		if job != "" {
			go d.hurry(context.WithoutCancel(ctx), job)
		}
	}
	return err
}

// added looks at a further report on a transaction. One that repeats what was said is accepted (our answer was lost) and
// changes nothing; one about instances that were left out before completes the report, as some peers report in parts;
// one that contradicts is refused.
func added(row *index.CommitReport, kept *reportData, data *CommitmentData) (*CommitmentData, error) {
	missing := make(map[index.Reference]bool, len(kept.Missing))
	for _, r := range kept.Missing {
		missing[r] = true
	}
	said := make(map[index.Reference]uint16, len(row.Success)+len(row.Failures)) // 0: committed
	for _, r := range row.Success {
		said[r] = 0
	}
	for _, f := range row.Failures {
		said[f.Reference] = f.Reason
	}
	extra := make(map[index.Reference]bool, len(kept.Extra))
	for _, r := range kept.Extra {
		extra[r] = true
	}
	all := &CommitmentData{TransactionUID: data.TransactionUID, References: slices.Concat(row.Success, kept.Extra), Failures: slices.Clone(row.Failures)}
	news := false
	for _, r := range data.References {
		if reason, ok := said[r]; ok && reason == 0 || extra[r] {
			continue
		}
		if !missing[r] {
			return nil, errClosed
		}
		news, all.References = true, append(all.References, r)
	}
	for _, f := range data.Failures {
		if reason, ok := said[f.Reference]; ok && reason == f.Reason || extra[f.Reference] {
			continue
		}
		if !missing[f.Reference] {
			return nil, errClosed
		}
		news, all.Failures = true, append(all.Failures, f)
	}
	if !news {
		return nil, nil
	}
	return all, nil
}

// errClosed refuses a report on a transaction that was reported on otherwise.
var errClosed = dimse.Errorf(dimse.StatusNoSuchSOPInstance, "the transaction is closed")
