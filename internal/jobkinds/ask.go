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
	Deadline *int   // seconds for the report, 0 for no limit; nil: StorageCommitmentDeadline
}

// Asked is what became of one of several requests.
type Asked struct {
	TransactionUID dicom.UID
	Instances      int
	Err            error // the peer did not get it, or refused it; nothing is kept of it then
}

// RequestCommitment asks a peer to commit to instances and returns the Transaction UID. The pending report is durable
// before anything is sent. *UnknownModalityError, ErrNoReferences, or what the network or the peer said.
func (d *Deps) RequestCommitment(ctx context.Context, modality string, refs []index.Reference, o CommitOptions) (dicom.UID, error) {
	asked, err := d.RequestCommitments(ctx, modality, [][]index.Reference{refs}, o)
	if err != nil {
		return "", err
	}
	return asked[0].TransactionUID, asked[0].Err
}

// RequestCommitments sends a request for each group of instances, all on one association, as RequestCommitment does.
// The error is that of the first request if none has reached the peer.
func (d *Deps) RequestCommitments(ctx context.Context, modality string, groups [][]index.Reference, o CommitOptions) ([]Asked, error) {
	q := &question{deps: d, modality: modality, call: Call{Timeout: o.Timeout, LocalAET: o.LocalAET}, deadline: d.deadline(o.Deadline)}
	for _, refs := range groups {
		q.parts = append(q.parts, part{transaction: dicom.NewUID(), refs: refs})
	}
	if len(groups) == 0 {
		return nil, ErrNoReferences
	}
	if err := q.send(ctx); err != nil {
		return nil, err
	}
	asked := make([]Asked, len(q.parts))
	reached := false
	for i, p := range q.parts {
		asked[i] = Asked{p.transaction, len(p.refs), p.err}
		reached = reached || p.err == nil
		if p.err != nil {
			asked[i].Err = errors.Join(&plainError{fmt.Sprintf("ask %s for storage commitment: %s", modality, plain(p.err)), p.err},
				d.dropReport(context.WithoutCancel(ctx), p.transaction))
		}
	}
	if !reached {
		return nil, asked[0].Err
	}
	return asked, nil
}

// deadline is when a report is due that is asked for now, in seconds; nil: what the configuration says.
func (d *Deps) deadline(seconds *int) time.Time {
	limit := d.Config.StorageCommitmentDeadline
	if seconds != nil {
		limit = *seconds
	}
	if limit <= 0 {
		return time.Time{}
	}
	return d.now().Add(time.Duration(limit) * time.Second)
}

// ask sends one request for a job; asked again with the same Transaction UID and references it goes on with the same
// report, which stays pending after an error.
func (d *Deps) ask(ctx context.Context, modality string, transaction dicom.UID, refs []index.Reference, call Call, deadline time.Time, job string) error {
	q := &question{deps: d, modality: modality, call: call, deadline: deadline, job: job, parts: []part{{transaction: transaction, refs: refs}}}
	if err := q.send(ctx); err != nil {
		return err
	}
	if err := q.parts[0].err; err != nil {
		return &plainError{fmt.Sprintf("ask %s for storage commitment: %s", modality, plain(err)), err}
	}
	return nil
}

// question is one or more requests to one peer.
type question struct {
	deps     *Deps
	modality string
	call     Call
	deadline time.Time
	job      string // that asks, "" if none
	parts    []part
}

type part struct {
	transaction dicom.UID
	refs        []index.Reference
	open        bool // not yet reported on
	err         error
}

// send keeps the pending reports, sends the requests, and notes which were answered with success. Its error means that
// nothing was sent; what went wrong later is in the parts.
func (q *question) send(ctx context.Context) error {
	m, ok := q.deps.Modalities.Get(q.modality)
	if !ok {
		return &UnknownModalityError{q.modality}
	}
	for _, p := range q.parts {
		if len(p.refs) == 0 {
			return ErrNoReferences
		}
	}
	if err := q.openReports(ctx, m); err != nil {
		return err
	}
	q.exchange(ctx, m)
	q.noteAnswers(context.WithoutCancel(ctx))
	return nil
}

// openReports makes a pending report durable for each part, but for those the peer has reported on already.
func (q *question) openReports(ctx context.Context, m config.Modality) error {
	err := q.deps.Store.Update(ctx, func(tx index.Tx) error {
		for i := range q.parts {
			p := &q.parts[i]
			earlier, err := tx.CommitReport(string(p.transaction))
			p.open = errors.Is(err, index.ErrNotFound) || err == nil && earlier.Status == index.CommitPending
			if errors.Is(err, index.ErrNotFound) {
				err = q.deps.putPending(tx, q.modality, m, p.transaction, p.refs, q.call, reportData{Deadline: q.deadline, Unanswered: true, Job: q.job})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("jobkinds: keep the pending storage commitment report: %w", err)
	}
	return nil
}

// putPending writes the row of a request that is going to be sent.
func (d *Deps) putPending(tx index.Tx, name string, m config.Modality, transaction dicom.UID, refs []index.Reference, call Call, data reportData) error {
	now := d.now()
	row := &index.CommitReport{
		TransactionUID: string(transaction), RemoteAET: m.AET, Modality: name, LocalAET: d.localAET(m, call.LocalAET),
		Status: index.CommitPending, Requested: refs, Created: now, LastUsed: now,
	}
	if call.CalledAET != "" {
		row.RemoteAET = call.CalledAET
	}
	if err := putReportData(row, &data); err != nil {
		return err
	}
	return tx.PutCommitReport(row)
}

// exchange sends the requests on one association. When that breaks, those that are left have failed, too.
func (q *question) exchange(ctx context.Context, m config.Modality) {
	call := q.call
	call.Contexts, call.Handler = commitmentContexts(), q.deps
	var c *scu.Client
	var broken error
	var sent []dicom.UID
	for i := range q.parts {
		p := &q.parts[i]
		if !p.open {
			continue
		}
		if c == nil && broken == nil {
			c, broken = q.deps.Dial(ctx, m, call)
		}
		if broken != nil {
			p.err = broken
			continue
		}
		p.err, broken = action(ctx, c, p)
		if p.err == nil {
			sent = append(sent, p.transaction)
			q.deps.log().Info("storage commitment asked for", "transaction", p.transaction, "peer", m.AET, "instances", len(p.refs))
		}
	}
	switch {
	case c == nil:
	case broken != nil:
		c.Abort()
	case len(sent) > 0 && (m.StorageCommitmentDelivery == deliverSame || m.StorageCommitmentDelivery == deliverSameThenNew):
		go q.deps.linger(context.WithoutCancel(ctx), c, sent)
	default:
		if err := c.Release(ctx); err != nil {
			q.deps.log().Debug("release after a storage commitment request", "error", err)
		}
	}
}

// action sends one N-ACTION. What the peer refuses is an error of the request alone, the second one that of the
// association.
func action(ctx context.Context, c *scu.Client, p *part) (err, broken error) {
	rsp, err := c.Action(ctx, &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		ActionTypeID: 1,
		Encode: func(syntax dicom.UID) (io.Reader, error) {
			b, err := encodeAction(syntax, p.transaction, p.refs)
			return bytes.NewReader(b), err
		},
	})
	if err != nil {
		return err, err
	}
	return rsp.Err(), nil
}

// noteAnswers takes the mark off the requests that were answered with success: after a crash they need not be sent again.
func (q *question) noteAnswers(ctx context.Context) {
	err := q.deps.Store.Update(ctx, func(tx index.Tx) error {
		for _, p := range q.parts {
			if !p.open || p.err != nil {
				continue
			}
			err := updateReportData(tx, p.transaction, func(_ *index.CommitReport, data *reportData) error {
				data.Unanswered = false
				return nil
			})
			if err != nil && !isNotFound(err) {
				return err
			}
		}
		return nil
	})
	if err != nil { // they are asked for, and would be once more after a crash
		q.deps.log().Error("that storage commitment was asked for cannot be noted", "error", err)
	}
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

// How long an association stays open for reports, and for the end of that exchange.
const (
	lingerLimit = 30 * time.Second
	lingerAfter = time.Second
)

// linger keeps the association of requests open for a peer that reports on it.
func (d *Deps) linger(ctx context.Context, c *scu.Client, transactions []dicom.UID) {
	ctx, cancel := context.WithTimeout(ctx, lingerLimit)
	defer cancel()
	go func() {
		for _, transaction := range transactions {
			if _, err := d.WaitReport(ctx, transaction); err != nil {
				return
			}
		}
		time.AfterFunc(lingerAfter, cancel) // the response to the report is still under way
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
