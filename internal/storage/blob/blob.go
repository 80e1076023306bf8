// Package blob is where the bytes of objects live: an interface with three
// implementations (seglog, the object log; fsblob, a file per object; memblob,
// memory) and one conformance suite, blobtest.
//
// A store promises three things. What a Ticket has been waited for survives a
// power cut. What was never waited for is there whole or not at all. And every
// object carries enough of its reception with it that an index can be rebuilt
// from the store alone, by Replay.
package blob

import (
	"context"
	"io"
	"iter"
)

// Kind says what the bytes of an object are.
type Kind uint8

// The kinds a caller may store. Numbers are on disk and never reused.
const (
	// KindInstance is a complete Part 10 file: the meta header is ours, the data set as received.
	KindInstance Kind = 1
	// KindUpload is a file with exactly the bytes that were uploaded.
	KindUpload Kind = 2
	// KindAttachment is anything else that belongs to a resource.
	KindAttachment Kind = 3
	// KindNote is a small record of the caller's own, replayed with the rest.
	KindNote Kind = 4
	// KindTombstone appears in replayed entries only: Entry.Deleted names what is gone.
	KindTombstone Kind = 16
)

// Valid reports whether objects of kind k may be committed.
func (k Kind) Valid() bool { return k >= KindInstance && k <= KindNote }

// Store keeps objects. All methods may be called by many goroutines at once.
//
// Errors: ErrNotFound, ErrFull, ErrReadOnly, ErrWriteStopped, ErrClosed (all
// for errors.Is), *CorruptError, *LockedError, *VersionError.
type Store interface {
	// Create begins an object. Its bytes take memory from one budget shared by
	// all writers; Create waits for a share of it, for as long as ctx allows.
	// sizeHint is the expected size in bytes, or 0 when unknown.
	Create(ctx context.Context, sizeHint int64) (Writer, error)

	// Delete writes tombstones. Once its ticket has been waited for, the objects
	// stay deleted, also after a power cut; their bytes are still there until
	// Reclaim. An object that is not there is no error.
	Delete(ctx context.Context, refs ...Ref) (Ticket, error)

	// Reclaim gives the bytes of deleted objects back: they cannot be read from
	// the disk when it returns. Objects not deleted before are left alone. Open
	// Blobs of these objects go on as they were, or fail from then on with
	// ErrNotFound: they never read other bytes.
	Reclaim(ctx context.Context, refs ...Ref) error

	// Open finds a committed object that was not deleted.
	Open(ctx context.Context, ref Ref) (Blob, error)

	// Replay yields what was stored at from or later, in the order it lies in
	// the store: living objects and tombstones, never a deleted object. After
	// compaction an object lies later than it was stored; then Ref.Seq is smaller
	// than that of its neighbours, and Seq, not place, says which is newer. So a
	// replay may show again what is known already. A *CorruptError comes for each
	// damaged place and the iteration goes on after it; any other error ends it.
	Replay(ctx context.Context, from Position) iter.Seq2[Entry, error]

	// Barrier returns when everything committed before the call is durable.
	Barrier(ctx context.Context) error

	// Check verifies every checksum and reports what is wrong. With repair it also
	// moves damaged objects out of the way (quarantined, never thrown away).
	Check(ctx context.Context, repair bool, report func(Finding)) error

	// Compact gives back the room deleted objects still take.
	Compact(ctx context.Context) error

	// Backup writes a consistent copy of the store, as of the call, into the new
	// or empty folder dir while the store goes on working.
	Backup(ctx context.Context, dir string) error

	// Stats tells sizes and counts.
	Stats(ctx context.Context) Stats

	// Err is non-nil once writing has stopped for good (ErrWriteStopped with the
	// cause); reading goes on.
	Err() error

	// Close waits for writes under way, makes all durable and releases the store.
	Close() error
}

// Writer takes the bytes of one object. It is used by one goroutine, and ends
// with either Commit or Discard; Discard after Commit does nothing.
type Writer interface {
	io.Writer
	io.ReaderFrom

	// Size is the number of bytes written so far.
	Size() int64
	// Checksum is the CRC32C of the bytes written so far.
	Checksum() uint32
	// Head is the beginning of what was written, as far as it lies together in
	// memory: all of a small object, at least HeadSize bytes of a larger one.
	// It must not be changed or used after Commit or Discard.
	Head() []byte
	// Commit adds the object to the store. It is not durable before the ticket
	// has been waited for. Meta.Time is set by the store when zero.
	Commit(ctx context.Context, kind Kind, meta Meta) (Ticket, error)
	// Discard gives the object up.
	Discard()
}

// HeadSize is the least number of bytes Writer.Head holds of a larger object.
const HeadSize = 64 << 10

// Ticket is the promise of a write.
type Ticket interface {
	// Wait returns nil once the write and everything committed before it are
	// durable. A ticket may be waited for repeatedly and by several goroutines.
	// When ctx ends first the write may still become durable.
	Wait(ctx context.Context) error
	// Ref names the object (of Delete: the tombstone).
	Ref() Ref
	// Position is where the record begins.
	Position() Position
	// Next is where the record ends: replay from there shows what came after it.
	Next() Position
}

// Blob is an open object. It stays readable until closed, through compaction
// and deletion (but see Reclaim).
type Blob interface {
	io.ReaderAt
	// WriterTo writes the whole object; it hands descriptors to the kernel where
	// both ends allow it. It does not verify the checksum.
	io.WriterTo
	io.Closer

	Ref() Ref
	Size() int64
	Kind() Kind
	Meta() Meta
	// Checksum is the CRC32C noted when the object was stored.
	Checksum() uint32
	// Verify reads the stored bytes and returns a *CorruptError when they are not
	// those that were stored.
	Verify(ctx context.Context) error
}

// Entry is one record of a replay.
type Entry struct {
	Kind     Kind
	Ref      Ref
	Meta     Meta
	Size     int64
	Checksum uint32
	Position Position // where it begins
	Next     Position // where the following one begins
	Copied   bool     // moved here by compaction or recovery: Seq is older than the place
	Deleted  []Ref    // of a KindTombstone
}

// Stats describes a store. Sizes are in bytes.
type Stats struct {
	Objects    int64    // living objects
	LiveBytes  int64    // their size
	DiskBytes  int64    // taken on disk, with what is filled ahead
	DeadBytes  int64    // held by deleted objects, given back by Compact
	Segments   int      // files (seglog)
	Memory     int64    // held by objects being written
	MemoryMax  int64    // the budget
	Synced     Position // everything before is durable
	Syncs      int64    // waits for the disk since opening
	Records    int64    // records written since opening
	Findings   int64    // damaged places met since opening
	Quarantine int64    // objects lying in quarantine
}

// Gauges are those of the Stats that can be told at once, however large the store is. A Store may have a method
// Gauges() Gauges.
type Gauges struct {
	Memory    int64 // held by objects being written
	MemoryMax int64 // the budget
	Syncs     int64 // waits for the disk since opening
	Records   int64 // records written since opening
	Findings  int64 // damaged places met since opening
}

// Finding is something Check found wrong.
type Finding struct {
	Ref        Ref      // zero when the record cannot be read at all
	Position   Position // where it lies
	Path       string   // the file
	Problem    string   // what is wrong, in words
	Err        error    // usually a *CorruptError
	Repaired   bool     // the damaged bytes are out of the way
	Quarantine string   // and lie here now
}
