package dul

import (
	"context"
	"errors"
	"os"
	"time"

	"gantry/internal/dul/pdu"
)

// abortGrace is how long an A-ABORT may take on its way out, and how long the
// read side may look for the reason of a write that failed.
const abortGrace = 500 * time.Millisecond

// send writes whole PDUs; if that fails the association is over.
func (a *Assoc) send(in input) error {
	ctx := in.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	err := a.write(ctx, in.pdu)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		a.abort(ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		a.abort(&TimeoutError{Phase: "DIMSE", Hint: "the peer takes nothing more"})
	default:
		if in.user {
			a.learnReason(err)
		}
		_ = a.step(evtConnectionClosed, input{err: a.lost(err)})
	}
	return a.over()
}

func (a *Assoc) write(ctx context.Context, p []byte) error {
	a.writeLock.Lock()
	defer a.writeLock.Unlock()
	if a.writeErr != nil {
		return a.writeErr
	}
	if err := a.writeGuard.enter(ctx); err != nil {
		return err
	}
	_, err := a.conn.Write(p)
	a.writeGuard.leave()
	a.writeErr = err
	return err
}

// sendAbort sends an A-ABORT, unless a write hangs or has failed: then the peer
// could not make sense of it, and the connection is closed.
func (a *Assoc) sendAbort(source, reason uint8) {
	a.writeGuard.limitTo(abortGrace)
	p, _ := (&pdu.Abort{Source: source, Reason: reason}).Append(nil)
	if err := a.write(context.Background(), p); err != nil {
		_ = a.raw.Close()
	}
}

// learnReason looks for the A-ABORT that a peer sent before it closed the
// connection, and that explains why a write failed.
func (a *Assoc) learnReason(err error) {
	a.mu.Lock()
	a.failed = err
	a.mu.Unlock()
	a.readGuard.limitTo(abortGrace)
	select {
	case a.readLock <- struct{}{}:
		defer func() { <-a.readLock }()
	case <-a.done:
		return
	}
	a.in.detach()
	for a.Err() == nil {
		_, _, _ = a.receive(context.Background())
	}
}

// failedWrite gives the write whose failure has to be explained, if there is one.
func (a *Assoc) failedWrite() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}
