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
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// Incoming is a storage commitment request that a peer sent, checked by whoever received it.
type Incoming struct {
	Peer           *scp.Peer
	Association    *scp.Association // on which it came
	TransactionUID dicom.UID
	References     []index.Reference
}

// chunkSize is the number of references in one row.
const chunkSize = 1000

// errRepeat ends the submit of a job for a request that already has one.
var errRepeat = errors.New("jobkinds: repeat of an open request")

// errOvertaken ends the submit of a job for a request that has become another case while it was looked at.
var errOvertaken = errors.New("jobkinds: another request with this Transaction UID came or ended at the same time")

// TakeRequest keeps a request and the job that will report on it in one durable transaction. A repeat by the same peer
// of an open request changes nothing; one of a finished request has the stored report sent again. When TakeRequest
// returns nil the request may be answered with success, and then answered has to be called.
func (d *Deps) TakeRequest(ctx context.Context, in *Incoming) (answered func(), err error) {
	for range 5 {
		if answered, err = d.takeRequest(ctx, in); !errors.Is(err, errOvertaken) {
			break
		}
	}
	return answered, err
}

func (d *Deps) takeRequest(ctx context.Context, in *Incoming) (answered func(), err error) {
	claim := &claim{deps: d, in: in, digest: digestOf(in.References), jobID: jobs.NewID()}
	if err := claim.look(ctx); err != nil {
		return nil, fmt.Errorf("jobkinds: look for earlier storage commitment requests: %w", err)
	}
	id := claim.id()
	answered = d.live.add(id, in.Association)
	job := d.newCommitmentJob(&claim.row)
	if len(in.References) <= freshLimit {
		job.fresh = in.References
	}
	_, err = d.Jobs.Submit(ctx, job, jobs.Options{ID: claim.jobID, Save: claim.keep, NoWait: true})
	if peer, ok := d.peerEntry(in.Peer.CallingAET, hostOf(in.Peer.RemoteAddr)); ok {
		d.peerIsBack(ctx, peer)
	}
	if errors.Is(err, errRepeat) {
		if err := d.Jobs.TryNow(ctx, claim.row.JobID); err != nil && !errors.Is(err, jobs.ErrState) && !errors.Is(err, jobs.ErrUnknown) {
			d.log().Warn("a repeated request does not hurry its report", "transaction", in.TransactionUID, "error", err)
		}
		return answered, nil
	}
	if errors.Is(err, jobs.ErrQueueFull) {
		err = &dimse.StatusError{Status: dimse.StatusResourceLimitation, Comment: "too many jobs are waiting", Err: err}
	}
	if err != nil {
		d.live.remove(id)
		return nil, fmt.Errorf("jobkinds: keep the storage commitment request: %w", err)
	}
	return answered, nil
}

// claim decides, inside one transaction, what a request is: new, a repeat, or another use of a Transaction UID.
type claim struct {
	deps   *Deps
	in     *Incoming
	digest [32]byte
	jobID  string
	row    index.CommitRequest
	stale  string // key of a finished request that gives way
	repeat bool
}

func (c *claim) id() requestID { return requestID{c.row.PeerAET, c.in.TransactionUID} }

// look finds out what the request is before anything is written, so that its association is known to the job.
func (c *claim) look(ctx context.Context) error {
	return c.deps.Store.View(ctx, func(tx index.ReadTx) error { return c.decide(tx) })
}

// keep writes the request with its job; what it is may have changed since look.
func (c *claim) keep(ctx context.Context, rec jobs.Record) error {
	return c.deps.Store.Update(ctx, func(tx index.Tx) error {
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
}

func (c *claim) decide(tx index.ReadTx) error {
	rows, err := tx.CommitRequestsOf(string(c.in.TransactionUID))
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
		PeerAET: key, TransactionUID: string(c.in.TransactionUID), CalledAET: c.in.Peer.CalledAET,
		PeerAddr: hostOf(c.in.Peer.RemoteAddr), Count: len(c.in.References), Digest: c.digest, Created: time.Now(),
	}
	return putData(&c.row, data)
}

func (c *claim) write(tx index.Tx, rec jobs.Record) error {
	fresh := c.row.State == ""
	c.row.State = index.CommitOpen
	if len(c.row.Report) > 0 {
		c.row.State = index.CommitDecided
	}
	c.row.JobID, c.row.Attempts, c.row.LastError = c.jobID, 0, ""
	if c.stale != "" {
		if err := tx.DeleteCommitRequest(c.stale, c.row.TransactionUID); err != nil {
			return err
		}
	}
	if err := tx.PutCommitRequest(&c.row); err != nil {
		return err
	}
	for i := 0; fresh && i < len(c.in.References); i += chunkSize {
		part := c.in.References[i:min(i+chunkSize, len(c.in.References))]
		if err := tx.PutCommitReferences(c.row.PeerAET, c.row.TransactionUID, i/chunkSize, part); err != nil {
			return err
		}
	}
	return c.deps.putJob(tx, rec)
}
