package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// Failure Reasons (0008,1197) of storage commitment (PS3.3 C.14.1.1).
const (
	ReasonProcessingFailure     uint16 = 0x0110
	ReasonNoSuchInstance        uint16 = 0x0112
	ReasonClassInstanceConflict uint16 = 0x0119
	ReasonClassNotSupported     uint16 = 0x0122
	ReasonDuplicateTransaction  uint16 = 0x0131
	ReasonResourceLimitation    uint16 = 0x0213
)

func (j *commitmentJob) log() *slog.Logger {
	return j.deps.log().With("transaction", j.Transaction, "peer", peerOf(j.Peer))
}

// decide looks every reference up, makes sure that what is promised is durable, and keeps the report.
func (j *commitmentJob) decide(ctx context.Context, row *index.CommitRequest) error {
	d := &decision{
		store: j.deps.Store, accept: NewAcceptance(j.deps.Config), mode: j.deps.Config.StorageCommitmentVerify,
		log: j.log(), success: make([]index.Reference, 0, row.Count),
	}
	switch {
	case dataOf(row).Duplicate:
		d.all = ReasonDuplicateTransaction
	default:
		d.all = d.barrier(ctx)
	}
	for chunk := 0; ; chunk++ {
		refs, err := j.references(ctx, chunk)
		if errors.Is(err, index.ErrNotFound) {
			break
		}
		if err == nil {
			err = d.take(ctx, refs)
		}
		if err != nil {
			return fmt.Errorf("jobkinds: look up the references of %s: %w", j.Transaction, err)
		}
	}
	if n := len(d.success) + len(d.failed); n != row.Count {
		return fmt.Errorf("jobkinds: %d references of %s are kept, %d were asked for", n, j.Transaction, row.Count)
	}
	if len(d.success) > 0 {
		if err := j.deps.Store.Barrier(ctx); err != nil {
			return fmt.Errorf("jobkinds: make the committed instances durable: %w", err)
		}
	}
	report, err := encodeEvent(dicom.ExplicitVRLittleEndian, j.Transaction, d.success, d.failed)
	if err != nil {
		return fmt.Errorf("jobkinds: write the report of %s: %w", j.Transaction, err)
	}
	j.fresh = nil
	j.log().Info("storage commitment decided", "committed", len(d.success), "failed", len(d.failed))
	return j.deps.updateRequest(ctx, j.id(), func(row *index.CommitRequest) {
		row.State, row.Report, row.EventTypeID, row.Decided = index.CommitDecided, report, eventType(d.failed), time.Now()
	})
}

// references reads a chunk of the request; one that has just come need not be read again.
func (j *commitmentJob) references(ctx context.Context, chunk int) (refs []index.Reference, err error) {
	if j.fresh != nil {
		from := min(chunk*chunkSize, len(j.fresh))
		refs = j.fresh[from:min(from+chunkSize, len(j.fresh))]
		if len(refs) == 0 {
			return nil, index.ErrNotFound
		}
		return refs, nil
	}
	err = j.deps.Store.View(ctx, func(tx index.ReadTx) error {
		refs, err = tx.CommitReferences(j.Peer, string(j.Transaction), chunk)
		return err
	})
	return refs, err
}

// committedStore is what a decision asks of the store.
type committedStore interface {
	Lookup(ctx context.Context, refs []index.Reference) ([]index.Found, error)
	Verify(ctx context.Context, b index.Blob, digest bool) error
	Barrier(ctx context.Context) error
	Err() error
}

// decision gathers the outcome of a request.
type decision struct {
	store   committedStore
	accept  *Acceptance
	mode    string // StorageCommitmentVerify
	log     *slog.Logger
	all     uint16 // reason for which everything fails, 0 if it does not
	success []index.Reference
	failed  []index.CommitFailureItem
}

// barrier proves that the store can still promise anything, and returns the reason if it cannot.
func (d *decision) barrier(ctx context.Context) uint16 {
	err := d.store.Barrier(ctx)
	switch {
	case err == nil || ctx.Err() != nil:
		return 0
	case isFull(err):
		return ReasonResourceLimitation
	default:
		d.log.Error("the store cannot commit to anything", "error", err)
		return ReasonProcessingFailure
	}
}

func (d *decision) take(ctx context.Context, refs []index.Reference) error {
	if d.all != 0 {
		for _, r := range refs {
			d.fail(r, d.all)
		}
		return nil
	}
	found, err := d.store.Lookup(ctx, refs)
	if err != nil {
		return err
	}
	for i, r := range refs {
		reason, err := d.reason(ctx, r, &found[i])
		switch {
		case err != nil:
			return err
		case reason == 0:
			d.success = append(d.success, r)
		default:
			d.fail(r, reason)
		}
	}
	return nil
}

func (d *decision) fail(r index.Reference, reason uint16) {
	d.failed = append(d.failed, index.CommitFailureItem{Reference: r, Reason: reason})
}

// reason returns why an instance is not committed, 0 if it is.
func (d *decision) reason(ctx context.Context, r index.Reference, f *index.Found) (uint16, error) {
	switch {
	case f.Present:
		return d.verify(ctx, r, f)
	case len(f.Classes) > 0:
		return ReasonClassInstanceConflict, nil
	case !d.accept.SOPClass(r.SOPClassUID):
		return ReasonClassNotSupported, nil
	case isFull(d.store.Err()):
		return ReasonResourceLimitation, nil
	}
	return ReasonNoSuchInstance, nil
}

// verify looks at the stored object as far as the option StorageCommitmentVerify says.
func (d *decision) verify(ctx context.Context, r index.Reference, f *index.Found) (uint16, error) {
	if d.mode == "index" {
		return 0, nil
	}
	err := d.store.Verify(ctx, f.Blob, d.mode == "digest")
	if err == nil {
		return 0, nil
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	d.log.Error("an instance asked for in a storage commitment request cannot be read",
		"instance", r.SOPInstanceUID, "error", err)
	return ReasonProcessingFailure, nil
}

// isFull reports whether the store takes no more for lack of space or because the disk failed.
func isFull(err error) bool {
	return errors.Is(err, storage.ErrFull) || errors.Is(err, storage.ErrWriteStopped)
}
