package dimse

import (
	"errors"
	"fmt"
)

// Status is the outcome of an operation as it goes over the wire, element (0000,0900) (PS3.7 C).
type Status uint16

// Statuses of PS3.7 C, and those of PS3.4 that the storage and query services add.
const (
	StatusSuccess                     Status = 0x0000
	StatusAttributeListError          Status = 0x0107
	StatusProcessingFailure           Status = 0x0110
	StatusDuplicateSOPInstance        Status = 0x0111
	StatusNoSuchSOPInstance           Status = 0x0112
	StatusNoSuchEventType             Status = 0x0113
	StatusNoSuchArgument              Status = 0x0114
	StatusInvalidArgument             Status = 0x0115
	StatusAttributeValueOutOfRange    Status = 0x0116
	StatusInvalidSOPInstance          Status = 0x0117
	StatusNoSuchSOPClass              Status = 0x0118
	StatusClassInstanceConflict       Status = 0x0119
	StatusMissingAttribute            Status = 0x0120
	StatusMissingAttributeValue       Status = 0x0121
	StatusSOPClassNotSupported        Status = 0x0122
	StatusNoSuchActionType            Status = 0x0123
	StatusNotAuthorized               Status = 0x0124
	StatusDuplicateInvocation         Status = 0x0210
	StatusUnrecognizedOperation       Status = 0x0211
	StatusMistypedArgument            Status = 0x0212
	StatusResourceLimitation          Status = 0x0213
	StatusOutOfResources              Status = 0xA700
	StatusOutOfResourcesSuboperations Status = 0xA702
	StatusMoveDestinationUnknown      Status = 0xA801
	StatusDataSetMismatch             Status = 0xA900
	StatusCoercionOfDataElements      Status = 0xB000
	StatusElementsDiscarded           Status = 0xB006
	StatusDataSetMismatchWarning      Status = 0xB007
	StatusCannotUnderstand            Status = 0xC000
	StatusCancel                      Status = 0xFE00
	StatusPending                     Status = 0xFF00
	StatusPendingWithoutOptionalKeys  Status = 0xFF01
)

// StatusClass is the kind of a status (PS3.7 C.1 to C.5).
type StatusClass uint8

// The classes of statuses.
const (
	Success StatusClass = iota
	Warning
	Failure
	Cancel
	Pending
)

// Class returns the kind of the status. A value that no table lists is a failure.
func (s Status) Class() StatusClass {
	switch {
	case s == StatusSuccess:
		return Success
	case s == StatusPending, s == StatusPendingWithoutOptionalKeys:
		return Pending
	case s == StatusCancel:
		return Cancel
	case s == 0x0001, s&0xF000 == 0xB000, s == StatusAttributeListError, s == StatusAttributeValueOutOfRange:
		return Warning
	}
	return Failure
}

// OK reports whether the operation was done: success or a warning.
func (s Status) OK() bool { c := s.Class(); return c == Success || c == Warning }

// String returns the status as the standard writes it, with its meaning: "0110H processing failure".
func (s Status) String() string {
	if name := s.Meaning(); name != "" {
		return fmt.Sprintf("%04XH %s", uint16(s), name)
	}
	return fmt.Sprintf("%04XH", uint16(s))
}

// Meaning returns the words for the status in lower case, "" for a value that has none.
func (s Status) Meaning() string {
	if name, ok := meanings[s]; ok {
		return name
	}
	switch {
	case s&0xFF00 == 0xA700:
		return "out of resources"
	case s&0xFF00 == 0xA900:
		return "data set does not match SOP class"
	case s&0xF000 == 0xC000:
		return "cannot understand"
	case s&0xF000 == 0xB000:
		return "warning"
	}
	return ""
}

var meanings = map[Status]string{
	StatusSuccess:                     "success",
	StatusAttributeListError:          "attribute list error",
	StatusProcessingFailure:           "processing failure",
	StatusDuplicateSOPInstance:        "duplicate SOP instance",
	StatusNoSuchSOPInstance:           "no such SOP instance",
	StatusNoSuchEventType:             "no such event type",
	StatusNoSuchArgument:              "no such argument",
	StatusInvalidArgument:             "invalid argument value",
	StatusAttributeValueOutOfRange:    "attribute value out of range",
	StatusInvalidSOPInstance:          "invalid SOP instance",
	StatusNoSuchSOPClass:              "no such SOP class",
	StatusClassInstanceConflict:       "class-instance conflict",
	StatusMissingAttribute:            "missing attribute",
	StatusMissingAttributeValue:       "missing attribute value",
	StatusSOPClassNotSupported:        "SOP class not supported",
	StatusNoSuchActionType:            "no such action type",
	StatusNotAuthorized:               "not authorised",
	StatusDuplicateInvocation:         "duplicate invocation",
	StatusUnrecognizedOperation:       "unrecognised operation",
	StatusMistypedArgument:            "mistyped argument",
	StatusResourceLimitation:          "resource limitation",
	StatusOutOfResourcesSuboperations: "out of resources, unable to perform sub-operations",
	StatusMoveDestinationUnknown:      "move destination unknown",
	StatusCoercionOfDataElements:      "coercion of data elements",
	StatusElementsDiscarded:           "elements discarded",
	StatusDataSetMismatchWarning:      "data set does not match SOP class",
	StatusCancel:                      "cancelled",
	StatusPending:                     "pending",
	StatusPendingWithoutOptionalKeys:  "pending, optional keys not supported",
}

// StatusError is an error that has a status of its own: the one way for a handler to name what the peer is told,
// and what a client returns for a response that is no success.
type StatusError struct {
	Status  Status
	Comment string // sent as Error Comment (0000,0902), at most 64 characters of it
	Err     error  // the cause, for the log; nothing of it is sent
	Next    string // what can be done about it here or at the peer, for the log; "" if that goes without saying
}

// Error says the status, the comment and the cause.
func (e *StatusError) Error() string {
	text := "dimse: status " + e.Status.String()
	if reason := e.Reason(); reason != "" {
		text += ": " + reason
	}
	return text
}

// Reason says what Error does, without the status.
func (e *StatusError) Reason() string {
	switch {
	case e.Err == nil:
		return e.Comment
	case e.Comment == "":
		return e.Err.Error()
	}
	return e.Comment + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *StatusError) Unwrap() error { return e.Err }

// Errorf returns a StatusError whose comment goes to the peer.
func Errorf(s Status, format string, args ...any) *StatusError {
	return &StatusError{Status: s, Comment: fmt.Sprintf(format, args...)}
}

// StatusOf is the one place where an error becomes a status: success for nil, what a StatusError in the chain says,
// and 0110H processing failure for everything else.
func StatusOf(err error) Status {
	if err == nil {
		return StatusSuccess
	}
	var se *StatusError
	if errors.As(err, &se) {
		return se.Status
	}
	return StatusProcessingFailure
}

// NextOf returns what can be done about an error that became a status, "" if nothing is said.
func NextOf(err error) string {
	var se *StatusError
	if errors.As(err, &se) {
		return se.Next
	}
	return ""
}

// CommentOf returns what StatusOf's status is explained with to the peer, "" if nothing is to be said.
func CommentOf(err error) string {
	var se *StatusError
	if errors.As(err, &se) {
		return se.Comment
	}
	return ""
}
