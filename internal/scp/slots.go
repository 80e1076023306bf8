package scp

import (
	"context"
	"io"
)

// limits are shared by the associations of a server; nil channels limit nothing.
type limits struct {
	operations chan struct{} // Config.Operations
	large      chan struct{} // operations whose data set is longer than smallDataset
}

const (
	// smallDataset is how much of an N-service's data set is taken without asking: what it becomes in memory, for as many
	// associations as there may be, is bearable.
	smallDataset = 1 << 20
	// largeAtOnce is how many operations may go beyond that. They wait for each other, and hold up no others.
	largeAtOnce = 2
)

func newLimits(operations int) limits {
	return limits{operations: make(chan struct{}, operations), large: make(chan struct{}, largeAtOnce)}
}

// slot is a token of a limit, or none.
type slot struct{ of chan struct{} }

// take waits for a token, unless there is one already.
func (s *slot) take(ctx context.Context, limit chan struct{}) error {
	if limit == nil || s.of != nil {
		return nil
	}
	select {
	case limit <- struct{}{}:
		s.of = limit
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *slot) giveBack() {
	if s.of != nil {
		<-s.of
		s.of = nil
	}
}

// slotReader is the data set of an operation that takes its slots on the way.
type slotReader struct {
	io.Reader
	ctx    context.Context
	op     *operation
	limits limits
}

// Read implements io.Reader.
func (r *slotReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	var refused error
	switch {
	case err == io.EOF: //nolint:errorlint // wrapped it is another end
		refused = r.op.slot.take(r.ctx, r.limits.operations)
	case r.op.Size() > smallDataset:
		refused = r.op.large.take(r.ctx, r.limits.large)
	}
	if refused != nil {
		return n, refused
	}
	return n, err
}
