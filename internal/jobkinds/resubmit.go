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

// ResubmitOptions say how what was not committed is stored again and asked for again.
type ResubmitOptions struct {
	Timeout     int    // seconds for each answer; 0: that of the peer
	Deadline    *int   // seconds for all of an attempt, 0 for no limit; nil: StorageCommitmentDeadline
	Attempts    int    // transactions in all; 0: one
	Description string `json:",omitempty"`
}

// ResubmitError is a transaction of which nothing can be resubmitted.
type ResubmitError struct {
	TransactionUID dicom.UID
	Status         index.CommitStatus
	Job            string // that is at it already, "" if none
}

func (e *ResubmitError) Error() string {
	if e.Job != "" {
		return fmt.Sprintf("jobkinds: storage commitment transaction %s is being resubmitted by job %s", e.TransactionUID, e.Job)
	}
	return fmt.Sprintf("jobkinds: nothing of storage commitment transaction %s can be resubmitted: its status is %s", e.TransactionUID, e.Status)
}

// Resubmit returns the job that stores again what a transaction did not get committed and asks for it under a new
// Transaction UID, and the function that keeps it, which makes the pending report in the same durable transaction.
// Failure and Timeout can be resubmitted; ErrUnknownTransaction, *ResubmitError, *UnknownModalityError.
func (d *Deps) Resubmit(ctx context.Context, transaction dicom.UID, o ResubmitOptions) (jobs.Job, func(context.Context, jobs.Record) error, error) {
	row, err := d.loadReport(ctx, transaction)
	if err != nil {
		return nil, nil, err
	}
	data, err := reportDataOf(row)
	if err != nil {
		return nil, nil, err
	}
	if err := d.mayResubmit(row, &data); err != nil {
		return nil, nil, err
	}
	j := &commitmentSCUJob{deps: d, scuState: scuState{
		Options: o, Modality: row.Modality, LocalAET: row.LocalAET, PeerAET: row.RemoteAET, Original: transaction,
	}}
	rows, err := j.begin(ctx, outstanding(row, &data))
	if err != nil {
		return nil, nil, err
	}
	save := func(ctx context.Context, rec jobs.Record) error {
		err := d.Store.Update(ctx, func(tx index.Tx) error {
			err := updateReportData(tx, transaction, func(_ *index.CommitReport, now *reportData) error {
				if now.ResubmitJob != data.ResubmitJob { // another call was faster
					return &ResubmitError{TransactionUID: transaction, Job: now.ResubmitJob}
				}
				now.ResubmittedAs, now.ResubmitJob = j.attempt().TransactionUid, rec.ID
				return nil
			})
			if err != nil {
				return err
			}
			return j.write(tx, rows, rec)
		})
		if err == nil {
			d.uses.hold(j.attempt().TransactionUid)
		}
		return err
	}
	return j, save, nil
}

func (d *Deps) mayResubmit(row *index.CommitReport, data *reportData) error {
	status := data.status(row, d.now())
	if status != index.CommitFailure && status != StatusTimeout {
		return &ResubmitError{TransactionUID: dicom.UID(row.TransactionUID), Status: status}
	}
	if d.isOpen(data.ResubmitJob) {
		return &ResubmitError{TransactionUID: dicom.UID(row.TransactionUID), Status: status, Job: data.ResubmitJob}
	}
	return nil
}

// begin adds an attempt to the job; the references it returns are to be written with the job.
func (j *commitmentSCUJob) begin(ctx context.Context, refs []index.Reference) ([]index.Reference, error) {
	if len(refs) == 0 {
		return nil, ErrNoReferences
	}
	if _, ok := j.deps.Modalities.Get(j.Modality); !ok {
		return nil, &UnknownModalityError{j.Modality}
	}
	ids, err := j.deps.stored(ctx, refs)
	if err != nil {
		return nil, err
	}
	j.Deadline = j.deps.deadline(j.Options.Deadline)
	j.Asked, j.Over, j.Broken = false, false, 0
	j.Attempts = append(slices.Clip(j.Attempts), scuAttempt{TransactionUid: dicom.NewUID(), InstancesCount: len(refs), FailedInstancesCount: len(refs), Status: index.CommitPending})
	j.adopt(&sendState{
		Options:  SendOptions{Modality: j.Modality, LocalAET: j.LocalAET, CalledAET: j.PeerAET, Timeout: j.Options.Timeout},
		LocalAET: j.LocalAET, RemoteAET: j.PeerAET, Instances: ids,
	})
	return refs, nil
}

// write keeps the job and the pending report of its present attempt.
func (j *commitmentSCUJob) write(tx index.Tx, refs []index.Reference, rec jobs.Record) error {
	m, ok := j.deps.Modalities.Get(j.Modality)
	if !ok {
		return &UnknownModalityError{j.Modality}
	}
	data := reportData{Deadline: j.Deadline, Unanswered: true, Job: rec.ID}
	call := Call{LocalAET: j.LocalAET, CalledAET: j.PeerAET}
	if err := j.deps.putPending(tx, j.Modality, m, j.attempt().TransactionUid, refs, call, data); err != nil {
		return err
	}
	if err := j.deps.NoteExports(tx, j.Modality, j.send.Instances); err != nil {
		return err
	}
	return j.deps.putJob(tx, rec)
}

// next begins another attempt with what is outstanding, durably before anything of it is sent.
func (j *commitmentSCUJob) next(ctx context.Context) error {
	refs, from, err := j.outstanding(ctx)
	if err != nil {
		return err
	}
	before, sending := j.scuState, j.send
	if refs, err = j.begin(ctx, refs); err == nil {
		err = j.keepAttempt(ctx, refs, from)
	}
	if err != nil {
		j.scuState, j.send = before, sending
		return err
	}
	j.deps.uses.release(from)
	j.deps.uses.hold(j.attempt().TransactionUid)
	return nil
}

func (j *commitmentSCUJob) keepAttempt(ctx context.Context, refs []index.Reference, from dicom.UID) error {
	rec, err := j.handle.Record()
	if err != nil {
		return err
	}
	return j.deps.Store.Update(ctx, func(tx index.Tx) error {
		err := updateReportData(tx, from, func(_ *index.CommitReport, data *reportData) error {
			data.ResubmittedAs, data.ResubmitJob = j.attempt().TransactionUid, rec.ID
			return nil
		})
		if err != nil {
			return err
		}
		return j.write(tx, refs, rec)
	})
}

// outstanding returns what the newest attempt that is still kept, or the original transaction, did not get committed.
func (j *commitmentSCUJob) outstanding(ctx context.Context) (refs []index.Reference, from dicom.UID, err error) {
	transactions := make([]dicom.UID, 0, len(j.Attempts)+1)
	for _, a := range slices.Backward(j.Attempts) {
		transactions = append(transactions, a.TransactionUid)
	}
	if j.Original != "" {
		transactions = append(transactions, j.Original)
	}
	for _, from := range transactions {
		row, err := j.deps.loadReport(ctx, from)
		if errors.Is(err, ErrUnknownTransaction) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		data, err := reportDataOf(row)
		return outstanding(row, &data), from, err
	}
	return nil, "", notKept(ErrUnknownTransaction, j.attempt().TransactionUid)
}

// notKept gives an unknown transaction the code of a job's error.
func notKept(err error, transaction dicom.UID) error {
	if errors.Is(err, ErrUnknownTransaction) {
		return jobs.Failf(jobs.CodeInexistent, "the storage commitment report %s is no longer kept", transaction)
	}
	return err
}

// stored returns the instances of references that are stored here, one for each, under their SOP class.
func (d *Deps) stored(ctx context.Context, refs []index.Reference) (idList, error) {
	ids := idList{}
	for page := range slices.Chunk(refs, pageSize) {
		found, err := d.Store.Lookup(ctx, page)
		if err != nil {
			return nil, fmt.Errorf("jobkinds: look up what to store again: %w", err)
		}
		for _, f := range found {
			if f.Present {
				ids = append(ids, f.Blob.Instance)
			}
		}
	}
	return ids, nil
}
