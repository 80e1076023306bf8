package jobkinds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/scu"
	"gantry/internal/storage"
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
	transaction := dicom.NewUID()
	return transaction, d.ask(ctx, modality, transaction, refs, Call{Timeout: o.Timeout, LocalAET: o.LocalAET})
}

// ask sends an N-ACTION; asked again with the same Transaction UID and references it goes on with the same report.
func (d *Deps) ask(ctx context.Context, modality string, transaction dicom.UID, refs []index.Reference, call Call) error {
	m, ok := d.Modalities.Get(modality)
	if !ok {
		return &UnknownModalityError{modality}
	}
	if len(refs) == 0 {
		return ErrNoReferences
	}
	open, err := d.openReport(ctx, modality, m, transaction, refs, call)
	if err != nil || !open {
		return err
	}
	if err := d.sendAction(ctx, m, transaction, refs, call); err != nil {
		return errors.Join(&plainError{fmt.Sprintf("ask %s for storage commitment: %s", modality, plain(err)), err},
			d.dropReport(context.WithoutCancel(ctx), transaction))
	}
	d.log().Info("storage commitment asked for", "transaction", transaction, "peer", m.AET, "instances", len(refs))
	return nil
}

// openReport keeps a pending report; open is false if the peer has reported on it already.
func (d *Deps) openReport(ctx context.Context, name string, m config.Modality, transaction dicom.UID, refs []index.Reference, call Call) (open bool, err error) {
	now := time.Now()
	row := &index.CommitReport{
		TransactionUID: string(transaction), RemoteAET: m.AET, Modality: name, LocalAET: d.localAET(m, call.LocalAET),
		Status: index.CommitPending, Requested: refs, Created: now, LastUsed: now,
	}
	if call.CalledAET != "" {
		row.RemoteAET = call.CalledAET
	}
	err = d.Store.Update(ctx, func(tx index.Tx) error {
		earlier, err := tx.CommitReport(row.TransactionUID)
		if errors.Is(err, index.ErrNotFound) {
			open = true
			return tx.PutCommitReport(row)
		}
		open = err == nil && earlier.Status == index.CommitPending
		return err
	})
	if err != nil {
		return false, fmt.Errorf("jobkinds: keep the pending storage commitment report: %w", err)
	}
	return open, nil
}

// dropReport forgets a report whose request did not reach its peer, unless it was answered all the same.
func (d *Deps) dropReport(ctx context.Context, transaction dicom.UID) error {
	d.uses.finished(string(transaction))
	return d.Store.Update(ctx, func(tx index.Tx) error {
		row, err := tx.CommitReport(string(transaction))
		if err != nil || row.Status != index.CommitPending {
			return ignoreNotFound(err)
		}
		return tx.DeleteCommitReport(string(transaction))
	})
}

func (d *Deps) sendAction(ctx context.Context, m config.Modality, transaction dicom.UID, refs []index.Reference, call Call) error {
	call.Contexts, call.Handler = commitmentContexts(), d
	c, err := d.Dial(ctx, m, call)
	if err != nil {
		return err
	}
	rsp, err := c.Action(ctx, &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		ActionTypeID: 1,
		Encode: func(syntax dicom.UID) (io.Reader, error) {
			b, err := encodeAction(syntax, transaction, refs)
			return bytes.NewReader(b), err
		},
	})
	if err != nil {
		c.Abort()
		return err
	}
	if err := rsp.Err(); err != nil {
		return errors.Join(err, c.Release(ctx))
	}
	if m.StorageCommitmentDelivery == deliverSame || m.StorageCommitmentDelivery == deliverSameThenNew {
		go d.linger(context.WithoutCancel(ctx), c, transaction)
		return nil
	}
	if err := c.Release(ctx); err != nil {
		d.log().Debug("release after a storage commitment request", "error", err)
	}
	return nil
}

// How long an association stays open for a report on it, and for the end of that exchange.
const (
	lingerLimit = 30 * time.Second
	lingerAfter = time.Second
)

// linger keeps the association of a request open for a peer that reports on it.
func (d *Deps) linger(ctx context.Context, c *scu.Client, transaction dicom.UID) {
	ctx, cancel := context.WithTimeout(ctx, lingerLimit)
	defer cancel()
	go func() {
		if _, err := d.WaitReport(ctx, transaction); err == nil {
			time.AfterFunc(lingerAfter, cancel) // the response to the report is still under way
		}
	}()
	if err := c.Wait(ctx); err == nil {
		return
	}
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), lingerAfter)
	defer stop()
	if err := c.Release(end); err != nil {
		d.log().Debug("release after a storage commitment request", "error", err)
	}
}

func isNotFound(err error) bool {
	return errors.Is(err, index.ErrNotFound) || errors.Is(err, storage.ErrNotFound)
}

func ignoreNotFound(err error) error {
	if isNotFound(err) {
		return nil
	}
	return err
}
