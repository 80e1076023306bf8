// Package index is what the store knows about its objects: patients, studies, series and instances with their main
// DICOM tags, where the bytes of each instance lie, and the durable rows of the services (jobs, storage commitment,
// modalities, changes, labels). It holds values and interfaces; the packages below it keep them.
//
// Two kinds of row live side by side. Derived rows repeat what the object log says and can be rebuilt from it;
// everything else is known to the index alone, is committed with a wait for the disk, and no rebuild touches it.
package index

import (
	"context"
	"time"
)

// Index is a transactional store of rows. Its methods are safe for concurrent use.
//
// Writing transactions run one at a time, readers beside them. A function given to an Index runs exactly once, must not
// keep the transaction or slices it got from it after returning, and must not send anything to a peer meanwhile: a
// reader that stays open stops the write-ahead log from being emptied.
type Index interface {
	// View runs fn on a consistent, unchanging state.
	View(ctx context.Context, fn func(ReadTx) error) error
	// Update runs fn and commits what it wrote; when Update returns nil it would survive a power cut.
	// An error of fn is returned as it is and rolls everything back.
	Update(ctx context.Context, fn func(Tx) error) error
	// Derive is Update for rows that can be rebuilt from the log: readers see them when it returns, a power cut may
	// take them. fn may wait for the log to be durable before it returns, so that nothing is seen that may be lost.
	Derive(ctx context.Context, fn func(Tx) error) error
	// Checkpoint moves all that was committed into the main file and empties the write-ahead log, so that deleted
	// text is in neither.
	Checkpoint(ctx context.Context) error
	// Backup writes a consistent copy to a new file while the index is in use.
	Backup(ctx context.Context, file string) error
	// Check looks for damage in the index's own files and returns a line for each.
	Check(ctx context.Context) ([]string, error)
	// Close waits for running transactions and releases the files.
	Close() error
}

// ReadTx reads. Rows that are not there give ErrNotFound; lists are read in pages, by the key of their last row.
type ReadTx interface {
	Resources
	Finder
	Services
}

// Resources is the part of a ReadTx that knows objects.
type Resources interface {
	Patient(id ID) (*PatientRow, error)
	Study(id ID) (*StudyRow, error)
	Series(id ID) (*SeriesRow, error)
	Instance(id ID) (*InstanceRow, error)
	// Stored tells where an instance's bytes lie, and nothing else: the cheapest question.
	Stored(id ID) (Blob, error)
	// Resource tells at which level an id is known.
	Resource(id ID) (Level, error)
	// List gives up to limit resources of a level in order of arrival, those after the key after (0: from the start).
	List(level Level, after int64, limit int) ([]Entry, error)
	// Children gives the resources directly below one, in order of arrival, paged like List.
	Children(level Level, id ID, after int64, limit int) ([]Entry, error)
	// Instances gives the instances anywhere below a resource (of the whole store with level 0), paged like List.
	Instances(level Level, id ID, after int64, limit int) ([]InstanceRow, error)
	// Identify finds resources by one of their own identifiers: PatientID, without regard to case, StudyInstanceUID,
	// SeriesInstanceUID or SOPInstanceUID (Orthanc's /tools/lookup).
	Identify(value string) ([]Resource, error)
	// References tells for each reference under which SOP classes the instance is stored; found[i] belongs to refs[i].
	References(refs []Reference, found []Found) error
	// Blobs gives where the bytes of all instances lie, paged by the keys it returns beside them.
	Blobs(after int64, limit int) (blobs []Blob, keys []int64, err error)
	// Statistics counts resources and bytes without walking them.
	Statistics() (Statistics, error)
	// ResourceStatistics counts what lies at and below one resource.
	ResourceStatistics(level Level, id ID) (Statistics, error)
	// Labels gives the labels of a resource, sorted.
	Labels(id ID) ([]string, error)
	// Metadata gives the metadata a user has set on a resource, sorted by number.
	Metadata(id ID) ([]Metadata, error)
	// Changes gives up to limit changes with a number above since, in order.
	Changes(since int64, limit int) ([]Change, error)
	// ChangesLike gives the changes of a query that concern resources that are still there, in ascending order.
	ChangesLike(q ChangeQuery) ([]Change, error)
	// LastChange is the highest change number ever used, 0 if none.
	LastChange() (int64, error)
	// Committed tells whether a patient has instances whose safekeeping was promised (storage commitment).
	Committed(patient ID) (bool, error)
	// ToRecycle gives the patients to be recycled first, those that were protected or, unless asked for, hold committed
	// instances left out: least recently stored to, or released from protection, first.
	ToRecycle(committedToo bool, limit int) ([]ID, error)
	// Unstable gives resources with arrivals, the longest ago first; of one time series before studies before patients.
	Unstable(limit int) ([]Unstable, error)
	// AllLabels gives every label in use, sorted.
	AllLabels() ([]string, error)
	// Attachments gives the attachments of a resource, sorted by number.
	Attachments(id ID) ([]Attachment, error)
	// AttachedBlobs gives where the bytes of all attachments lie, paged by owner and number; Blob.Instance is the owner.
	AttachedBlobs(after ID, number, limit int) ([]Attachment, error)
	// Exports gives up to limit entries with a number above since, in order; the last ones with newest.
	Exports(since int64, limit int, newest bool) ([]Export, error)
	// PatientOf finds the patient of a resource of any level.
	PatientOf(r Resource) (ID, error)
	// Position is the log position noted by SetPosition, empty if there is none.
	Position() (string, error)
	// Reclaims gives payloads whose deletion is decided and whose bytes may still be there.
	Reclaims(limit int) ([]Blob, error)
}

// Services is the part of a ReadTx that knows the services' own durable rows.
type Services interface {
	Jobs() ([]JobRow, error)
	// Job finds a job.
	Job(id string) (*JobRow, error)
	// CommitRequest finds a storage commitment request that peer sent to us.
	CommitRequest(peerAET, transactionUID string) (*CommitRequest, error)
	// CommitRequestsOf finds all requests with a Transaction UID, whoever sent them.
	CommitRequestsOf(transactionUID string) ([]CommitRequest, error)
	// CommitRequests gives the requests in a state (all with ""), oldest first.
	CommitRequests(state CommitState) ([]CommitRequest, error)
	// CommitReferences gives one chunk of a request's references; ErrNotFound after the last.
	CommitReferences(peerAET, transactionUID string, chunk int) ([]Reference, error)
	// CommitReport finds the report of a request that we sent.
	CommitReport(transactionUID string) (*CommitReport, error)
	// CommitReports gives all reports of requests that we sent, without their references, least recently used first.
	CommitReports() ([]CommitReport, error)
	Modalities() ([]ModalityRow, error)
	// Property reads a small named value; ErrNotFound if it was never set.
	Property(name string) ([]byte, error)
}

// Tx reads and writes.
type Tx interface {
	ReadTx

	// PutInstance adds an instance and those of its parents that are new. An instance of the same ID is replaced
	// and keeps its place in lists. The changes are noted unless quiet.
	PutInstance(n *NewInstance, quiet bool) error
	// DeleteInstance removes an instance and the parents that become empty; labels and metadata of what goes, too.
	DeleteInstance(id ID) (*Removed, error)
	// SetBlob notes another place or a checksum for an instance's bytes.
	SetBlob(id ID, b Blob) error
	// ClearDerived removes every row that can be rebuilt from the log and nothing else.
	ClearDerived() error
	// PruneOrphans removes labels, metadata and marks of resources that are not there (any more).
	PruneOrphans() error
	// SetPosition notes up to where the log is in the index, in the log's own words.
	SetPosition(pos string) error
	PutReclaim(b Blob) error
	DeleteReclaim(b Blob) error

	AddLabel(level Level, id ID, label string) error
	RemoveLabel(id ID, label string) error
	PutMetadata(level Level, id ID, m Metadata) error
	DeleteMetadata(id ID, number int) error
	SetProtected(patient ID, on bool) error
	// MarkCommitted notes that the safekeeping of instances of a patient was promised, until the patient is deleted;
	// ErrNotFound if it is not there.
	MarkCommitted(patient ID) error
	// PutAttachment adds or replaces an attachment of a resource, and DeleteAttachment removes it.
	PutAttachment(r Resource, a Attachment) error
	DeleteAttachment(id ID, number int) error
	// Settle marks a resource as stable and tells whether it did: not if something has come since, or it is gone.
	Settle(u Unstable) (bool, error)
	// Retag gives an instance and its parents the tags of n, and leaves all else of them as it is.
	Retag(n *NewInstance) error
	PutExport(e Export) error
	ClearExports() error
	PutChange(c Change) error
	ClearChanges() error
	// PruneChanges removes, of up to limit changes above since, those of resources that are gone; it tells up to where it
	// came, and whether there are more.
	PruneChanges(since int64, limit int) (last int64, more bool, err error)

	PutJob(JobRow) error
	DeleteJob(id string) error
	// PutCommitRequest adds or replaces the row of a request; its references are written beside it.
	PutCommitRequest(*CommitRequest) error
	PutCommitReferences(peerAET, transactionUID string, chunk int, refs []Reference) error
	// RenameCommitRequest gives the row of a request another key, and its references with it; ErrNotFound.
	RenameCommitRequest(peerAET, transactionUID, newPeerAET, newTransactionUID string) error
	DeleteCommitRequest(peerAET, transactionUID string) error
	PutCommitReport(*CommitReport) error
	DeleteCommitReport(transactionUID string) error
	PutModality(ModalityRow) error
	DeleteModality(name string) error
	SetProperty(name string, value []byte) error
	DeleteProperty(name string) error
}

// Now is the precision of the index's times: whole microseconds in UTC.
func Now(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
