package jobs

import (
	"context"
	"encoding/json"
	"time"
)

// State is where a job stands.
type State string

// The states, spelt as users see them.
const (
	Pending State = "Pending"
	Running State = "Running"
	Success State = "Success"
	Failure State = "Failure"
	Paused  State = "Paused"
	Retry   State = "Retry"
)

// States returns all of them.
func States() []State { return []State{Pending, Running, Success, Failure, Paused, Retry} }

// Ended reports whether the job is complete.
func (s State) Ended() bool { return s == Success || s == Failure }

// Record is a job as it is kept: enough to show it, and to go on with it.
type Record struct {
	ID           string // lower-case UUID
	Kind         string
	State        State
	Priority     int   // larger runs first
	Seq          int64 // order among equal priorities
	Number       int64 // of this state of the job: one with a larger number is newer
	Created      time.Time
	Changed      time.Time     // last change of State
	Runtime      time.Duration // time spent running
	ErrorCode    Code
	ErrorDetails string
	ErrorPayload []byte // JSON that the error had with it; nil: none
	Version      int    // of Data
	Data         []byte // what Job.State returned
	DataKept     bool   // Version and Data are left out here: they are what was saved last
	Content      []byte // JSON of Job.Content
	UserData     []byte // JSON given at submit; nil if none
	Done, Total  int
	Attempt      int       // failed attempts in a row
	NextAttempt  time.Time // in state Retry
}

// Saver keeps records. Save and Delete return when the change is durable.
//
// A record never replaces one of the same job with a larger number: what the engine saves may have been overtaken by a
// transaction of the job's own ([Handle.Record]), or the other way around.
type Saver interface {
	Save(ctx context.Context, records []Record) error
	Delete(ctx context.Context, ids ...string) error
	// State returns the Data of a record, ErrUnknown if it is not there.
	State(ctx context.Context, id string) ([]byte, error)
	// Load returns all records, in any order.
	Load(ctx context.Context) ([]Record, error)
}

// Options of one submit.
type Options struct {
	Priority int
	UserData json.RawMessage
	// Beside runs the job at once, beside those that hold a slot: for work whose pace somebody else sets, such as a
	// download, which must not keep others waiting. After a pause it lines up like any other.
	Beside bool
	// NoWait answers ErrQueueFull instead of waiting for room.
	NoWait bool
	// ID, if not empty, is the id of the job: a UUID drawn with NewID.
	ID string
	// Save, if set, is called instead of the engine's Saver to keep the new job, so that it becomes
	// durable in the same transaction as something else.
	Save func(ctx context.Context, r Record) error
}
