// Package media writes stored objects as archives: ZIP files with the names that Orthanc gives, and ZIP files that hold
// a DICOM file-set with its DICOMDIR (PS3.10 8, PS3.11 General Purpose media).
//
// Archives are written as a stream. Objects are read and compressed in blocks by all cores and come out in order; a
// receiver that is slow slows the readers down, and what is held in memory does not depend on the size of the archive,
// but for some 200 bytes for each object. What is read is held against the checksum with which the object was stored:
// an archive that ends well holds exactly what was stored.
package media

import (
	"errors"
	"log/slog"

	"gantry/internal/dicom"
)

// Options say how an archive is written.
type Options struct {
	// Media writes a DICOM file-set: files named IMAGES/IM0 and so on, and a DICOMDIR.
	Media bool
	// Extended adds the Series Description to the DICOMDIR, as Orthanc's extended media have it.
	Extended bool
	// Transcode, if not empty, is the transfer syntax in which all objects are written; see [CheckTranscode].
	Transcode dicom.UID
	// Budget is shared by all archives that are written at once; nil: one of its own.
	Budget *Budget
	// Progress, if set, is told after every object; it must not wait.
	Progress func(Progress)
	Logger   *slog.Logger // nil: silent
}

// Progress tells how far an archive is.
type Progress struct {
	Instances    int   // objects written, and those left out
	Skipped      int   // objects that were deleted since the plan was made
	Uncompressed int64 // bytes read of objects
	Written      int64 // bytes of the archive
}

// ErrDamaged is in the chain of the error that ends an archive because the bytes of an object are not those that were
// stored: the disk has lost them, or the object was deleted while it was read.
var ErrDamaged = errors.New("media: the bytes of the object are not those that were stored")

// Budget bounds the memory of all archives together. An archive always has room for one block, so that none waits for
// another one whose receiver is slow.
type Budget struct{ tokens chan struct{} }

// NewBudget returns a budget of so many blocks beside the one of each archive. A block takes up to 1.3 MB.
func NewBudget(blocks int) *Budget { return &Budget{tokens: make(chan struct{}, max(blocks, 0))} }
