package storage

import (
	"context"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// Store is an open data folder. Its methods are safe for concurrent use.
type Store struct{}

// Open opens the data folder, or makes one: it takes the lock, brings older formats forward, and replays what the index
// lacks from the log, so that all that was acknowledged is there when it returns.
//
// Errors: *LockedError, a version error naming the file, or what the system says.
func Open(ctx context.Context, o Options) (*Store, error) { return nil, ErrUnavailable }

// Close makes what is under way durable and releases the folder.
func (s *Store) Close() error { return nil }

// Err is not nil when writing has stopped for good; reading goes on. /readyz shows it.
func (s *Store) Err() error { return nil }

// Barrier returns when everything that was put before it is durable.
func (s *Store) Barrier(ctx context.Context) error { return nil }

// View runs fn on a consistent state of the index. Nothing may be sent to a peer inside it.
func (s *Store) View(ctx context.Context, fn func(index.ReadTx) error) error { return nil }

// Update runs fn and commits durably; for rows that the log does not know (jobs, commitment, modalities, labels).
func (s *Store) Update(ctx context.Context, fn func(index.Tx) error) error { return nil }

// Lookup tells which references are stored. It reads in chunks, so that a request of any size takes little memory
// beside its own; found[i] belongs to refs[i].
func (s *Store) Lookup(ctx context.Context, refs []index.Reference) ([]index.Found, error) {
	return nil, nil
}

// Statistics counts resources and bytes.
func (s *Store) Statistics(ctx context.Context) (Statistics, error) { return Statistics{}, nil }

// Statistics is what GET /statistics and the metrics show.
type Statistics struct {
	index.Statistics
	Blob blob.Stats // of the area new objects go to
}

// Deleted tells what a deletion took along.
type Deleted struct {
	Instances int
	Bytes     int64
	// Remaining is the nearest ancestor that is still there, nil if the whole patient is gone.
	Remaining *index.Resource
}

// Delete removes a resource with all below it. When it returns nil it is gone for good: not found, not replayed, its
// bytes no longer on the disk.
func (s *Store) Delete(ctx context.Context, level index.Level, id index.ID) (*Deleted, error) {
	return nil, ErrNotFound
}

// Object is an open instance; it must be closed.
type Object struct {
	index.InstanceRow
	blob blob.Blob
}

// OpenInstance opens the bytes of an instance.
func (s *Store) OpenInstance(ctx context.Context, id index.ID) (*Object, error) {
	return nil, ErrNotFound
}

// Size is the size of the whole file in bytes.
func (o *Object) Size() int64 { return 0 }

// ReadAt reads from the file.
func (o *Object) ReadAt(p []byte, off int64) (int, error) { return 0, io.EOF }

// WriteTo writes the whole file: Part 10 with our meta header, or the bytes of an upload.
func (o *Object) WriteTo(w io.Writer) (int64, error) { return 0, nil }

// Dataset reads the data set behind the file meta information, in o.Syntax, as for a C-STORE.
func (o *Object) Dataset() (io.Reader, int64, error) { return nil, 0, nil }

// Syntax is the transfer syntax of the data set.
func (o *Object) Syntax() dicom.TransferSyntax { return dicom.TransferSyntax{} }

// Verify reads the stored bytes and compares their checksum; *blob.CorruptError if they are damaged.
func (o *Object) Verify(ctx context.Context) error { return nil }

// Close releases the object.
func (o *Object) Close() error { return nil }

// MD5 is the MD5 of the stored file, computed on first request and then kept.
func (s *Store) MD5(ctx context.Context, id index.ID) ([16]byte, error) { return [16]byte{}, nil }

// Changes gives changes with a number above since. Numbers it gives are never given to another change, power cut or not.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]index.Change, error) {
	return nil, nil
}

// NewInstance tells of an instance that has become durable and findable.
type NewInstance struct {
	PutResult
	TransferSyntax dicom.UID
	Origin         index.Origin
}

// Subscribe calls fn for every instance that is stored from now on, after it is durable, on the goroutine that stored
// it: fn must be quick and must not call the Store. The returned function ends it.
func (s *Store) Subscribe(fn func(NewInstance)) (cancel func()) { return func() {} }

// CheckOptions say how deep a check goes and what it may change.
type CheckOptions struct {
	Checksums bool // read every stored byte
	Repair    bool // move damaged records away, drop rows without bytes, index bytes without rows
	Rebuild   bool // make the whole index anew from the blobs first
}

// Finding is something a check found.
type Finding struct {
	Kind     string // "index", "blob", "missing", "orphan", "mismatch", "format"
	ID       *index.ID
	Place    string // file, segment or position
	Problem  string
	Repaired bool
}

// CheckSummary counts what a check looked at.
type CheckSummary struct {
	Instances, Blobs, Findings, Repaired int64
	Bytes                                int64
}

// Check compares index and blobs and reports what does not agree.
func (s *Store) Check(ctx context.Context, o CheckOptions, report func(Finding)) (*CheckSummary, error) {
	return nil, nil
}

// Export writes the instances below the given resources (all with none) as plain DICOM files into dir.
func (s *Store) Export(ctx context.Context, o ExportOptions) (*ExportSummary, error) { return nil, nil }

// ExportOptions say what is exported where.
type ExportOptions struct {
	Dir       string
	Resources []index.Resource // empty: everything
	Progress  func(done, total int64)
}

// ExportSummary counts what was written.
type ExportSummary struct {
	Files, Skipped int64 // skipped: those of the same name and size that were there
	Bytes          int64
	Damaged        []index.ID
}

// Backup writes a consistent copy of the whole store into dir while it is in use. Opening dir with Open restores it.
func (s *Store) Backup(ctx context.Context, dir string) error { return nil }
