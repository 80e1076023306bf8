package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// Outgoing is a storage commitment request that a peer sent to us, and how its report fares.
type Outgoing struct {
	// ID names it: its Transaction UID, or where several peers used one, UID@AET; a peer's second use of its own has
	// its number behind that. The long form is understood in any case.
	ID             string
	TransactionUID dicom.UID
	RemoteAET      string
	RemoteIP       string
	CalledAET      string
	State          OutgoingState
	Instances      int
	Reasons        map[uint16]int // how many instances have each Failure Reason, 0: committed; empty before the decision
	Created        time.Time
	Decided        time.Time
	Delivered      time.Time
	Attempts       int // to deliver it that failed
	LastError      string
	Delivery       string // new, same or same-then-new
	Address        string // where the peer is called, "" if it is not
	JobID          string
	Job            jobs.Info // the zero value for a job that was forgotten
}

// OutgoingState is how far a report has come.
type OutgoingState string

// The states.
const (
	OutgoingOpen      OutgoingState = "Open"      // asked for, not decided
	OutgoingDecided   OutgoingState = "Decided"   // not delivered
	OutgoingDelivered OutgoingState = "Delivered" //
	OutgoingGivenUp   OutgoingState = "GivenUp"   // not delivered, and not tried any more
)

func outgoingState(row *index.CommitRequest) OutgoingState {
	return map[index.CommitState]OutgoingState{
		index.CommitOpen: OutgoingOpen, index.CommitDecided: OutgoingDecided,
		index.CommitReported: OutgoingDelivered, index.CommitFailed: OutgoingGivenUp,
	}[row.State]
}

var (
	// ErrDelivered means that a report is not sent again: it was delivered.
	ErrDelivered = errors.New("jobkinds: the report was delivered; its peer gets it once more when it repeats its request")
)

// AmbiguousError is a Transaction UID that several requests have.
type AmbiguousError struct {
	TransactionUID string
	IDs            []string
}

func (e *AmbiguousError) Error() string {
	return "jobkinds: several peers used the Transaction UID " + e.TransactionUID + ": name one of " + strings.Join(e.IDs, ", ")
}

// outgoingID is the long form of the name of a request.
func outgoingID(row *index.CommitRequest) string {
	aet, number, again := strings.Cut(row.PeerAET, keySeparator)
	id := row.TransactionUID + "@" + aet
	if again {
		id += "@" + number
	}
	return id
}

// Outgoings lists the requests in some states (in all without any) in order of arrival.
func (d *Deps) Outgoings(ctx context.Context, states ...OutgoingState) (list []Outgoing, err error) {
	var rows []index.CommitRequest
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		rows, err = tx.CommitRequests("")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("jobkinds: read the storage commitment requests: %w", err)
	}
	uses := map[string]int{}
	for i := range rows {
		uses[rows[i].TransactionUID]++
	}
	for i := range rows {
		row := &rows[i]
		if row.State == index.CommitReceiving || len(states) > 0 && !containsState(states, outgoingState(row)) {
			continue
		}
		out, err := d.outgoing(row)
		if err != nil {
			return nil, err
		}
		if uses[row.TransactionUID] == 1 {
			out.ID = row.TransactionUID
		}
		list = append(list, *out)
	}
	return list, nil
}

func containsState(states []OutgoingState, state OutgoingState) bool {
	for _, s := range states {
		if s == state {
			return true
		}
	}
	return false
}

func (d *Deps) outgoing(row *index.CommitRequest) (*Outgoing, error) {
	peer, policy := d.delivery(row)
	out := &Outgoing{
		ID: outgoingID(row), TransactionUID: dicom.UID(row.TransactionUID), RemoteAET: peerOf(row.PeerAET), RemoteIP: row.PeerAddr,
		CalledAET: row.CalledAET, State: outgoingState(row), Instances: row.Count, Created: row.Created, Decided: row.Decided,
		Delivered: row.Delivered, Attempts: row.Attempts, LastError: row.LastError, Delivery: policy, JobID: row.JobID,
	}
	if policy != deliverSame {
		out.Address = addrOf(peer)
	}
	out.Job, _ = d.Jobs.Get(row.JobID)
	var err error
	if out.Reasons, err = countReasons(row.Outcome); err != nil {
		return nil, fmt.Errorf("%w: %s", err, row.TransactionUID)
	}
	return out, nil
}

// FindOutgoing returns the request of an ID; ErrUnknownTransaction, *AmbiguousError.
func (d *Deps) FindOutgoing(ctx context.Context, id string) (*Outgoing, error) {
	row, short, err := d.findRequest(ctx, id)
	if err != nil {
		return nil, err
	}
	out, err := d.outgoing(row)
	if err == nil && short {
		out.ID = row.TransactionUID
	}
	return out, err
}

// findRequest finds the row of a request; short says that its Transaction UID is enough to name it.
func (d *Deps) findRequest(ctx context.Context, id string) (row *index.CommitRequest, short bool, err error) {
	uid, _, long := strings.Cut(id, "@")
	var rows []index.CommitRequest
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		rows, err = tx.CommitRequestsOf(uid)
		return err
	})
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("jobkinds: look for storage commitment request %.80q: %w", id, err)
	case uid == "" || len(rows) == 0: // "" is what a request has that is still coming
		return nil, false, ErrUnknownTransaction
	case !long && len(rows) > 1:
		e := &AmbiguousError{TransactionUID: uid}
		for i := range rows {
			e.IDs = append(e.IDs, outgoingID(&rows[i]))
		}
		return nil, false, e
	}
	for i := range rows {
		if !long || outgoingID(&rows[i]) == id {
			return &rows[i], len(rows) == 1, nil
		}
	}
	return nil, false, ErrUnknownTransaction
}

// SendOutgoing tries to deliver a report now, also one that was given up, and returns the job that does it.
// ErrUnknownTransaction, *AmbiguousError, ErrDelivered.
func (d *Deps) SendOutgoing(ctx context.Context, id string) (jobID string, err error) {
	row, _, err := d.findRequest(ctx, id)
	if err != nil {
		return "", err
	}
	if row.State == index.CommitReported {
		return "", ErrDelivered
	}
	if peer, ok := d.peerEntry(peerOf(row.PeerAET), row.PeerAddr); ok {
		d.away.let(addrOf(peer), requestID{row.PeerAET, dicom.UID(row.TransactionUID)})
	}
	info, known := d.Jobs.Get(row.JobID)
	err = jobs.ErrUnknown
	switch {
	case known && info.State == jobs.Failure:
		err = d.Jobs.Resubmit(ctx, row.JobID)
	case known && info.State == jobs.Paused:
		err = d.Jobs.Resume(ctx, row.JobID)
	case known && info.State != jobs.Success:
		err = d.tryNow(ctx, row.JobID)
	}
	if !errors.Is(err, jobs.ErrUnknown) && !errors.Is(err, jobs.ErrState) {
		return row.JobID, err
	}
	jobID, err = d.newJobFor(ctx, row, true)
	if err == nil && jobID == "" { // another call was faster
		row, _, err = d.findRequest(ctx, id)
		if err == nil {
			jobID = row.JobID
		}
	}
	return jobID, err
}

// tryNow is TryNow for a job that may just have failed, which is shown when it is kept. One that is being tried, or about
// to be, needs nothing.
func (d *Deps) tryNow(ctx context.Context, job string) error {
	err := d.Jobs.TryNow(ctx, job)
	if errors.Is(err, jobs.ErrState) {
		err = d.Jobs.Resubmit(ctx, job)
	}
	if errors.Is(err, jobs.ErrState) {
		return nil
	}
	return err
}
