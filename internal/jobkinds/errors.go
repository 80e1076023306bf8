package jobkinds

import (
	"encoding/json"
	"errors"
	"fmt"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
	"gantry/internal/dimse"
)

var (
	// ErrUnknownTransaction means that no storage commitment report has this Transaction UID.
	ErrUnknownTransaction = errors.New("jobkinds: unknown storage commitment transaction")
	// ErrNotCommitted means that the instances of a report cannot be removed: its status is not Success.
	ErrNotCommitted = errors.New("jobkinds: the storage commitment report has no success")
	// ErrNoReferences means that a commitment request names no instance.
	ErrNoReferences = errors.New("jobkinds: no instance to commit")
)

// UnknownModalityError is a peer that the table does not have.
type UnknownModalityError struct{ Name string }

func (e *UnknownModalityError) Error() string {
	return fmt.Sprintf("jobkinds: unknown modality %q: declare it in DicomModalities or with PUT /modalities/%s", e.Name, e.Name)
}

// UnknownResourceError is a public id that is not in the store.
type UnknownResourceError struct{ ID string }

func (e *UnknownResourceError) Error() string {
	return fmt.Sprintf("jobkinds: unknown resource %.60q", e.ID)
}

// NotTakenError is an object that the peer does not take in the transfer syntax it is stored in, nor in another one that
// it could be sent in.
type NotTakenError struct {
	SOPClassUID, TransferSyntax dicom.UID
	converts                    bool
}

func (e *NotTakenError) Error() string {
	text := fmt.Sprintf("the peer does not take %s in %s", nameOf(e.SOPClassUID), nameOf(e.TransferSyntax))
	switch native := codec.Convertible(dicom.LookupTransferSyntax(e.TransferSyntax), everybodys); {
	case !native:
		return text + "; compressed objects are sent as they are stored: let the peer take this transfer syntax"
	case !e.converts:
		return text + "; let it, or set AllowTranscoding for this modality"
	}
	return text + ", nor in any other transfer syntax: let it take this SOP class"
}

// nameOf is what the standard calls a UID, or the UID itself.
func nameOf(uid dicom.UID) string {
	if e, ok := dict.LookupUID(uid); ok && e.Keyword != "" {
		return e.Keyword
	}
	return string(uid)
}

// ErrorPayload is what Orthanc adds to an error because of which a peer's response had a status that tells of a failure;
// nil for every other error.
func ErrorPayload(err error) json.RawMessage {
	var status *dimse.StatusError
	if !errors.As(err, &status) {
		return nil
	}
	return fmt.Appendf(nil, `{"Content":{"DimseErrorStatus":%d},"Type":"Dimse"}`, uint16(status.Status))
}
