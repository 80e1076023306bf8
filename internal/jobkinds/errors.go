package jobkinds

import (
	"errors"
	"fmt"
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
