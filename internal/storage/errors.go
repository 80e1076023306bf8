package storage

import (
	"errors"
	"fmt"

	"gantry/internal/dicom"
)

// Errors of a Store, found with errors.Is. What lies beneath is wrapped beside them.
var (
	// ErrNotFound says that there is no such resource.
	ErrNotFound = errors.New("storage: no such resource")
	// ErrFull says that the disk is full: nothing of the object was kept. DIMSE A700H, HTTP 507.
	ErrFull = errors.New("storage: the disk is full; free some space, then send again")
	// ErrReadOnly says that the data folder cannot be written. DIMSE A700H.
	ErrReadOnly = errors.New("storage: the data folder is read-only")
	// ErrFrozen says that the store was opened to be read only. DIMSE A700H, HTTP 405.
	ErrFrozen = errors.New("storage: this server takes no changes (option ReadOnly)")
	// ErrRevision says that an attachment or a metadata has another revision than the one a change was meant for. HTTP 409.
	ErrRevision = errors.New("storage: another client has changed it: read it again, then repeat the change")
	// ErrWriteStopped says that writing to the disk has failed and nothing more is taken until a restart; reading
	// goes on. DIMSE A700H, HTTP 507.
	ErrWriteStopped = errors.New("storage: writing has stopped after a failed write to disk; check the disk, then restart")
	// ErrBusy says that another program holds the index locked; the same may succeed later. DIMSE 0110H, HTTP 503.
	ErrBusy = errors.New("storage: the index is locked by another program; send again later")
	// ErrUnavailable says that the store cannot do it now for a reason of its own. DIMSE 0110H, HTTP 500.
	ErrUnavailable = errors.New("storage: unavailable")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("storage: closed")
)

// LimitError says that an object goes beyond the limits of the store, and that there is nothing to recycle in its favour.
// It is one way of being full.
type LimitError struct{ Limit string }

func (e *LimitError) Error() string {
	return "storage: full: the limit of the store is reached (" + e.Limit + ") and nothing may be recycled (see MaximumStorageMode; protected " +
		"patients stay, and committed ones without RecycleCommitted); raise it or delete something"
}

// Is makes it an ErrFull.
func (e *LimitError) Is(target error) bool { return errors.Is(ErrFull, target) }

// BadObjectError says that received bytes are not a DICOM object that can be kept: the data set cannot be read, or a
// tag without which it has no place is missing. DIMSE A900H or C000H, HTTP 400.
type BadObjectError struct {
	Tag    dicom.Tag // the missing or wrong one; 0 if the bytes as a whole are wrong
	Name   string    // its keyword, e.g. "StudyInstanceUID"
	Reason string
	// Missing says that Tag is not there, or empty. HTTP 404, as Orthanc has it.
	Missing bool
	Err     error // what the codec said, if it did
}

func (e *BadObjectError) Error() string {
	s := "storage: not a storable DICOM object: " + e.Reason
	if e.Tag != 0 {
		s += fmt.Sprintf(" (%s %s)", e.Tag, e.Name)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *BadObjectError) Unwrap() error { return e.Err }

// MismatchError says that a data set is not what the C-STORE request announced (PS3.4 B.2.3, A900H).
type MismatchError struct {
	Tag           dicom.Tag
	Command, Data dicom.UID
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("storage: %s is %q in the data set and %q in the request", e.Tag, e.Data, e.Command)
}

// LockedError says that another process works on the data folder.
type LockedError struct {
	Dir string
	Err error
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("storage: %s is in use by another gantry: stop it first; fsck, export and backup can look beside it"+
		" with --read-only", e.Dir)
}

func (e *LockedError) Unwrap() error { return e.Err }

// NotDataFolderError says that a folder is not one that gantry keeps objects in. Unless that is because something else
// lies there, it matches ErrNotFound.
type NotDataFolderError struct {
	Dir     string
	Foreign string // the name of something else that lies there; empty if the folder was to be found, not made
}

func (e *NotDataFolderError) Error() string {
	if e.Foreign != "" {
		return fmt.Sprintf("storage: %s is not a gantry data folder and not empty (there is %s in it): name a new or an empty"+
			" folder", e.Dir, e.Foreign)
	}
	return fmt.Sprintf("storage: there is no gantry data folder %s: name one with --storage or --config", e.Dir)
}

// Is makes a folder that was to be found one that was not.
func (e *NotDataFolderError) Is(target error) bool {
	return errors.Is(ErrNotFound, target) && e.Foreign == ""
}

// DamagedIndexError says that the index cannot be read. The stored objects are not in danger: it is made anew from them.
type DamagedIndexError struct {
	Dir  string // the data folder
	File string // the index
	Err  error
}

func (e *DamagedIndexError) Error() string {
	return fmt.Sprintf("storage: the index %s is damaged; stop the daemon, then run \"gantry fsck --rebuild --storage %s\" (%s)",
		e.File, e.Dir, details(e.Err))
}

func (e *DamagedIndexError) Unwrap() error { return e.Err }

// Is makes it one of the reasons why the store cannot do something now.
func (e *DamagedIndexError) Is(target error) bool { return errors.Is(ErrUnavailable, target) }
