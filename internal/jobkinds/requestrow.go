package jobkinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"gantry/internal/config"
	"gantry/internal/jobs"
	"gantry/internal/modalities"
	"gantry/internal/storage/index"
)

// requestData is what a request's row keeps besides its columns.
type requestData struct {
	Duplicate bool `json:",omitempty"` // its UID belonged to another open transaction: 0131H for all
}

func dataOf(row *index.CommitRequest) (data requestData) {
	_ = json.Unmarshal(row.Data, &data) // rows are written by putData alone; an empty one is the zero value
	return data
}

func putData(row *index.CommitRequest, data requestData) error {
	b, err := json.Marshal(data)
	row.Data = b
	return err
}

// keySeparator is a character that no AE title has (PS3.5 6.2). The rows of requests are found by AE title and
// Transaction UID; a peer's second request under the UID of its own open one has part of its digest behind the title.
const keySeparator = `\`

// peerOf returns the AE title in the key of a row.
func peerOf(key string) string {
	aet, _, _ := strings.Cut(key, keySeparator)
	return aet
}

// putJob keeps a new job in the transaction of what it works on, if jobs are kept at all.
func (d *Deps) putJob(tx index.Tx, rec jobs.Record) error {
	if !d.Config.SaveJobs {
		return nil
	}
	return tx.PutJob(jobRow(&rec))
}

// ResumeRequests gives every open request a job again that has none: after a run whose jobs were not kept. It is called
// once the engine has started.
func (d *Deps) ResumeRequests(ctx context.Context) error {
	var rows []index.CommitRequest
	err := d.Store.View(ctx, func(tx index.ReadTx) error {
		for _, state := range []index.CommitState{index.CommitOpen, index.CommitDecided} {
			some, err := tx.CommitRequests(state)
			if err != nil {
				return err
			}
			rows = append(rows, some...)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("jobkinds: read the open storage commitment requests: %w", err)
	}
	d.dropReceiving(ctx)
	for i := range rows {
		err := d.resumeRequest(ctx, &rows[i], true)
		if errors.Is(err, jobs.ErrQueueFull) { // the limit was lowered meanwhile: the start does not wait for peers
			go d.resumeRest(ctx, rows[i:])
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resumeRest goes on with requests as other jobs end.
func (d *Deps) resumeRest(ctx context.Context, rows []index.CommitRequest) {
	for i := range rows {
		err := d.resumeRequest(ctx, &rows[i], false)
		if errors.Is(err, jobs.ErrStopped) || ctx.Err() != nil {
			return // the next run goes on
		}
		if err != nil {
			d.log().Error("a storage commitment request does not go on", "transaction", rows[i].TransactionUID, "error", err)
		}
	}
}

func (d *Deps) resumeRequest(ctx context.Context, row *index.CommitRequest, noWait bool) error {
	if info, ok := d.Jobs.Get(row.JobID); ok && !info.State.Ended() || d.Jobs.IsSetAside(row.JobID) {
		return nil // one set aside goes on at a later start
	}
	jobID, err := d.newJobFor(ctx, row, noWait)
	if err != nil {
		return fmt.Errorf("jobkinds: go on with storage commitment request %s: %w", row.TransactionUID, err)
	}
	if jobID != "" {
		d.log().Info("storage commitment request goes on", "transaction", row.TransactionUID, "peer", peerOf(row.PeerAET))
	}
	return nil
}

// newJobFor gives a request that has no job any more another one, and opens it again if its report was given up. It
// returns "" when somebody else has just done so.
func (d *Deps) newJobFor(ctx context.Context, row *index.CommitRequest, noWait bool) (string, error) {
	jobID := jobs.NewID()
	save := func(ctx context.Context, rec jobs.Record) error {
		return d.Store.Update(ctx, func(tx index.Tx) error {
			now, err := tx.CommitRequest(row.PeerAET, row.TransactionUID)
			if err != nil {
				return err
			}
			if now.JobID != row.JobID || now.State == index.CommitReported {
				return errRepeat
			}
			now.JobID = jobID
			reopen(now)
			if err := tx.PutCommitRequest(now); err != nil {
				return err
			}
			return d.putJob(tx, rec)
		})
	}
	_, err := d.Jobs.Submit(ctx, d.newCommitmentJob(row), jobs.Options{ID: jobID, Save: save, NoWait: noWait})
	if errors.Is(err, errRepeat) || isNotFound(err) {
		return "", nil
	}
	return jobID, err
}

// reopen gives a request the state it has before its report is delivered.
func reopen(row *index.CommitRequest) {
	row.State = index.CommitOpen
	if len(row.Outcome) > 0 {
		row.State = index.CommitDecided
	}
}

// finishedRequests is how many delivered or given up requests are kept, so that a repeat gets the same report.
const finishedRequests = 200

// noteFinished enters a finished request into a ring of that many places, and forgets the one that had its place.
func noteFinished(tx index.Tx, row *index.CommitRequest) error {
	const counter = "commitment.finished"
	last, err := tx.Property(counter)
	if err != nil && !isNotFound(err) {
		return err
	}
	n, _ := strconv.ParseUint(string(last), 10, 64) // absent or damaged: the ring begins anew
	place := fmt.Sprintf("%s.%d", counter, n%finishedRequests)
	if err := forgetPlace(tx, place); err != nil {
		return err
	}
	if err := tx.SetProperty(place, []byte(row.PeerAET+"\n"+row.TransactionUID)); err != nil {
		return err
	}
	return tx.SetProperty(counter, strconv.AppendUint(nil, n+1, 10))
}

func forgetPlace(tx index.Tx, place string) error {
	old, err := tx.Property(place)
	if err != nil {
		return ignoreNotFound(err)
	}
	peer, transaction, _ := strings.Cut(string(old), "\n")
	row, err := tx.CommitRequest(peer, transaction)
	if err != nil || !isFinished(row) {
		return ignoreNotFound(err)
	}
	return tx.DeleteCommitRequest(peer, transaction)
}

func isFinished(row *index.CommitRequest) bool {
	return row.State == index.CommitReported || row.State == index.CommitFailed
}

// errForgotten means that there is no row of the request.
var errForgotten = errors.New("jobkinds: the storage commitment request is no longer kept")

// loadRequest reads the row of a request.
func (d *Deps) loadRequest(ctx context.Context, id requestID) (row *index.CommitRequest, err error) {
	err = d.Store.View(ctx, func(tx index.ReadTx) error {
		row, err = tx.CommitRequest(id.peer, string(id.transaction))
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return nil, jobs.Failf(jobs.CodeInexistent, "%w: %s", errForgotten, id.transaction)
	}
	return row, err
}

// updateRequest changes the row of a request durably.
func (d *Deps) updateRequest(ctx context.Context, id requestID, change func(*index.CommitRequest)) error {
	return d.changeRequest(ctx, id, func(_ index.Tx, row *index.CommitRequest) error {
		change(row)
		return nil
	})
}

// changeRequest is updateRequest for a change that looks at, or changes, other rows.
func (d *Deps) changeRequest(ctx context.Context, id requestID, change func(index.Tx, *index.CommitRequest) error) error {
	return d.Store.Update(ctx, func(tx index.Tx) error {
		row, err := tx.CommitRequest(id.peer, string(id.transaction))
		if err != nil {
			return err
		}
		wasFinished := isFinished(row)
		if err := change(tx, row); err != nil {
			return err
		}
		if isFinished(row) && !wasFinished {
			if err := noteFinished(tx, row); err != nil {
				return err
			}
		}
		return tx.PutCommitRequest(row)
	})
}

// peerEntry finds how to reach the peer that sent a request: the entry of its AE title whose host it came from, else
// the first of that title; ok is false for a caller without an address.
func (d *Deps) peerEntry(aet, remoteHost string) (m config.Modality, ok bool) {
	entries := d.Modalities.FindByAET(aet)
	if len(entries) == 0 {
		return config.Modality{}, false
	}
	i := slices.IndexFunc(entries, func(e modalities.Entry) bool { return e.Host == remoteHost })
	m = entries[max(i, 0)].Modality
	return m, m.Host != "" && m.Port != 0
}

// hostOf is the address without the port.
func hostOf(addr net.Addr) string {
	if addr == nil {
		return ""
	}
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
