package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

var (
	// ErrUnknown means that no job has this id, or that the history has forgotten it.
	ErrUnknown = errors.New("jobs: unknown job")
	// ErrState means that the call does not apply to the job's present state.
	ErrState = errors.New("jobs: not possible in this state")
	// ErrQueueFull means that the engine holds as many unfinished jobs as it may.
	ErrQueueFull = errors.New("jobs: the queue is full")
	// ErrStopped means that the engine was stopped.
	ErrStopped = errors.New("jobs: the engine is stopped")
	// ErrNoOutput means that the job has no such file.
	ErrNoOutput = errors.New("jobs: no such output")
)

// Reasons why the context of a step ends; context.Cause tells them apart.
var (
	errPaused   = errors.New("jobs: paused")
	errCanceled = Fail(CodeCanceled, nil)
)

// RefusedError is a resubmit that the job itself refused.
type RefusedError struct {
	ID  string
	Err error
}

func (e *RefusedError) Error() string {
	return "jobs: resubmit of " + e.ID + " refused: " + e.Err.Error()
}
func (e *RefusedError) Unwrap() error { return e.Err }

// Error is a failure with the code that users see in ErrorCode.
type Error struct {
	Code    Code
	Err     error           // nil when the code says all
	Payload json.RawMessage // what programs want to know of it beside the code; nil: nothing
}

// Fail gives an error a code.
func Fail(code Code, err error) *Error { return &Error{Code: code, Err: err} }

// Failf is [Fail] with a text.
func Failf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

func (e *Error) Error() string {
	if e.Err == nil {
		return "jobs: " + e.Code.Describe()
	}
	return e.Err.Error()
}
func (e *Error) Unwrap() error { return e.Err }

// Again marks the failure of a step as one that may pass: the job is tried again by its retry policy.
func Again(err error) error { return &againError{err} }

type againError struct{ err error }

func (e *againError) Error() string { return e.err.Error() }
func (e *againError) Unwrap() error { return e.err }

// Code is Orthanc's number for a kind of error.
type Code int

// The codes that jobs of this program end with.
const (
	CodeInternal        Code = -1
	CodeSuccess         Code = 0
	CodeSequence        Code = 6
	CodeInexistent      Code = 7
	CodeNetworkProtocol Code = 9
	CodeDatabase        Code = 11
	CodeTimeout         Code = 16
	CodeUnknownResource Code = 17
	CodeFullStorage     Code = 19
	CodeCorruptedFile   Code = 20
	CodeCanceled        Code = 37
	CodeNoContext       Code = 2015
)

// Describe returns the text of ErrorDescription.
func (c Code) Describe() string {
	switch c {
	case CodeSuccess:
		return "Success"
	case CodeSequence:
		return "Bad sequence of calls"
	case CodeInexistent:
		return "Accessing an inexistent item"
	case CodeNetworkProtocol:
		return "Error in the network protocol"
	case CodeDatabase:
		return "Error with the database engine"
	case CodeTimeout:
		return "Timeout"
	case CodeUnknownResource:
		return "Unknown resource"
	case CodeFullStorage:
		return "The file storage is full"
	case CodeCorruptedFile:
		return "Corrupted file (e.g. inconsistent MD5 hash)"
	case CodeCanceled:
		return "This job was canceled"
	case CodeNoContext:
		return "DicomUserConnection: No acceptable presentation context for modality"
	default:
		return "Internal error"
	}
}

// CodeOf returns the code a job ends with because of err: that of the [Error] in its chain,
// CodeTimeout for a deadline, else CodeInternal; CodeSuccess for nil.
func CodeOf(err error) Code {
	var coded *Error
	switch {
	case err == nil:
		return CodeSuccess
	case errors.As(err, &coded):
		return coded.Code
	case errors.Is(err, context.DeadlineExceeded):
		return CodeTimeout
	default:
		return CodeInternal
	}
}

// detailsOf returns the text of ErrorDetails.
func detailsOf(err error) string {
	var coded *Error
	if err == nil || errors.As(err, &coded) && coded.Err == nil {
		return ""
	}
	return err.Error()
}

// payloadOf returns what is shown as ErrorPayload.
func payloadOf(err error) json.RawMessage {
	var coded *Error
	if !errors.As(err, &coded) {
		return nil
	}
	return coded.Payload
}
