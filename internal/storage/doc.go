// Package storage is the instance store: it takes DICOM objects in, keeps their bytes in a blob store and what they
// are in an index, keeps the two in agreement through crashes, and gives both back.
//
// The order of things is its promise. A Put returns when the object would survive a power cut and is findable, and no
// reader sees it before. The index is never ahead of the object log, and what it lacks after a crash is replayed from
// the log before Open returns.
package storage

import (
	"log/slog"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// The names of the storage layouts, as in the option StorageLayout.
const (
	LayoutLog    = "log"    // the object log: new objects are appended to segments
	LayoutFiles  = "files"  // one file per object
	LayoutMemory = "memory" // nothing outlives the process; for trying things out
)

// Overwrite says what happens when an instance arrives that is already there (Orthanc's OverwriteInstances).
type Overwrite uint8

// The modes of Orthanc 1.13.0.
const (
	OverwriteNever     Overwrite = iota // the first copy stays, the answer is AlreadyStored
	OverwriteAlways                     // the new copy takes its place
	OverwriteIfChanged                  // the new copy takes its place if its bytes differ (by MD5)
)

// Options say where a store lies and how it behaves. The zero value of each field but Dir is a sensible default.
type Options struct {
	Dir      string // the data folder; made if it is not there, or is empty
	IndexDir string // the folder of the index; Dir if empty
	Layout   string // of new objects: LayoutLog if empty; objects of the other layout stay readable

	// NoSync leaves out every wait for the disk: fast, and a power cut loses what was acknowledged.
	NoSync bool
	// ReadOnly opens without the lock and without writing: beside a running daemon, or on a read-only medium.
	ReadOnly bool
	// MustExist refuses a folder that is no data folder rather than making one of it; ReadOnly always does.
	MustExist bool
	// Salvage moves a damaged index aside and makes a new one from the blobs, with what can still be read of that which
	// they do not tell: jobs, commitments, labels, modalities (fsck --rebuild).
	Salvage   bool
	Overwrite Overwrite

	SegmentSize  int64 // bytes of a segment of the log; 0 for the log's default
	MemoryBudget int64 // bytes of all objects in flight together; 0 for the log's default
	SpillSize    int64 // objects above this many bytes do not stay in memory; 0 for the log's default

	// Limits bound what a received data set may ask for; codec.DefaultLimits() if zero.
	Limits codec.Limits
	// DefaultCharset is the defined term (PS3.3 C.12.1.1.2) assumed where a data set names none, e.g. "ISO_IR 100";
	// empty for the default repertoire.
	DefaultCharset string
	// ExtraMainTags are kept in the index beside Orthanc's main DICOM tags, by level.
	ExtraMainTags ExtraTags

	// Quota bounds what the store holds.
	Quota Quota
	// StableAge is how long nothing may have come to a resource before the change is noted that says it is stable; 0
	// notes none.
	StableAge time.Duration
	// Frozen refuses to store, change or delete anything for a client; the rows of the services are written as ever.
	Frozen bool
	// Compress has new objects and attachments compressed where that pays.
	Compress bool

	// BusyTimeout is how long a lock of another program on the index is waited for; 5 s if zero.
	BusyTimeout time.Duration

	Logger   *slog.Logger     // nil: silent
	Observer *Observer        // nil: nobody
	Clock    func() time.Time // nil: time.Now
}

// ExtraTags are Orthanc's ExtraMainDicomTags.
type ExtraTags struct{ Patient, Study, Series, Instance []dicom.Tag }
