package index

import (
	"time"

	"gantry/internal/dicom"
)

// Tags are main DICOM tags with their values in UTF-8, padding removed, in ascending order of tag.
// A tag that is present and empty has the value "".
type Tags []Tag

// Tag is one main DICOM tag.
type Tag struct {
	Tag   dicom.Tag
	Value string
}

// Get returns the value of t; ok is false if it is absent.
func (ts Tags) Get(t dicom.Tag) (value string, ok bool) {
	for i := range ts {
		if ts[i].Tag == t {
			return ts[i].Value, true
		}
	}
	return "", false
}

// Entry is a line of a list: a resource and the key by which the next page is asked for.
type Entry struct {
	Key int64
	ID  ID
}

// Resource names a resource and its level.
type Resource struct {
	Level Level
	ID    ID
}

// PatientRow is a patient.
type PatientRow struct {
	Key        int64
	ID         ID
	Tags       Tags
	LastUpdate time.Time
	Stable     bool // nothing has come for a while, and the change that says so was noted
	Protected  bool
	Signature  string // the tags it was indexed with, "" for Orthanc's main tags; so for the other levels
}

// StudyRow is a study.
type StudyRow struct {
	Key        int64
	ID         ID
	Patient    ID
	Tags       Tags
	LastUpdate time.Time
	Stable     bool
	Signature  string
}

// SeriesRow is a series.
type SeriesRow struct {
	Key        int64
	ID         ID
	Study      ID
	Patient    ID
	Tags       Tags
	LastUpdate time.Time
	Stable     bool
	RemoteAET  string // who sent its first instance
	Signature  string
}

// InstanceRow is a SOP instance.
type InstanceRow struct {
	Key            int64
	ID             ID
	Series         ID
	Study          ID
	Patient        ID
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	TransferSyntax dicom.UID
	Tags           Tags
	IndexInSeries  string // Instance Number or Image Index where that is a whole number, else ""
	Received       time.Time
	Origin         Origin
	PixelDataAt    int64    // offset of the Pixel Data element in the stored file; 0 if there is none
	PixelDataVR    dicom.VR // VRNone if there is none
	UnusualVR      bool     // PixelDataVR is not what transfer syntax and Bits Allocated suggest
	Truncated      bool     // the data set ended in the middle of an element and was kept as it came
	Blob           Blob
	Revision       int64 // how often its file was compressed or uncompressed
	Signature      string
}

// Origin tells how an instance came.
type Origin struct {
	Source       string // "DicomProtocol", "RestApi", ...: Orthanc's metadata Origin
	RemoteAET    string
	RemoteIP     string
	CalledAET    string
	HttpUsername string //nolint:revive // Orthanc's own name
}

// Blob is where bytes lie and what they must be.
type Blob struct {
	Key      [16]byte
	Seq      uint64
	Upload   bool // stored as it came; else a data set behind our own file meta
	Size     int64
	Plain    int64 // size before it was compressed; 0: it is not compressed
	CRC32C   uint32
	MD5      [16]byte
	HasMD5   bool
	Instance ID // whose they are; not part of every answer
}

// PlainSize is the size of the bytes as they came.
func (b *Blob) PlainSize() int64 {
	if b.Plain == 0 {
		return b.Size
	}
	return b.Plain
}

// NewInstance is an instance to add, with the tags of its parents for those that are new.
type NewInstance struct {
	InstanceRow
	Signatures  [Instance + 1]string // by level; "" for Orthanc's main tags
	SeriesTags  Tags
	StudyTags   Tags
	PatientTags Tags
}

// Removed tells what a deletion took along.
type Removed struct {
	Blob      Blob
	Levels    []Resource // the instance and the parents that became empty, from the instance up
	Remaining *Resource  // the nearest ancestor that is still there
	Attached  []Blob     // the bytes of attachments that went with them
}

// Reference is a reference to a SOP instance, as in the sequences of PS3.4 J.3.
type Reference struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
}

// Found answers one Reference.
type Found struct {
	Present bool        // an instance with the UID and the class is stored
	Classes []dicom.UID // classes under which the UID is stored, when Present is false
	Blob    Blob        // where the bytes of the present instance lie
	Patient ID          // to whom the present instance belongs
}

// Statistics counts resources and bytes.
type Statistics struct {
	Patients, Studies, Series, Instances int64
	Bytes, Plain                         int64 // of the instances' files, as stored and as they came
	AttachedBytes, AttachedPlain         int64 // of the attachments
}

// Metadata is one value a user has attached to a resource.
type Metadata struct {
	Number   int // 1024 and above for users
	Value    string
	Revision int64
}

// Change is an entry of the change log.
type Change struct {
	Seq  int64
	Type ChangeType
	Resource
	Time time.Time
}

// ChangeType says what happened, with Orthanc's numbers.
type ChangeType uint8

// The changes the store itself notes.
const (
	ChangeNewInstance ChangeType = iota + 1
	ChangeNewSeries
	ChangeNewStudy
	ChangeNewPatient
	ChangeStablePatient
	ChangeStableStudy
	ChangeStableSeries
	ChangeDeleted
	ChangeUpdatedMetadata
	ChangeUpdatedAttachment
)

// Types of changes that nothing notes yet and that may be asked for.
const (
	ChangeNewChildInstance ChangeType = iota + 32
	ChangeCompletedSeries
	ChangeAnonymizedPatient
	ChangeAnonymizedSeries
	ChangeAnonymizedStudy
	ChangeModifiedPatient
	ChangeModifiedSeries
	ChangeModifiedStudy
)
