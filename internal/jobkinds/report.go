package jobkinds

import (
	"context"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// CommitOptions say how commitment is asked for.
type CommitOptions struct {
	Timeout  int    // seconds; 0: that of the peer
	LocalAET string // "": that of the peer, else DicomAet
}

// RequestCommitment asks a peer to commit to instances and returns the Transaction UID. The pending report is durable
// before anything is sent. *UnknownModalityError, ErrNoReferences, or what the network or the peer said.
func (d *Deps) RequestCommitment(ctx context.Context, modality string, refs []index.Reference, o CommitOptions) (dicom.UID, error) {
	return "", nil
}

// Report returns the report of a transaction, and counts as its use; ErrUnknownTransaction.
// Its MarshalJSON writes what Orthanc's GET /storage-commitment/{id} answers.
func (d *Deps) Report(ctx context.Context, transaction dicom.UID) (*Report, error) { return nil, nil }

// Report is the report of a request that was sent.
type Report struct{ index.CommitReport }

// RemoveCommitted deletes from the store the instances of a report with Status Success;
// ErrUnknownTransaction, ErrNotCommitted.
func (d *Deps) RemoveCommitted(ctx context.Context, transaction dicom.UID) error { return nil }
