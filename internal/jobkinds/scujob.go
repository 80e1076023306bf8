package jobkinds

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// commitmentSCUJob asks a peer for commitment until it has reported: it stores instances again, asks under a Transaction
// UID of its own, and waits for the report until the deadline. What it asks for is in the report's row, which is made in
// the same transaction as the job.
type commitmentSCUJob struct {
	deps *Deps
	scuState
	send   *sendJob // of the present attempt; nil: nothing is stored again
	handle jobs.Handle
}

// scuState is what a commitmentSCUJob keeps.
type scuState struct {
	Options  ResubmitOptions
	Modality string
	LocalAET string
	PeerAET  string
	Original dicom.UID `json:",omitempty"` // whose failures are asked for again; "": a request of the last run goes on
	Deadline time.Time `json:",omitzero"`  // of the present attempt
	Attempts []scuAttempt
	Asked    bool       `json:",omitempty"` // the peer has the request of the present attempt
	Over     bool       `json:",omitempty"` // the present attempt has failed: a resubmit begins another
	Broken   int        `json:",omitempty"` // associations that broke at the present instance
	Send     *sendState `json:",omitempty"` // where it is kept only: see commitmentSCUJob.send
}

// scuAttempt is one transaction of the job, as users see it.
type scuAttempt struct {
	FailedInstancesCount int // not committed, as far as was reported
	InstancesCount       int // asked for
	SentInstancesCount   int // stored again before
	Status               index.CommitStatus
	TransactionUid       dicom.UID //nolint:revive // as in StorageCommitmentScp
}

const scuStateVersion = 1

func (d *Deps) restoreCommitmentSCU(version int, data []byte) (jobs.Job, error) {
	if version != scuStateVersion {
		return nil, fmt.Errorf("jobkinds: version %d of a %s is not known", version, KindCommitmentSCU)
	}
	j := &commitmentSCUJob{deps: d}
	if err := json.Unmarshal(data, &j.scuState); err != nil {
		return nil, fmt.Errorf("jobkinds: state of a %s: %w", KindCommitmentSCU, err)
	}
	if len(j.Attempts) == 0 {
		return nil, fmt.Errorf("jobkinds: a %s without attempt", KindCommitmentSCU)
	}
	if latest := d.deadline(j.Options.Deadline); j.Original != "" && j.Deadline.After(latest) { // the clock was set back since
		j.Deadline = latest
	}
	j.adopt(j.Send)
	j.Send = nil
	d.uses.hold(j.attempt().TransactionUid)
	return j, nil
}

// adopt makes the part that sends from its state.
func (j *commitmentSCUJob) adopt(state *sendState) {
	j.send = nil
	if state != nil {
		j.send = &sendJob{deps: j.deps, sendState: *state}
	}
}

// Kind is StorageCommitmentScu.
func (j *commitmentSCUJob) Kind() string { return KindCommitmentSCU }

// Bind tells the job of itself.
func (j *commitmentSCUJob) Bind(h jobs.Handle) { j.handle = h }

// State is everything but the association.
func (j *commitmentSCUJob) State() (int, []byte, error) {
	state := j.scuState
	if j.send != nil {
		state.Send = &j.send.sendState
	}
	data, err := json.Marshal(state)
	return scuStateVersion, data, err
}

// RetryPolicy goes on until Step says that the deadline has passed.
func (j *commitmentSCUJob) RetryPolicy() jobs.RetryPolicy {
	return jobs.RetryPolicy{Base: 2 * time.Second, Max: time.Minute}
}

// attempt is the present one.
func (j *commitmentSCUJob) attempt() *scuAttempt { return &j.Attempts[len(j.Attempts)-1] }

// Progress counts what is stored again, the request, and the report.
func (j *commitmentSCUJob) Progress() (done, total int) {
	if j.send != nil {
		done, total = j.send.Position, len(j.send.Instances)
	}
	if j.Asked {
		done++
	}
	if s := j.attempt().Status; s == index.CommitSuccess || s == index.CommitFailure {
		done++
	}
	return done, total + 2
}

// scuContent is what users see of the job.
type scuContent struct {
	Attempts               []scuAttempt
	Deadline               string `json:",omitempty"`
	Description            string
	FailedInstancesCount   int
	InstancesCount         int
	LocalAet               string
	OriginalTransactionUid dicom.UID `json:",omitempty"` //nolint:revive // as in StorageCommitmentScp
	RemoteAet              string
	SentInstancesCount     int
	Status                 index.CommitStatus
	TransactionUid         dicom.UID //nolint:revive // as in StorageCommitmentScp
}

// Content shows the present attempt, and all of them.
func (j *commitmentSCUJob) Content() any {
	now := j.attempt()
	c := scuContent{
		Attempts: slices.Clone(j.Attempts), Description: j.Options.Description, LocalAet: j.LocalAET, RemoteAet: j.PeerAET,
		OriginalTransactionUid: j.Original, FailedInstancesCount: now.FailedInstancesCount, InstancesCount: now.InstancesCount,
		SentInstancesCount: now.SentInstancesCount, Status: now.Status, TransactionUid: now.TransactionUid,
	}
	if !j.Deadline.IsZero() {
		c.Deadline = jobs.FormatTime(j.Deadline)
	}
	return c
}
