package jobkinds

import (
	"context"
	"errors"
	"strings"

	"gantry/internal/jobs"
	"gantry/internal/modalities"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// Saver keeps jobs as rows of the store's index.
type Saver struct{ Store *storage.Store }

var _ jobs.Saver = Saver{}

// Save writes the records in one durable transaction, but for those that are older than what is there.
func (s Saver) Save(ctx context.Context, records []jobs.Record) error {
	return s.Store.Update(ctx, func(tx index.Tx) error {
		for i := range records {
			if err := tx.PutJob(jobRow(&records[i])); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete forgets jobs.
func (s Saver) Delete(ctx context.Context, ids ...string) error {
	return s.Store.Update(ctx, func(tx index.Tx) error {
		for _, id := range ids {
			if err := tx.DeleteJob(id); err != nil {
				return err
			}
		}
		return nil
	})
}

// State returns what a job is made again from.
func (s Saver) State(ctx context.Context, id string) (data []byte, err error) {
	err = s.Store.View(ctx, func(tx index.ReadTx) error {
		row, err := tx.Job(id)
		if errors.Is(err, index.ErrNotFound) {
			return jobs.ErrUnknown
		}
		data = row.Data
		return err
	})
	return data, err
}

// Load returns all jobs.
func (s Saver) Load(ctx context.Context) (records []jobs.Record, err error) {
	err = s.Store.View(ctx, func(tx index.ReadTx) error {
		rows, err := tx.Jobs()
		records = make([]jobs.Record, len(rows))
		for i := range rows {
			records[i] = jobRecord(&rows[i])
		}
		return err
	})
	return records, err
}

// jobRow keeps the progress in percent: a living job knows its parts itself.
func jobRow(r *jobs.Record) index.JobRow {
	percent := 0
	if r.Total > 0 {
		percent = min(100*r.Done/r.Total, 100)
	}
	return index.JobRow{
		ID: r.ID, Kind: r.Kind, State: string(r.State), Priority: r.Priority, Seq: r.Seq, Number: r.Number,
		Created: r.Created, Changed: r.Changed, NextAttempt: r.NextAttempt, Runtime: r.Runtime, Attempt: r.Attempt,
		Progress: percent, ErrorCode: int(r.ErrorCode), ErrorText: string(r.ErrorPayload), ErrorDetails: r.ErrorDetails,
		Version: r.Version, Data: r.Data, DataKept: r.DataKept, Content: r.Content, UserData: r.UserData,
	}
}

func jobRecord(r *index.JobRow) jobs.Record {
	return jobs.Record{
		ID: r.ID, Kind: r.Kind, State: jobs.State(r.State), Priority: r.Priority, Seq: r.Seq, Number: r.Number,
		Created: r.Created, Changed: r.Changed, NextAttempt: r.NextAttempt, Runtime: r.Runtime, Attempt: r.Attempt,
		Done: r.Progress, Total: 100, ErrorCode: jobs.Code(r.ErrorCode), ErrorDetails: r.ErrorDetails,
		ErrorPayload: errorPayload(r), Version: r.Version, Data: r.Data, Content: r.Content, UserData: r.UserData,
	}
}

// errorPayload reads what jobRow has put into ErrorText; rows of earlier versions have words there.
func errorPayload(r *index.JobRow) []byte {
	if !strings.HasPrefix(r.ErrorText, "{") {
		return nil
	}
	return []byte(r.ErrorText)
}

// ModalityKeeper keeps the table of modalities as rows of the store's index.
type ModalityKeeper struct{ Store *storage.Store }

var _ modalities.Keeper = ModalityKeeper{}

// Load returns the rows.
func (k ModalityKeeper) Load(ctx context.Context) (map[string][]byte, error) {
	peers := map[string][]byte{}
	err := k.Store.View(ctx, func(tx index.ReadTx) error {
		rows, err := tx.Modalities()
		for _, r := range rows {
			peers[r.Name] = r.JSON
		}
		return err
	})
	return peers, err
}

// Put writes a row.
func (k ModalityKeeper) Put(ctx context.Context, name string, modality []byte) error {
	return k.Store.Update(ctx, func(tx index.Tx) error {
		return tx.PutModality(index.ModalityRow{Name: name, JSON: modality})
	})
}

// Delete removes a row.
func (k ModalityKeeper) Delete(ctx context.Context, name string) error {
	return k.Store.Update(ctx, func(tx index.Tx) error { return tx.DeleteModality(name) })
}
