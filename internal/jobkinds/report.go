package jobkinds

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// Report is the report of a request that we sent. Its Status is StatusTimeout once Deadline has passed without a report.
type Report struct {
	index.CommitReport
	Missing       []index.Reference // asked for, but neither committed nor refused
	Extra         []index.Reference // committed or refused, but not asked for
	Deadline      time.Time         // zero: none
	Job           string            // id of the job that asked, "" if none did
	ResubmittedAs dicom.UID         // under which what failed was asked for again, "" if it was not
}

// Report returns the report of a transaction, and counts as its use; ErrUnknownTransaction.
// Its MarshalJSON writes what Orthanc's GET /storage-commitment/{id} answers.
func (d *Deps) Report(ctx context.Context, transaction dicom.UID) (*Report, error) {
	row, err := d.loadReport(ctx, transaction)
	if err != nil {
		return nil, err
	}
	d.uses.note(row.TransactionUID)
	return newReport(row, d.now())
}

// Reports returns all reports without their instances, those that were not used for the longest time first.
func (d *Deps) Reports(ctx context.Context) ([]*Report, error) {
	var rows []index.CommitReport
	err := d.Store.View(ctx, func(tx index.ReadTx) (err error) {
		rows, err = tx.CommitReports()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jobkinds: read the storage commitment reports: %w", err)
	}
	now := d.now()
	reports := make([]*Report, len(rows))
	for i := range rows {
		if reports[i], err = newReport(&rows[i], now); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// Asked reports whether the peer with this AE title was ever asked for storage commitment, as far as it is remembered.
func (d *Deps) Asked(ctx context.Context, aet string) bool {
	var rows []index.CommitReport
	err := d.Store.View(ctx, func(tx index.ReadTx) (err error) {
		rows, err = tx.CommitReports()
		return err
	})
	if err != nil {
		d.log().Error("read the storage commitment requests", "error", err)
		return false
	}
	return slices.ContainsFunc(rows, func(r index.CommitReport) bool { return d.Modalities.Same(r.RemoteAET, aet) })
}

func newReport(row *index.CommitReport, now time.Time) (*Report, error) {
	data, err := reportDataOf(row)
	if err != nil {
		return nil, err
	}
	r := &Report{CommitReport: *row, Missing: data.Missing, Extra: data.Extra, Deadline: data.Deadline, Job: data.Job,
		ResubmittedAs: data.ResubmittedAs}
	r.Status = data.status(row, now)
	return r, nil
}

// RemoveCommitted deletes from the store the instances of a report with Status Success, and only those that were asked
// for under their SOP class; ErrUnknownTransaction, ErrNotCommitted.
func (d *Deps) RemoveCommitted(ctx context.Context, transaction dicom.UID) error {
	report, err := d.Report(ctx, transaction)
	if err != nil {
		return err
	}
	if report.Status != index.CommitSuccess {
		return ErrNotCommitted
	}
	for _, ref := range report.Success {
		ids, err := d.instancesOf(ctx, ref)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := d.Store.Delete(ctx, index.Instance, id); err != nil && !isNotFound(err) {
				return fmt.Errorf("jobkinds: remove the committed instance %s: %w", ref.SOPInstanceUID, err)
			}
		}
	}
	return nil
}

// instancesOf finds the stored instances of a reference, whichever patient they belong to.
func (d *Deps) instancesOf(ctx context.Context, ref index.Reference) (ids []index.ID, err error) {
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		found, err := tx.Identify(string(ref.SOPInstanceUID))
		if err != nil {
			return err
		}
		for _, f := range found {
			if f.Level != index.Instance {
				continue
			}
			row, err := tx.Instance(f.ID)
			if err != nil {
				return err
			}
			if row.SOPClassUID == ref.SOPClassUID {
				ids = append(ids, f.ID)
			}
		}
		return nil
	})
	return ids, err
}

// reportJSON is the report in Orthanc's form; Extra, Missing and ResubmittedAs are additions of this program.
type reportJSON struct {
	Extra         *[]referenceJSON `json:",omitempty"`
	Failures      *[]failureJSON   `json:",omitempty"`
	Missing       *[]referenceJSON `json:",omitempty"`
	RemoteAET     string
	ResubmittedAs dicom.UID `json:",omitempty"`
	Status        index.CommitStatus
	Success       *[]referenceJSON `json:",omitempty"`
}

type referenceJSON struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
}

type failureJSON struct {
	Description    string
	FailureReason  uint16
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
}

// MarshalJSON writes the report as Orthanc does: no lists while none has come.
func (r *Report) MarshalJSON() ([]byte, error) {
	out := reportJSON{RemoteAET: r.RemoteAET, Status: r.Status, ResubmittedAs: r.ResubmittedAs}
	if r.Status != index.CommitPending && r.Status != StatusTimeout {
		success, failures := toJSON(r.Success), make([]failureJSON, len(r.Failures))
		for i, f := range r.Failures {
			failures[i] = failureJSON{DescribeReason(f.Reason), f.Reason, f.SOPClassUID, f.SOPInstanceUID}
		}
		out.Success, out.Failures = &success, &failures
	}
	if len(r.Missing) > 0 {
		missing := toJSON(r.Missing)
		out.Missing = &missing
	}
	if len(r.Extra) > 0 {
		extra := toJSON(r.Extra)
		out.Extra = &extra
	}
	return json.Marshal(out)
}

func toJSON(refs []index.Reference) []referenceJSON {
	out := make([]referenceJSON, len(refs))
	for i, r := range refs {
		out[i] = referenceJSON(r)
	}
	return out
}

// DescribeReason returns the words for a Failure Reason (0008,1197), as Orthanc has them.
func DescribeReason(reason uint16) string {
	switch reason {
	case ReasonProcessingFailure:
		return "A general failure in processing the operation was encountered"
	case ReasonNoSuchInstance:
		return "One or more of the elements in the Referenced SOP Instance Sequence was not available"
	case ReasonResourceLimitation:
		return "The SCP does not currently have enough resources to store the requested SOP Instance(s)"
	case ReasonClassNotSupported:
		return "Storage Commitment has been requested for a SOP Instance with a SOP Class that is not supported by the SCP"
	case ReasonClassInstanceConflict:
		return "The SOP Class of an element in the Referenced SOP Instance Sequence did not correspond to the SOP class registered for this SOP Instance at the SCP"
	case ReasonDuplicateTransaction:
		return "The Transaction UID of the Storage Commitment Request is already in use"
	}
	return "Unknown failure reason"
}

// finish compares what a peer reports with what it was asked for. Only a report that commits to everything that was
// asked for is a success.
func finish(row *index.CommitReport, kept *reportData, data *CommitmentData, now time.Time) error {
	asked := make(map[index.Reference]bool, len(row.Requested)) // true once it was reported on
	for _, r := range row.Requested {
		asked[r] = false
	}
	var extra []index.Reference
	row.Success, row.Failures = nil, nil
	for _, r := range data.References {
		if _, ok := asked[r]; !ok {
			extra = append(extra, r)
			continue
		}
		asked[r] = true
		row.Success = append(row.Success, r)
	}
	for _, f := range data.Failures {
		if _, ok := asked[f.Reference]; !ok {
			extra = append(extra, f.Reference)
			continue
		}
		asked[f.Reference] = true
		row.Failures = append(row.Failures, f)
	}
	var missing []index.Reference
	for _, r := range row.Requested {
		if reported := asked[r]; !reported {
			missing = append(missing, r)
			asked[r] = true
		}
	}
	row.Status = index.CommitSuccess
	if len(row.Failures) > 0 || len(missing) > 0 || len(row.Success) == 0 {
		row.Status = index.CommitFailure
	}
	row.Finished, row.LastUsed = now, now
	kept.Missing, kept.Extra, kept.Unanswered = missing, extra, false
	return putReportData(row, kept)
}
