package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// kindError is an error of a layer below under one of this package's names.
type kindError struct {
	kind  error
	doing string
	err   error
}

// Error tells everything once: what it is, then what was done and what the layers below say.
func (e *kindError) Error() string {
	more := e.doing
	if d := details(e.err); d != "" {
		more += ": " + d
	}
	if errors.Is(e.kind, ErrUnavailable) {
		return "storage: " + more
	}
	return fmt.Sprintf("%v (%s)", e.kind, more)
}

// details is the text of an error of the layers below without the names of packages, and without what the error of this
// package says already.
func details(err error) string {
	text := err.Error()
	for _, k := range kinds {
		text = strings.ReplaceAll(text, k.below.Error(), "")
	}
	text = strings.ReplaceAll(text, index.ErrCorrupt.Error(), "")
	var kept []string
	for part := range strings.SplitSeq(text, ": ") {
		part = strings.TrimSpace(strings.TrimSuffix(part, ":"))
		switch part {
		case "", "storage", "blob", "index", "seglog", "disk", "sqlite", "sqlite3":
			continue
		}
		if n := len(kept); n == 0 || kept[n-1] != part {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ": ")
}

func (e *kindError) Unwrap() error { return e.err }

// Is finds the kind; with Unwrap to a list it would look like several errors.
func (e *kindError) Is(target error) bool { return errors.Is(e.kind, target) }

// kinds says which errors of the layers below are which of ours.
var kinds = [...]struct{ below, ours error }{
	{blob.ErrWriteStopped, ErrWriteStopped},
	{blob.ErrFull, ErrFull}, {index.ErrFull, ErrFull},
	{blob.ErrReadOnly, ErrReadOnly}, {index.ErrReadOnly, ErrReadOnly},
	{index.ErrBusy, ErrBusy},
	{blob.ErrClosed, ErrClosed}, {index.ErrClosed, ErrClosed},
	{index.ErrNotFound, ErrNotFound}, {blob.ErrDeleted, ErrNotFound},
}

// typed gives an error of the layers below one of this package's types, ErrUnavailable if none fits better. Errors of a
// context and those typed already stay as they are.
func (s *Store) typed(doing string, err error) error {
	var kind *kindError
	var locked *LockedError
	var newer *blob.VersionError
	var newerIndex *index.VersionError
	var held *blob.LockedError
	var damaged *DamagedIndexError
	var foreign *NotDataFolderError
	var limit *LimitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind), errors.As(err, &locked), errors.As(err, &newer), errors.As(err, &newerIndex),
		errors.As(err, &damaged), errors.As(err, &foreign), errors.As(err, &limit),
		errors.Is(err, ErrFrozen), errors.Is(err, ErrRevision),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &held):
		return &LockedError{Dir: s.o.Dir, Err: err}
	case errors.Is(err, index.ErrCorrupt):
		return &DamagedIndexError{Dir: s.o.Dir, File: s.indexFile(), Err: err}
	}
	for _, k := range kinds {
		if errors.Is(err, k.below) {
			return &kindError{kind: k.ours, doing: doing, err: err}
		}
	}
	return &kindError{kind: ErrUnavailable, doing: doing, err: err}
}
