package index

import (
	"time"
)

// JobRow is a job as the engine wants it kept.
type JobRow struct {
	ID           string
	Kind         string
	State        string
	Priority     int
	Seq          int64
	Number       int64 // PutJob leaves a row with a larger one as it is
	Created      time.Time
	Changed      time.Time
	NextAttempt  time.Time
	Runtime      time.Duration
	Attempt      int
	Progress     int
	ErrorCode    int
	ErrorText    string // JSON of the error's payload, "" if it has none; words in rows of earlier versions
	ErrorDetails string
	Version      int    // of Data
	Data         []byte // the job's private state
	DataKept     bool   // PutJob leaves Data as it was stored before
	Content      []byte // its public state, JSON
	UserData     []byte // JSON
}

// CommitState is how far a storage commitment request has come.
type CommitState string

// The states of a request that a peer sent to us (PS3.4 J).
const (
	// CommitReceiving is a large request whose references are kept while they come; nobody was promised anything yet.
	CommitReceiving CommitState = "receiving"

	CommitOpen     CommitState = "open"     // kept, not looked up yet
	CommitDecided  CommitState = "decided"  // the outcome is kept, the report on it not delivered
	CommitReported CommitState = "reported" // delivered
	CommitFailed   CommitState = "failed"   // delivery given up
)

// CommitRequest is a storage commitment request that a peer sent to us (SCP side). Its references lie beside it, in
// chunks, so that a large request never has to be in memory as a whole.
type CommitRequest struct {
	PeerAET        string
	TransactionUID string
	CalledAET      string
	PeerAddr       string
	State          CommitState
	Count          int      // references in all
	Digest         [32]byte // of the request, to tell a repeat from another use of the UID
	EventTypeID    uint16   // of the report
	Outcome        []byte   // what was decided on each reference, stored before the first report is sent
	JobID          string
	Attempts       int
	LastError      string
	Created        time.Time
	Decided        time.Time
	Delivered      time.Time
	Data           []byte // whatever else the service keeps
}

// CommitStatus is the state of a report.
type CommitStatus string

// The states, as Orthanc's GET /storage-commitment/{uid} spells them.
const (
	CommitPending CommitStatus = "Pending"
	CommitSuccess CommitStatus = "Success"
	CommitFailure CommitStatus = "Failure"
)

// CommitReport is the report of a request that we sent (SCU side).
type CommitReport struct {
	TransactionUID string
	RemoteAET      string
	Modality       string
	LocalAET       string
	Status         CommitStatus
	Requested      []Reference
	Success        []Reference
	Failures       []CommitFailureItem
	Created        time.Time
	Finished       time.Time
	LastUsed       time.Time
	Data           []byte // whatever else the service keeps
}

// CommitFailureItem is a reference the peer did not commit to, with its Failure Reason (0008,1197).
type CommitFailureItem struct {
	Reference
	Reason uint16
}

// ModalityRow is a peer that was written through the REST API.
type ModalityRow struct {
	Name string
	JSON []byte
}
