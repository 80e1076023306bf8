package inject

import (
	"context"
	"errors"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/faults"
	"gantry/internal/scp"
)

// services names the operations in rules.
func service(field uint16) faults.Service {
	switch field {
	case dimse.CEchoRQ:
		return faults.Echo
	case dimse.CStoreRQ:
		return faults.Store
	case dimse.CFindRQ:
		return faults.Find
	case dimse.CMoveRQ:
		return faults.Move
	case dimse.CGetRQ:
		return faults.Get
	case dimse.NEventReportRQ:
		return faults.Report
	}
	return faults.Any // what has no name of its own
}

// around is the scp.Config.Around that makes the faults of operations. The answer is what a delay holds back: the
// operation has been performed by then, unless another fault prevents that.
func (in *Injector) around(ctx context.Context, rq *scp.Incoming, next func() error) error {
	ev := &faults.Event{Service: service(rq.Field), CallingAET: rq.Peer.CallingAET, CalledAET: rq.Peer.CalledAET,
		Classes: uids(rq.SOPClassUID), Instance: string(rq.SOPInstanceUID)}
	if rq.Field == dimse.NActionRQ && rq.SOPClassUID == dicom.StorageCommitmentPushModel {
		ev.Service = faults.Commitment
	}
	out := in.set.Match(ev)
	if !out.Any() {
		return next()
	}
	in.note(ev, &out, rq.Peer.LogAttrs())
	op := operation{rq: rq, rule: out.Rule, conn: connOf(rq.Association.Assoc().NetConn())}
	err := op.before(ctx, next)
	if delayErr := in.delay(ctx, out.Delay, op.conn); delayErr != nil {
		return op.giveUp(delayErr)
	}
	if ended := op.after(); ended != nil {
		return ended
	}
	return err
}

// operation is one that meets a fault.
type operation struct {
	rq   *scp.Incoming
	rule *faults.Rule // nil: a delay alone
	conn *conn
}

// before performs the operation, or what the fault puts in its place. The data set has been read when it returns, unless
// the connection is to break before its end.
func (op *operation) before(ctx context.Context, next func() error) error {
	r := op.rule
	switch {
	case r == nil:
		return next()
	case r.Fault == faults.Status:
		if err := op.rq.Drain(ctx); err != nil {
			return err
		}
		if r.Status == uint16(dimse.StatusSuccess) {
			return nil // a lie
		}
		return &dimse.StatusError{Status: dimse.Status(r.Status), Comment: r.Comment, Err: madeError(r)}
	case r.Fault == faults.Abort:
		return op.rq.Drain(ctx)
	case r.Point == faults.AtRequest:
		return nil
	case r.Point == faults.AtData:
		return op.readSome()
	}
	return next()
}

// readSome reads the first piece of the data set.
func (op *operation) readSome() error {
	if op.rq.Data == nil {
		return nil
	}
	var some [1]byte
	_, err := op.rq.Data.Read(some[:])
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// after ends the association, if that is the fault.
func (op *operation) after() error {
	r := op.rule
	if r == nil {
		return nil
	}
	reset := r.Fault == faults.Reset
	switch {
	case r.Fault == faults.Abort:
		return op.giveUp(abortError(r))
	case r.Fault != faults.Drop && !reset:
		return nil
	case r.Point == faults.AtPDU:
		op.conn.cutNext(reset)
		return nil
	}
	op.conn.end(reset)
	return op.giveUp(madeError(r))
}

// giveUp ends the association.
func (op *operation) giveUp(err error) error {
	_ = op.rq.Association.Assoc().Abort(err) // it may be over already
	return err
}
