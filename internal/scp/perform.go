package scp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// errShutdown ends the associations of a server that shuts down.
var errShutdown = errors.New("scp: server is shutting down")

// ErrOnPurpose is in the chain of the error of a fault made on purpose (Config.Review, Config.Around).
var ErrOnPurpose = errors.New("fault made on purpose")

// IsShutdown reports whether an association ended because its server shut down.
func IsShutdown(err error) bool { return errors.Is(err, errShutdown) }

// operation is one request on its way to its response.
type operation struct {
	*dimse.Message
	class    dicom.UID // abstract syntax of the presentation context
	syntax   dicom.UID
	response *dimse.Command
	reply    *dicom.Dataset
	after    func(ctx context.Context)
	started  time.Time
	slot     slot // of limits.operations
	large    slot // of limits.large
}

// serve is called with each request of the peer. It returns when the next message may be received: after the response,
// or with a window of several operations when the data set has been read.
func (a *Association) serve(ctx context.Context, m *dimse.Message) {
	if m.Command.Field == dimse.CCancelRQ {
		return // nothing is being performed that could be cancelled
	}
	pc, ok := a.assoc.Context(m.ContextID)
	if !ok || !pc.Accepted() {
		_ = a.assoc.Abort(fmt.Errorf("scp: message on presentation context %d, which was not accepted", m.ContextID))
		return
	}
	op := &operation{
		Message: m, class: dicom.UID(pc.AbstractSyntax), syntax: dicom.UID(pc.TransferSyntax),
		response: m.Command.Response(dimse.StatusSuccess), started: time.Now(),
	}
	if a.window == nil {
		a.perform(ctx, op, nil)
		return
	}
	read := make(chan struct{})
	select {
	case a.window <- struct{}{}:
	case <-ctx.Done():
		return
	}
	go func() {
		defer func() { <-a.window }()
		a.perform(ctx, op, func() { close(read) })
	}()
	<-read
}

// perform does an operation from its command to its response. It calls read, if given, once the data set has been
// read or cannot be, in any case.
func (a *Association) perform(ctx context.Context, op *operation, read func()) {
	if read == nil {
		read = func() {}
	}
	duplicate, ok := a.begin(op.Command.MessageID)
	if !ok {
		read()
		return
	}
	defer a.end(op.Command.MessageID, duplicate)
	defer func() {
		if a.recovered(op.Command, recover()) {
			_ = op.Drain(ctx) // fails at once, which ends the data set for whoever waits for that
		}
	}()
	op.AtEnd(read)
	var err error
	if duplicate {
		err = dimse.Errorf(dimse.StatusDuplicateInvocation, "message id %d is in use", op.Command.MessageID)
	} else {
		err = a.around(ctx, op)
	}
	a.answer(ctx, op, err)
}

// answer sends the response, after what the handler left of the data set.
func (a *Association) answer(ctx context.Context, op *operation, err error) {
	if err != nil {
		op.response.Fail(err)
		a.logFailure(ctx, op, err)
	}
	if !op.Drained() && !a.drain(ctx, op.Message) {
		return // the association is over
	}
	var data io.Reader
	if err == nil && op.reply != nil {
		if data, err = Encode(op.reply, op.syntax); err != nil {
			op.response.Fail(err)
		}
	}
	sent := a.session.Respond(ctx, op.Message, op.response, data)
	a.opts.Observer.operation(Operation{
		Peer: a.peer, Service: op.Command.Service(), Status: op.response.Status,
		Duration: time.Since(op.started), Bytes: op.Size(), OnPurpose: errors.Is(err, ErrOnPurpose),
	})
	if sent == nil && err == nil && op.after != nil {
		a.runAfter(ctx, op)
	}
}

// drain drops what is left of a data set, within a time, and reports whether the association goes on.
func (a *Association) drain(ctx context.Context, m *dimse.Message) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, a.opts.DrainTimeout,
		fmt.Errorf("scp: data set that is not wanted went on for more than %v", a.opts.DrainTimeout))
	defer cancel()
	return m.Drain(ctx) == nil
}

func (a *Association) runAfter(ctx context.Context, op *operation) {
	a.mu.Lock()
	a.started()
	a.mu.Unlock()
	go func() {
		defer a.finished()
		defer func() { a.recovered(op.Command, recover()) }()
		op.after(ctx)
	}()
}

// recovered turns a panic of a handler into the end of the association.
func (a *Association) recovered(cmd *dimse.Command, value any) bool {
	if value == nil {
		return false
	}
	a.log.Error("handler panicked, association aborted", "service", cmd.Service(), "message", cmd.MessageID,
		"panic", fmt.Sprint(value), "stack", string(debug.Stack()))
	_ = a.assoc.Abort(fmt.Errorf("scp: handler of %s panicked", cmd.Service()))
	return true
}

// begin notes that an operation is being performed. False means that none is to be begun any more.
func (a *Association) begin(id uint16) (duplicate, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.draining {
		return false, false
	}
	a.started()
	if _, duplicate = a.running[id]; !duplicate {
		a.running[id] = struct{}{}
	}
	return duplicate, true
}

func (a *Association) end(id uint16, duplicate bool) {
	if !duplicate {
		a.mu.Lock()
		delete(a.running, id)
		a.mu.Unlock()
	}
	a.finished()
}

// started begins a piece of work, during which the peer has every right to be silent. a.mu is held.
func (a *Association) started() {
	a.work++
	a.assoc.Busy(1)
}

// finished ends a piece of work, and the association with it if that was the last one of a shutdown.
func (a *Association) finished() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.work--
	a.assoc.Busy(-1)
	if a.work == 0 {
		a.idle.Broadcast()
		if a.draining {
			a.stop(errShutdown)
		}
	}
}

// shutdown has the association end as soon as nothing is being performed on it.
func (a *Association) shutdown() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
	if a.work == 0 {
		a.stop(errShutdown)
	}
}

// Settle returns when nothing that the peer asked for is being performed or waits for its answer to be sent; the cause
// of ctx if that ends first.
func (a *Association) Settle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.idle.Broadcast()
	})
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.work > 0 && ctx.Err() == nil {
		a.idle.Wait()
	}
	if a.work > 0 {
		return context.Cause(ctx)
	}
	return nil
}
