package blob

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound: there is no such object, or it was deleted.
	ErrNotFound = errors.New("blob: no such object")
	// ErrDeleted comes with ErrNotFound as long as the store knows that the object
	// was there.
	ErrDeleted = errors.New("it was deleted")
	// ErrFull: the disk is full; nothing was promised. Free room or delete, then try again.
	ErrFull = errors.New("blob: the disk is full")
	// ErrReadOnly: the store or its folder cannot be written.
	ErrReadOnly = errors.New("blob: the store is read-only")
	// ErrWriteStopped: a write to disk failed, so nothing is accepted until the
	// store is opened again. Reading goes on.
	ErrWriteStopped = errors.New("blob: writing has stopped after a failed write to disk; check the disk, then restart")
	// ErrClosed: the store, blob or writer was closed.
	ErrClosed = errors.New("blob: already closed")
)

// CorruptError tells that stored bytes are not those that were stored.
type CorruptError struct {
	Ref      Ref      // zero when unreadable
	Position Position // where the damage begins
	Length   int64    // how much of the store is affected, in bytes
	Path     string   // the file
	Reason   string
}

// Error names file, place, object and reason.
func (e *CorruptError) Error() string {
	s := fmt.Sprintf("blob: %s is damaged at offset %d (%d bytes)", e.Path, e.Position.Offset, e.Length)
	if !e.Ref.IsZero() {
		s += ", object " + e.Ref.String()
	}
	return s + ": " + e.Reason
}

// LockedError tells that another process has the folder open.
type LockedError struct{ Dir string }

// Error names the folder and the next step.
func (e *LockedError) Error() string {
	return fmt.Sprintf("blob: folder %s is in use by another process; stop it, or open the folder read-only", e.Dir)
}

// VersionError tells that the folder was written by a newer version.
type VersionError struct {
	Path         string
	Found, Known int
}

// Error names the file and both versions.
func (e *VersionError) Error() string {
	return fmt.Sprintf("blob: %s has format version %d, this program knows up to %d; use a newer one", e.Path, e.Found, e.Known)
}
