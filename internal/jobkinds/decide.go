package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

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

// errStoreChanged means that a patient went away, or began to, while its instances were being decided on.
var errStoreChanged = errors.New("jobkinds: instances were deleted while they were looked at")

func (j *commitmentJob) log() *slog.Logger {
	return j.deps.log().With("transaction", j.Transaction, "peer", peerOf(j.Peer))
}

// decide looks every reference up, makes sure that what is promised is durable, and keeps the outcome.
func (j *commitmentJob) decide(ctx context.Context, row *index.CommitRequest) error {
	for range 5 {
		d, err := j.look(ctx, row)
		if err != nil {
			return err
		}
		if err = j.keepOutcome(ctx, d); !errors.Is(err, errStoreChanged) {
			return err
		}
	}
	return errStoreChanged
}

// look asks the store, and the handler if there is one, about every reference.
func (j *commitmentJob) look(ctx context.Context, row *index.CommitRequest) (*decision, error) {
	d, err := j.deps.newDecision(ctx, j.log())
	if err != nil {
		return nil, err
	}
	if d.all = ReasonDuplicateTransaction; !dataOf(row).Duplicate {
		d.all = d.barrier(ctx)
		d.handler = j.handler(row)
	}
	if err := j.takeAll(ctx, d); err != nil {
		return nil, fmt.Errorf("jobkinds: look up the references of %s: %w", j.Transaction, err)
	}
	if n := d.outcome.committed + d.outcome.failed; n != row.Count {
		return nil, fmt.Errorf("jobkinds: %d references of %s are kept, %d were asked for", n, j.Transaction, row.Count)
	}
	if d.outcome.committed > 0 {
		if err := j.deps.Store.Barrier(ctx); err != nil {
			return nil, fmt.Errorf("jobkinds: make the committed instances durable: %w", err)
		}
	}
	return d, nil
}

// takeAll has every reference decided on, in batches: of a chunk, or of as many as a handler is asked about at once.
func (j *commitmentJob) takeAll(ctx context.Context, d *decision) error {
	size := chunkSize
	if d.handler != nil {
		size = handlerBatch
	}
	var batch []index.Reference
	for chunk := 0; ; chunk++ {
		refs, err := j.deps.references(ctx, j.id(), chunk)
		last := errors.Is(err, index.ErrNotFound)
		if err != nil && !last {
			return err
		}
		batch = append(batch, refs...)
		if len(batch) >= size || last && len(batch) > 0 {
			if err := d.take(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if last {
			return nil
		}
	}
}

// keepOutcome notes what was decided, and which patients have committed instances from now on, in one transaction:
// errStoreChanged.
func (j *commitmentJob) keepOutcome(ctx context.Context, d *decision) error {
	err := j.deps.changeRequest(ctx, j.id(), func(tx index.Tx, row *index.CommitRequest) error {
		return d.note(tx, row)
	})
	if err == nil {
		j.showOutcome(d.outcome.committed)
		j.tellOutcome(d)
	}
	return err
}

// tellOutcome counts and logs what was decided and kept.
func (j *commitmentJob) tellOutcome(d *decision) {
	for reason, n := range d.outcome.counts {
		j.deps.Metrics.Committed(reason, n)
	}
	j.log().Info("storage commitment decided", "committed", d.outcome.committed, "failed", d.outcome.failed)
}

// committedStore is what a decision asks of the store.
type committedStore interface {
	Lookup(ctx context.Context, refs []index.Reference) ([]index.Found, error)
	Verify(ctx context.Context, b index.Blob, digest bool) error
	Barrier(ctx context.Context) error
	Err() error
	Doomed(ctx context.Context) (map[index.ID]bool, error) // patients about to be recycled
}

// decision gathers the outcome of a request.
type decision struct {
	store    committedStore
	accept   *Acceptance
	mode     string // StorageCommitmentVerify
	log      *slog.Logger
	all      uint16            // reason for which everything fails, 0 if it does not
	doomed   map[index.ID]bool // patients about to be recycled
	handler  *handling         // has a say in it; nil: nobody
	outcome  outcome
	patients map[index.ID]bool // who have committed instances
}

// newDecision returns a decision on nothing so far.
func (d *Deps) newDecision(ctx context.Context, log *slog.Logger) (*decision, error) {
	doomed, err := d.Store.Doomed(ctx)
	if err != nil {
		return nil, fmt.Errorf("jobkinds: ask what is to be recycled: %w", err)
	}
	return &decision{
		store: d.Store, accept: d.Accepted(), mode: d.Config.StorageCommitmentVerify,
		log: log, doomed: doomed, patients: map[index.ID]bool{},
	}, nil
}

// note marks the patients that have committed instances from now on, and fills in the row of the request. What changes the
// store runs before the transaction or after it: errStoreChanged.
func (d *decision) note(tx index.Tx, row *index.CommitRequest) error {
	if doomed, err := storage.Recycling(tx); err != nil || d.patients[doomed] {
		return errors.Join(err, errStoreChanged)
	}
	for patient := range d.patients {
		if err := tx.MarkCommitted(patient); errors.Is(err, index.ErrNotFound) {
			return errStoreChanged
		} else if err != nil {
			return err
		}
	}
	d.fill(row)
	return nil
}

// fill writes the outcome into the row of the request.
func (d *decision) fill(row *index.CommitRequest) {
	row.State, row.Outcome, row.EventTypeID = index.CommitDecided, d.outcome.encode(), d.outcome.eventType()
	row.Decided = time.Now()
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

// take decides on a batch of references.
func (d *decision) take(ctx context.Context, refs []index.Reference) error {
	if d.all != 0 {
		for range refs {
			d.outcome.add(d.all)
		}
		return nil
	}
	found, err := d.store.Lookup(ctx, refs)
	if err != nil {
		return err
	}
	reasons := make([]uint16, len(refs))
	for i, r := range refs {
		if reasons[i], err = d.reason(ctx, r, &found[i]); err != nil {
			return err
		}
	}
	if d.handler != nil {
		if err := d.handler.ask(ctx, refs, found, reasons); err != nil {
			return err
		}
	}
	for i, reason := range reasons {
		d.outcome.add(reason)
		if reason == 0 && found[i].Present {
			d.patients[found[i].Patient] = true
		}
	}
	return nil
}

// reason returns why an instance is not committed, 0 if it is.
func (d *decision) reason(ctx context.Context, r index.Reference, f *index.Found) (uint16, error) {
	switch {
	case f.Present && d.doomed[f.Patient]:
		return ReasonResourceLimitation, nil
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
	return errors.Is(err, storage.ErrFull) || errors.Is(err, storage.ErrWriteStopped) || errors.Is(err, index.ErrFull)
}
