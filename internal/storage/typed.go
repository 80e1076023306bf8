package storage

import (
	"context"
	"errors"
	"fmt"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// kindError is an error of a layer below under one of this package's names.
type kindError struct {
	kind  error
	doing string
	err   error
}

func (e *kindError) Error() string { return fmt.Sprintf("%v: %s: %v", e.kind, e.doing, e.err) }

func (e *kindError) Unwrap() []error { return []error{e.kind, e.err} }

// kinds says which errors of the layers below are which of ours.
var kinds = [...]struct{ below, ours error }{
	{blob.ErrWriteStopped, ErrWriteStopped},
	{blob.ErrFull, ErrFull}, {index.ErrFull, ErrFull},
	{blob.ErrReadOnly, ErrReadOnly}, {index.ErrReadOnly, ErrReadOnly},
	{index.ErrBusy, ErrBusy},
	{blob.ErrClosed, ErrClosed}, {index.ErrClosed, ErrClosed},
	{index.ErrNotFound, ErrNotFound},
}

// typed gives an error of the layers below one of this package's types, ErrUnavailable if none fits better. Errors of a
// context and those typed already stay as they are.
func (s *Store) typed(doing string, err error) error {
	var kind *kindError
	var locked *LockedError
	var newer *blob.VersionError
	var newerIndex *index.VersionError
	var held *blob.LockedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind), errors.As(err, &locked), errors.As(err, &newer), errors.As(err, &newerIndex),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &held):
		return &LockedError{Dir: s.o.Dir, Err: err}
	}
	for _, k := range kinds {
		if errors.Is(err, k.below) {
			return &kindError{kind: k.ours, doing: doing, err: err}
		}
	}
	return &kindError{kind: ErrUnavailable, doing: doing, err: err}
}
