package jobkinds

import (
	"context"
	"errors"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/scu"
	"gantry/internal/storage/index"
)

// longWait is how long a job without a deadline waits before it looks again for a report, though it would be told.
const longWait = 24 * time.Hour

// Step stores one instance again, asks when all are stored, and then waits without holding a slot of the engine. A job that
// only goes on with a request of the last run is done when that is asked.
func (j *commitmentSCUJob) Step(ctx context.Context) (res jobs.Result, err error) {
	defer func() {
		if err != nil && j.send != nil {
			j.send.letGo()
		}
	}()
	if err := ctx.Err(); err != nil {
		return jobs.Result{}, err
	}
	if j.Over {
		return j.again(ctx)
	}
	if !j.Asked && j.overdue() {
		return jobs.Result{}, j.timedOut()
	}
	switch {
	case j.send != nil && j.send.Position < len(j.send.Instances):
		return jobs.Result{}, j.sendOne(ctx)
	case !j.Asked:
		err := j.ask(ctx)
		return jobs.Result{Save: true, Done: err == nil && j.Original == ""}, err
	}
	return j.look(ctx)
}

func (j *commitmentSCUJob) overdue() bool {
	return !j.Deadline.IsZero() && !j.deps.now().Before(j.Deadline)
}

func (j *commitmentSCUJob) timedOut() error {
	j.attempt().Status = StatusTimeout
	return jobs.Failf(jobs.CodeTimeout, "no storage commitment report of %s within the deadline, %s is still open", j.PeerAET, j.attempt().TransactionUid)
}

// brokenLimit is how often an association may break at one instance before that is left out.
const brokenLimit = 2

// sendOne stores one instance again. One that the peer does not take is left out, and asked for all the same: the report
// says what is to be known of it. Trouble on the way to the peer passes, or does not until the deadline.
func (j *commitmentSCUJob) sendOne(ctx context.Context) error {
	position := j.send.Position
	err := j.send.sendNext(ctx)
	if err == nil {
		if j.send.Position > position {
			j.attempt().SentInstancesCount++
			j.Broken = 0
		}
		return nil
	}
	var unknown *UnknownModalityError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &unknown):
		return err
	case j.send.link == nil:
		return jobs.Again(err)
	case j.send.link.broken:
		if j.Broken++; j.Broken < brokenLimit {
			return jobs.Again(err)
		}
		j.send.letGo()
	}
	j.deps.log().Warn("an instance is not stored again", "transaction", j.attempt().TransactionUid, "peer", j.PeerAET, "error", err)
	j.send.Failed = append(j.send.Failed, position)
	j.send.Position++
	j.Broken = 0
	return nil
}

// letGo gives up the association.
func (j *sendJob) letGo() {
	if j.link != nil {
		j.link.abort()
		j.link = nil
	}
}

// ask sends the request of the present attempt.
func (j *commitmentSCUJob) ask(ctx context.Context) error {
	if j.send != nil && j.send.link != nil {
		j.send.link.release(ctx)
		j.send.link = nil
	}
	refs, err := j.references(ctx)
	if err != nil {
		return err
	}
	call := Call{Timeout: j.Options.Timeout, LocalAET: j.LocalAET, CalledAET: j.PeerAET}
	err = j.deps.ask(ctx, j.Modality, j.attempt().TransactionUid, refs, call, j.Deadline, j.handle.ID())
	var unknown *UnknownModalityError
	var none *scu.NoContextError
	switch {
	case err == nil:
		j.Asked = true
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &unknown), errors.As(err, &none), refused(err):
		return jobs.Fail(jobs.CodeNetworkProtocol, err)
	}
	return jobs.Again(jobs.Fail(jobs.CodeNetworkProtocol, err))
}

// references are those of the present attempt's row; where that was given up, what is outstanding of an earlier one.
func (j *commitmentSCUJob) references(ctx context.Context) ([]index.Reference, error) {
	row, err := j.deps.loadReport(ctx, j.attempt().TransactionUid)
	if err == nil {
		return row.Requested, nil
	}
	if !errors.Is(err, ErrUnknownTransaction) {
		return nil, err
	}
	refs, _, err := j.outstanding(ctx)
	return refs, err
}

// look reads the report.
func (j *commitmentSCUJob) look(ctx context.Context) (jobs.Result, error) {
	row, err := j.deps.loadReport(ctx, j.attempt().TransactionUid)
	if err != nil {
		return jobs.Result{}, notKept(err, j.attempt().TransactionUid)
	}
	data, err := reportDataOf(row)
	if err != nil {
		return jobs.Result{}, err
	}
	now := j.attempt()
	now.Status = data.status(row, j.deps.now())
	switch now.Status {
	case index.CommitPending:
		wait := longWait
		if !j.Deadline.IsZero() {
			wait = max(min(wait, j.Deadline.Sub(j.deps.now())), time.Millisecond)
		}
		return jobs.Result{RetryAfter: wait}, nil
	case StatusTimeout:
		return jobs.Result{}, j.timedOut()
	}
	now.FailedInstancesCount = len(outstanding(row, &data))
	if now.Status == index.CommitSuccess {
		return jobs.Result{Done: true}, nil
	}
	if len(j.Attempts) < j.Options.Attempts {
		return jobs.Result{Save: true}, j.next(ctx)
	}
	return jobs.Result{}, jobs.Failf(jobs.CodeNetworkProtocol, "%d of %d instances are not committed by %s, see /storage-commitment/%s",
		now.FailedInstancesCount, now.InstancesCount, j.PeerAET, now.TransactionUid)
}

// again goes on with a job that has failed: it waits further for a report that may still come in time, or begins another
// attempt with what is outstanding.
func (j *commitmentSCUJob) again(ctx context.Context) (jobs.Result, error) {
	row, err := j.deps.loadReport(ctx, j.attempt().TransactionUid)
	if err != nil && !errors.Is(err, ErrUnknownTransaction) {
		return jobs.Result{}, err
	}
	if err == nil && (row.Status == index.CommitSuccess || row.Status == index.CommitPending && !j.overdue()) {
		j.Over, j.Asked = false, j.Asked || row.Status == index.CommitSuccess
		j.deps.uses.hold(j.attempt().TransactionUid)
		return jobs.Result{}, nil
	}
	return jobs.Result{Save: true}, j.next(ctx)
}

// Ended takes back a request that the peer never got, so that nothing pends that nobody asked for.
func (j *commitmentSCUJob) Ended(ctx context.Context, err error) {
	transaction := j.attempt().TransactionUid
	j.deps.uses.release(transaction)
	if err == nil {
		return
	}
	j.Over = true
	if j.Asked || j.attempt().Status == StatusTimeout {
		return
	}
	if err := j.takeBack(ctx, transaction); err != nil {
		j.deps.log().Error("a storage commitment request cannot be taken back", "transaction", transaction, "error", err)
	}
}

func (j *commitmentSCUJob) takeBack(ctx context.Context, transaction dicom.UID) error {
	if err := j.deps.dropReport(ctx, transaction); err != nil {
		return err
	}
	earlier := j.Original
	if n := len(j.Attempts); n > 1 {
		earlier = j.Attempts[n-2].TransactionUid
	}
	return j.deps.Store.Update(ctx, func(tx index.Tx) error {
		return ignoreNotFound(updateReportData(tx, earlier, func(_ *index.CommitReport, data *reportData) error {
			data.ResubmittedAs, data.ResubmitJob = "", ""
			return nil
		}))
	})
}
