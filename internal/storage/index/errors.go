package index

import (
	"errors"
	"fmt"
)

// Errors of an Index, found with errors.Is.
var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("index: not found")
	// ErrBusy says that another program holds the index locked; trying again later may succeed.
	ErrBusy = errors.New("index: locked by another program")
	// ErrFull says that the disk is full.
	ErrFull = errors.New("index: no space left on the disk")
	// ErrReadOnly says that the index cannot be written.
	ErrReadOnly = errors.New("index: read-only")
	// ErrCorrupt says that the index's file is damaged; it can be rebuilt from the object log.
	ErrCorrupt = errors.New("index: damaged")
	// ErrClosed says that the index has been closed.
	ErrClosed = errors.New("index: closed")
)

// VersionError says that a file was written in a format this program does not know.
type VersionError struct {
	File string
	Has  int // the format of the file
	Know int // the newest format known here
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("index: %s has format %d, this program knows up to %d: use the newer program that wrote it",
		e.File, e.Has, e.Know)
}
