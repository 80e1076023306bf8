package jobkinds

import (
	"context"
	"errors"
	"log/slog"

	"gantry/internal/storage/index"
)

// earlySize is of how many references a request may be that is decided on before it is answered.
const earlySize = 100

// decideEarly looks up the instances of a small new request before it is kept. When all of them are there the outcome goes
// into the transaction that keeps the request, so that the report has one wait for the disk less before it; whatever else
// is to be said is left to the job, and nil returned.
func (c *claim) decideEarly(ctx context.Context) *decision {
	cfg := c.deps.Config
	if c.row.State != "" || c.intake.late || c.intake.staged != "" || len(c.intake.rest) > earlySize ||
		dataOf(&c.row).Duplicate || cfg.StorageCommitmentHandler != "" || cfg.StorageCommitmentVerify == "digest" {
		return nil
	}
	d, err := c.deps.newDecision(ctx, slog.New(slog.DiscardHandler)) // what is wrong the job will find, and tell
	if err != nil || d.barrier(ctx) != 0 || d.take(ctx, c.intake.rest) != nil || d.outcome.failed > 0 {
		return nil
	}
	if c.deps.Store.Barrier(ctx) != nil {
		return nil
	}
	d.fill(&c.row)
	return d
}

// writeEarly notes in a new row what was decided, if that still holds: errOvertaken.
func (c *claim) writeEarly(tx index.Tx) error {
	if dataOf(&c.row).Duplicate {
		return errOvertaken
	}
	err := c.early.note(tx, &c.row)
	if errors.Is(err, errStoreChanged) {
		c.intake.late = true
		return errOvertaken
	}
	return err
}
