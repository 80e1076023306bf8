package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"time"
)

// Info is what users see of a job.
type Info struct {
	ID           string
	Kind         string
	State        State
	Priority     int
	Done, Total  int
	Content      any // as last published
	ErrorCode    Code
	ErrorDetails string
	ErrorPayload json.RawMessage // nil: none
	Created      time.Time
	Changed      time.Time // last change of State
	Taken        time.Time // the moment this Info was taken
	Runtime      time.Duration
	Attempt      int
	NextAttempt  time.Time
	UserData     json.RawMessage
	Change       int64 // number of the last change of the job, larger than those of changes before it
}

// Progress returns the part that is done in percent.
func (i Info) Progress() int {
	switch {
	case i.State == Success:
		return 100
	case i.Total <= 0:
		return 0
	}
	part := min(max(float64(i.Done)/float64(i.Total), 0), 1)
	return int(math.Round(100 * part))
}

// Err returns the error the job ended with, nil if it did not fail.
func (i Info) Err() error {
	if i.State != Failure {
		return nil
	}
	err := &Error{Code: i.ErrorCode, Payload: i.ErrorPayload}
	if i.ErrorDetails != "" {
		err.Err = errors.New(i.ErrorDetails)
	}
	return err
}

// FormatTime writes a time the way Orthanc does: UTC, YYYYMMDDTHHMMSS.ffffff.
func FormatTime(t time.Time) string { return t.UTC().Format(TimeFormat + ".000000") }

// TimeFormat is what [FormatTime] writes without the microseconds; [time.Parse] takes them, too.
const TimeFormat = "20060102T150405"

// MarshalJSON writes the job as Orthanc's GET /jobs/{id} shows it.
func (i Info) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := i.WriteJSON(&b, "", "")
	return b.Bytes(), err
}

// arrival estimates when a running job ends; it needs more than one percent of progress.
func (i Info) arrival() (time.Time, bool) {
	if i.State != Running || i.Total <= 0 {
		return time.Time{}, false
	}
	part := float64(i.Done) / float64(i.Total)
	if part <= 0.01 {
		return time.Time{}, false
	}
	left := time.Duration(float64(i.Runtime) / part * (1 - min(part, 1)))
	return i.Taken.Add(left), true
}
