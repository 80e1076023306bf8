package storage

import (
	"context"
	"io"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// PutRequest is an object to store.
type PutRequest struct {
	// Data is read to its end (unless an error stops it); it is never held as a whole.
	Data io.Reader
	// Size is a hint at the number of bytes, 0 if unknown.
	Size int64
	// Received says that Data is a bare data set in TransferSyntax, from a C-STORE with the two UIDs below; it is
	// kept bit for bit behind our own file meta information. Otherwise Data is a DICOM file, kept byte for byte.
	Received       bool
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	TransferSyntax dicom.UID
	Origin         index.Origin
	// Overwrite replaces Options.Overwrite for this object if not nil.
	Overwrite *Overwrite
	// Received at; the store's clock if zero.
	Time time.Time
}

// PutStatus tells what became of an object.
type PutStatus uint8

// The outcomes; each of them means that the instance is durable and findable.
const (
	Stored        PutStatus = iota // new
	AlreadyStored                  // it was there and stays as it was
	Replaced                       // it took the place of an earlier copy
)

// String is the status as Orthanc's POST /instances spells it.
func (s PutStatus) String() string {
	if s == AlreadyStored {
		return "AlreadyStored"
	}
	return "Success"
}

// PutResult names the stored instance and its parents.
type PutResult struct {
	InstanceID, SeriesID, StudyID, PatientID index.ID
	SOPClassUID, SOPInstanceUID              dicom.UID
	Status                                   PutStatus
}

// Put takes an object in and returns when it is durable and findable. Two Puts of one instance do not overlap: the
// second sees what the first has done.
//
// Errors: *BadObjectError, *MismatchError, ErrFull, ErrReadOnly, ErrWriteStopped, ErrBusy, ErrUnavailable, the error of
// rq.Data, that of ctx. After an error nothing of the object is there.
func (s *Store) Put(ctx context.Context, rq *PutRequest) (*PutResult, error) {
	return nil, ErrUnavailable
}
