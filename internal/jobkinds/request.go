package jobkinds

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// chunkSize is the number of references in one row.
const chunkSize = 1000

// errRepeat ends the submit of a job for a request that already has one.
var errRepeat = errors.New("jobkinds: repeat of an open request")

// errOvertaken ends the submit of a job for a request that has become another case while it was looked at.
var errOvertaken = errors.New("jobkinds: another request with this Transaction UID came or ended at the same time")

// Taken is a request that was kept and is going to be reported on. Answered is to be called when that was told the peer.
type Taken struct {
	TransactionUID dicom.UID
	References     int
	Answered       func()
}

// TakeRequest reads a request and keeps it, with the job that will report on it, in one durable transaction; with the
// outcome, too, if it is a small one whose instances are all there. A repeat by the same peer of an open request changes
// nothing; one of a finished request has the stored report sent again. When TakeRequest returns nil the request may be
// answered with success. Errors: *dimse.StatusError, else 0110H.
func (d *Deps) TakeRequest(ctx context.Context, in *Incoming) (*Taken, error) {
	k, err := d.readRequest(ctx, in)
	kept := false
	defer func() {
		if !kept {
			k.leave(ctx)
		}
	}()
	if err != nil {
		return nil, err
	}
	taken := &Taken{TransactionUID: k.uid, References: k.count}
	for range 5 {
		if taken.Answered, kept, err = d.takeRequest(ctx, in, k); !errors.Is(err, errOvertaken) {
			break
		}
	}
	return taken, err
}

// takeRequest is TakeRequest for what was read; kept says that the references have become those of a request.
func (d *Deps) takeRequest(ctx context.Context, in *Incoming, k *intake) (answered func(), kept bool, err error) {
	claim := &claim{deps: d, in: in, intake: k, digest: k.sum(), jobID: jobs.NewID()}
	if err := claim.look(ctx); err != nil {
		return nil, false, fmt.Errorf("jobkinds: look for earlier storage commitment requests: %w", err)
	}
	id := claim.id()
	answered = d.live.add(id, in.Association)
	claim.early = claim.decideEarly(ctx)
	claim.job = d.newCommitmentJob(&claim.row)
	_, err = d.Jobs.Submit(ctx, claim.job, jobs.Options{ID: claim.jobID, Save: claim.keep, NoWait: true})
	if peer, ok := d.peerEntry(in.Peer.CallingAET, hostOf(in.Peer.RemoteAddr)); ok {
		d.peerIsBack(peer)
	}
	if errors.Is(err, jobs.ErrQueueFull) {
		err = claim.withoutRoom(ctx, err)
	}
	if errors.Is(err, errRepeat) {
		if err := d.Jobs.TryNow(ctx, claim.row.JobID); err != nil && !errors.Is(err, jobs.ErrState) && !errors.Is(err, jobs.ErrUnknown) {
			d.log().Warn("a repeated request does not hurry its report", "transaction", k.uid, "error", err)
		}
		return answered, false, nil
	}
	if errors.Is(err, jobs.ErrQueueFull) {
		err = &dimse.StatusError{Status: dimse.StatusResourceLimitation, Comment: "too many jobs are waiting", Err: err}
	}
	if err != nil {
		d.live.remove(id)
		return nil, false, fmt.Errorf("jobkinds: keep the storage commitment request: %w", full(err))
	}
	return answered, claim.fresh, nil
}

// claim decides, inside one transaction, what a request is: new, a repeat, or another use of a Transaction UID.
type claim struct {
	deps   *Deps
	in     *Incoming
	intake *intake
	digest [32]byte
	jobID  string
	row    index.CommitRequest
	job    *commitmentJob
	early  *decision // on a request all of whose instances are there; nil: the job decides
	stale  string    // key of a finished request that gives way
	repeat bool
	fresh  bool // the request was kept, not only looked at again
}

func (c *claim) id() requestID { return requestID{c.row.PeerAET, c.intake.uid} }

// look finds out what the request is before anything is written, so that its association is known to the job.
func (c *claim) look(ctx context.Context) error {
	return c.deps.Store.View(ctx, func(tx index.ReadTx) error { return c.decide(tx) })
}

// keep writes the request with its job; what it is may have changed since look.
func (c *claim) keep(ctx context.Context, rec jobs.Record) error {
	err := c.deps.Store.Update(ctx, func(tx index.Tx) error {
		before := c.row.PeerAET
		if err := c.decide(tx); err != nil {
			return err
		}
		if c.row.PeerAET != before {
			return errOvertaken
		}
		if c.repeat {
			return errRepeat
		}
		return c.write(tx, rec)
	})
	if err == nil && c.fresh && c.early != nil {
		c.job.tellOutcome(c.early)
	}
	return err
}

// withoutRoom says what became of a request for whose job there is no room: errRepeat if it has one among those that fill
// the queue. That may have ended since look.
func (c *claim) withoutRoom(ctx context.Context, full error) error {
	if !c.repeat {
		return full
	}
	if err := c.look(ctx); err != nil {
		return err
	}
	if !c.repeat {
		return full
	}
	return errRepeat
}

func (c *claim) decide(tx index.ReadTx) error {
	rows, err := tx.CommitRequestsOf(string(c.intake.uid))
	if err != nil {
		return err
	}
	aet := strings.Trim(c.in.Peer.CallingAET, " ")
	c.repeat, c.stale = false, ""
	var data requestData
	key := aet
	for i := range rows {
		row := &rows[i]
		open := !isFinished(row)
		samePeer := c.deps.Modalities.Same(peerOf(row.PeerAET), aet)
		switch {
		case samePeer && row.Digest == c.digest:
			c.row, c.repeat = *row, open
			return nil
		case open && !dataOf(row).Duplicate:
			data.Duplicate = true
			if row.PeerAET == key {
				key = aet + keySeparator + hex.EncodeToString(c.digest[:8])
			}
		case row.PeerAET == key:
			c.stale = row.PeerAET
		}
	}
	c.row = index.CommitRequest{
		PeerAET: key, TransactionUID: string(c.intake.uid), CalledAET: c.in.Peer.CalledAET,
		PeerAddr: hostOf(c.in.Peer.RemoteAddr), Count: c.intake.count, Digest: c.digest, Created: time.Now(),
	}
	return putData(&c.row, data)
}

func (c *claim) write(tx index.Tx, rec jobs.Record) error {
	c.fresh = c.row.State == ""
	reopen(&c.row)
	c.row.JobID, c.row.Attempts, c.row.LastError = c.jobID, 0, ""
	if c.stale != "" {
		if err := tx.DeleteCommitRequest(c.stale, c.row.TransactionUID); err != nil {
			return err
		}
	}
	put := tx.PutCommitRequest
	if c.fresh && c.early != nil {
		if err := c.writeEarly(tx); err != nil {
			return err
		}
	}
	if c.fresh {
		put = func(row *index.CommitRequest) error { return c.intake.keep(tx, row) }
	}
	if err := put(&c.row); err != nil {
		return err
	}
	return c.deps.putJob(tx, rec)
}
