package scp

import (
	"context"
	"io"

	"gantry/internal/dicom"
)

// Incoming is a request as Config.Around sees it, before any handler.
type Incoming struct {
	Header
	Field          uint16    // dimse.CStoreRQ and so on
	SOPClassUID    dicom.UID // of the request, "" if it names none
	SOPInstanceUID dicom.UID
	Data           io.Reader // the data set as it arrives, nil without one; what is read here is lost to the handler

	op *operation
}

// Drain reads what is left of the data set, for as long as the peer goes on sending it.
func (rq *Incoming) Drain(ctx context.Context) error {
	if rq.op.Drained() {
		return nil
	}
	return rq.op.Drain(ctx)
}

// around has an operation performed, by way of Around if there is one.
func (a *Association) around(ctx context.Context, op *operation) error {
	if a.opts.Around == nil {
		return a.dispatch(ctx, op)
	}
	cmd := op.Command
	rq := &Incoming{Header: a.header(op), Field: cmd.Field, SOPClassUID: cmd.AffectedSOPClassUID,
		SOPInstanceUID: cmd.AffectedSOPInstanceUID, Data: op.Data, op: op}
	if cmd.RequestedSOPClassUID != "" {
		rq.SOPClassUID, rq.SOPInstanceUID = cmd.RequestedSOPClassUID, cmd.RequestedSOPInstanceUID
	}
	return a.opts.Around(ctx, rq, func() error { return a.dispatch(ctx, op) })
}
