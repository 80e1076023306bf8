package jobkinds

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobs"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// Incoming is a storage commitment request that a peer is sending, checked but for its action information.
type Incoming struct {
	Peer           *scp.Peer
	Association    *scp.Association // on which it comes
	Data           io.Reader        // the action information
	TransferSyntax dicom.UID
}

// intakeSize is how many references of one request are in memory at a time; of a larger one they go to the index, where
// they wait under a key of their own until the request is whole.
const intakeSize = 4 * chunkSize

// intake is a request while it is read.
type intake struct {
	deps   *Deps
	digest hash.Hash
	staged string            // key of the references that are in the index already; "": none are
	chunks int               // of them
	count  int               // of all references so far
	rest   []index.Reference // that are not in the index yet
	uid    dicom.UID
	late   bool // it is left to the job to decide: the store has changed meanwhile
}

// readRequest reads the action information as it arrives. *dimse.StatusError: 0115H, or 0213H for more references than
// StorageCommitmentMaximumReferences or for lack of space. Leave has to be called in any case.
func (d *Deps) readRequest(ctx context.Context, in *Incoming) (*intake, error) {
	k := &intake{deps: d, digest: sha256.New()}
	p := newCommitParser(in.Data, in.TransferSyntax, d.Config.StorageCommitmentMaximumReferences)
	p.spill = func(refs []index.Reference) error { return k.stage(ctx, refs) }
	data, err := p.read()
	if err != nil {
		return k, err
	}
	k.uid, k.rest = data.TransactionUID, data.References
	k.note(k.rest)
	if k.count == 0 {
		return k, dimse.Errorf(dimse.StatusInvalidArgument, "Referenced SOP Sequence (0008,1199) missing or empty")
	}
	return k, nil
}

func (k *intake) note(refs []index.Reference) {
	k.count += len(refs)
	digestRefs(k.digest, refs)
}

func (k *intake) sum() (sum [32]byte) {
	k.digest.Sum(sum[:0])
	return sum
}

// stage keeps references of a request that is still coming.
func (k *intake) stage(ctx context.Context, refs []index.Reference) error {
	k.note(refs)
	return full(k.deps.Store.Update(ctx, func(tx index.Tx) error {
		key := k.staged
		if key == "" {
			key = keySeparator + jobs.NewID()
			if err := tx.PutCommitRequest(&index.CommitRequest{PeerAET: key, State: index.CommitReceiving}); err != nil {
				return err
			}
		}
		chunks, err := putReferences(tx, key, "", k.chunks, refs)
		if err != nil {
			return err
		}
		k.staged, k.chunks = key, chunks
		return nil
	}))
}

// putReferences writes references in chunks from a number on, and returns the number that comes after them.
func putReferences(tx index.Tx, key, transaction string, chunk int, refs []index.Reference) (int, error) {
	for ; len(refs) > 0; chunk++ {
		n := min(len(refs), chunkSize)
		if err := tx.PutCommitReferences(key, transaction, chunk, refs[:n]); err != nil {
			return chunk, err
		}
		refs = refs[n:]
	}
	return chunk, nil
}

// keep makes all references those of the row of a request.
func (k *intake) keep(tx index.Tx, row *index.CommitRequest) error {
	if k.staged != "" {
		if err := tx.RenameCommitRequest(k.staged, "", row.PeerAET, row.TransactionUID); err != nil {
			return err
		}
	}
	if err := tx.PutCommitRequest(row); err != nil {
		return err
	}
	_, err := putReferences(tx, row.PeerAET, row.TransactionUID, k.chunks, k.rest)
	return err
}

// leave forgets references that did not become those of a request.
func (k *intake) leave(ctx context.Context) {
	if k.staged == "" {
		return
	}
	err := k.deps.Store.Update(context.WithoutCancel(ctx), func(tx index.Tx) error { return tx.DeleteCommitRequest(k.staged, "") })
	if err != nil {
		k.deps.log().Warn("the references of a request that was not taken are left until the next start", "error", err)
	}
}

// dropReceiving forgets what a crash has left of requests that were coming. That it cannot be done now harms nobody.
func (d *Deps) dropReceiving(ctx context.Context) {
	var rows []index.CommitRequest
	err := d.Store.View(ctx, func(tx index.ReadTx) (err error) { rows, err = tx.CommitRequests(index.CommitReceiving); return err })
	if err == nil && len(rows) > 0 {
		err = d.Store.Update(ctx, func(tx index.Tx) error {
			for i := range rows {
				if err := tx.DeleteCommitRequest(rows[i].PeerAET, rows[i].TransactionUID); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		d.log().Warn("what is left of requests that were not received as a whole cannot be removed", "error", err)
	}
}

// full gives an error of the store for lack of space its status.
func full(err error) error {
	if !isFull(err) {
		return err
	}
	return &dimse.StatusError{Status: dimse.StatusResourceLimitation, Comment: "the store is full", Err: err}
}
