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

// commitmentJob reports on a storage commitment request: it decides, keeps the report, and delivers it. Everything that
// counts is in the request's row, so the job itself only has to know which that is.
type commitmentJob struct {
	deps *Deps
	requestState
	handle jobs.Handle
	jobID  string
	done   int
	since  time.Time // from when on the time for delivery is to be added to Spent
}

// requestState is what a commitmentJob keeps.
type requestState struct {
	Peer        string // key of the row
	Transaction dicom.UID
	Count       int
	Since       time.Time // when delivery was asked for
	// Spent is the time since then, as far as a server ran that had the job: what the clock was set to does not count.
	Spent   time.Duration `json:",omitempty"`
	Content commitmentContent
}

// commitmentContent is what users see of the job.
type commitmentContent struct {
	CalledAet      string
	Committed      *int `json:",omitempty"` // instances, once that is decided
	Description    string
	Failed         *int `json:",omitempty"`
	Instances      int
	RemoteAet      string
	RemoteIp       string //nolint:revive // Orthanc's spelling
	TransactionUid dicom.UID
}

const requestStateVersion = 1

// newCommitmentJob returns the job of a request.
func (d *Deps) newCommitmentJob(row *index.CommitRequest) *commitmentJob {
	j := &commitmentJob{deps: d, since: time.Now(), requestState: requestState{
		Peer: row.PeerAET, Transaction: dicom.UID(row.TransactionUID), Count: row.Count, Since: time.Now(),
		Content: commitmentContent{
			CalledAet: row.CalledAET, RemoteAet: peerOf(row.PeerAET), RemoteIp: row.PeerAddr,
			Instances: row.Count, TransactionUid: dicom.UID(row.TransactionUID),
		},
	}}
	if counts, err := countReasons(row.Outcome); err == nil && len(counts) > 0 {
		j.showOutcome(counts[0])
	}
	return j
}

// showOutcome tells users what was decided.
func (j *commitmentJob) showOutcome(committed int) {
	failed := j.Count - committed
	j.requestState.Content.Committed, j.requestState.Content.Failed = &committed, &failed
}

func (d *Deps) restoreCommitment(version int, data []byte) (jobs.Job, error) {
	if version != requestStateVersion {
		return nil, fmt.Errorf("jobkinds: version %d of a %s is not known", version, KindCommitmentSCP)
	}
	j := &commitmentJob{deps: d, since: time.Now()}
	if err := json.Unmarshal(data, &j.requestState); err != nil {
		return nil, fmt.Errorf("jobkinds: state of a %s: %w", KindCommitmentSCP, err)
	}
	return j, nil
}

func (j *commitmentJob) id() requestID { return requestID{j.Peer, j.Transaction} }

// Bind tells the job its id.
func (j *commitmentJob) Bind(h jobs.Handle) { j.handle, j.jobID = h, h.ID() }

// Kind is StorageCommitmentScp.
func (j *commitmentJob) Kind() string { return KindCommitmentSCP }

// Progress counts the references, and the delivery as one more.
func (j *commitmentJob) Progress() (done, total int) { return j.done, j.Count + 1 }

// Content is what Orthanc shows of such a job.
func (j *commitmentJob) Content() any { return j.requestState.Content }

// State is the key of the request's row.
func (j *commitmentJob) State() (int, []byte, error) {
	state := j.requestState
	state.Spent = j.spent()
	data, err := json.Marshal(state)
	return requestStateVersion, data, err
}

// RetryPolicy doubles the delay up to StorageCommitmentRetryMaximumDelay; Step bounds the whole time.
func (j *commitmentJob) RetryPolicy() jobs.RetryPolicy {
	c := j.deps.Config
	return jobs.RetryPolicy{
		Base: time.Duration(c.StorageCommitmentRetryDelay) * time.Second,
		Max:  time.Duration(c.StorageCommitmentRetryMaximumDelay) * time.Second,
	}
}

// Step takes the request one state further.
func (j *commitmentJob) Step(ctx context.Context) (jobs.Result, error) {
	row, err := j.deps.loadRequest(ctx, j.id())
	if err != nil {
		return jobs.Result{}, j.retryable(err)
	}
	switch {
	case row.State == index.CommitReported, row.JobID != j.jobID: // delivered, or another job does it now
		j.done = j.Count + 1
		return jobs.Result{Done: true}, nil
	case len(row.Outcome) == 0:
		if err := j.decide(ctx, row); err != nil {
			return jobs.Result{}, j.retryable(err)
		}
		j.done = j.Count
		return jobs.Result{}, nil
	}
	j.done = j.Count
	if wait, err := j.deps.held(row); err != nil || wait > 0 {
		return jobs.Result{RetryAfter: wait}, err
	}
	if err := j.deliver(ctx, row); err != nil {
		return jobs.Result{}, err
	}
	j.done = j.Count + 1
	return jobs.Result{Done: true}, nil
}

// Resubmit asks for the report to be decided, if it is not, and delivered again.
func (j *commitmentJob) Resubmit() error {
	j.since, j.Spent, j.done = time.Now(), 0, 0
	j.Since = j.since
	return j.deps.updateRequest(context.Background(), j.id(), reopen)
}

// Ended notes in the request that its report was given up.
func (j *commitmentJob) Ended(ctx context.Context, err error) {
	j.deps.live.remove(j.id())
	j.deps.away.leave(j.id())
	if j.deps.Reporting != nil {
		j.deps.Reporting.Forget(newReportKey(j.Peer, j.requestState.Content.CalledAet, j.Transaction))
	}
	if err == nil {
		return
	}
	noteErr := j.deps.updateRequest(ctx, j.id(), func(row *index.CommitRequest) {
		if row.State != index.CommitReported {
			row.State, row.LastError = index.CommitFailed, plain(err)
		}
	})
	j.log().Warn("a storage commitment report was given up", "error", err)
	if noteErr != nil {
		j.log().Error("that it was given up cannot be noted", "error", noteErr)
	}
}

// retryable marks an error for another attempt while the time for delivery lasts; of a handler it is given only while
// there is time.
func (j *commitmentJob) retryable(err error) error {
	var handler *HandlerError
	switch {
	case errors.As(err, &handler):
	case errors.Is(err, errForgotten), j.outOfTime():
		return err
	}
	return jobs.Again(err)
}

// spent is how long delivery has been tried, or waited for.
func (j *commitmentJob) spent() time.Duration { return j.Spent + time.Since(j.since) }

// outOfTime tells that StorageCommitmentRetryFor is over.
func (j *commitmentJob) outOfTime() bool {
	return j.spent() >= time.Duration(j.deps.Config.StorageCommitmentRetryFor)*time.Second
}
