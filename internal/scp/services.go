package scp

import (
	"context"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// dispatch has the handler perform an operation. Further services are further cases.
func (a *Association) dispatch(ctx context.Context, op *operation) error {
	defer op.slot.giveBack()
	defer op.large.giveBack()
	switch op.Command.Field {
	case dimse.CEchoRQ:
		return a.echo(ctx, op)
	case dimse.CStoreRQ:
		if h, ok := a.opts.Handler.(Storer); ok {
			return a.store(ctx, op, h)
		}
	case dimse.NActionRQ:
		if h, ok := a.opts.Handler.(Actor); ok {
			return a.action(ctx, op, h)
		}
	case dimse.NEventReportRQ:
		if h, ok := a.opts.Handler.(EventReceiver); ok {
			return a.eventReport(ctx, op, h)
		}
	}
	return dimse.Errorf(dimse.StatusUnrecognizedOperation, "%s is not offered", op.Command.Service())
}

func (a *Association) header(op *operation) Header {
	return Header{
		Peer: a.peer, Association: a, ContextID: op.ContextID, MessageID: op.Command.MessageID,
		AbstractSyntax: op.class, TransferSyntax: op.syntax,
	}
}

func (a *Association) echo(ctx context.Context, op *operation) error {
	if tooLong(op.Command.AffectedSOPClassUID) {
		return refuseLong(dimse.StatusSOPClassNotSupported, "Affected SOP Class UID", op.Command.AffectedSOPClassUID)
	}
	if h, ok := a.opts.Handler.(Echoer); ok {
		return h.Echo(ctx, &EchoRequest{a.header(op)})
	}
	return nil
}

// store performs C-STORE (PS3.7 9.1.1.1, statuses in PS3.4 B.2.3).
func (a *Association) store(ctx context.Context, op *operation, h Storer) error {
	cmd := op.Command
	switch {
	case op.Data == nil:
		return dimse.Errorf(dimse.StatusCannotUnderstand, "C-STORE without a data set")
	case cmd.AffectedSOPClassUID == "":
		return dimse.Errorf(dimse.StatusCannotUnderstand, "Affected SOP Class UID missing")
	case cmd.AffectedSOPInstanceUID == "":
		return dimse.Errorf(dimse.StatusInvalidSOPInstance, "Affected SOP Instance UID missing")
	case tooLong(cmd.AffectedSOPClassUID):
		return refuseLong(dimse.StatusSOPClassNotSupported, "Affected SOP Class UID", cmd.AffectedSOPClassUID)
	case tooLong(cmd.AffectedSOPInstanceUID):
		return refuseLong(dimse.StatusInvalidSOPInstance, "Affected SOP Instance UID", cmd.AffectedSOPInstanceUID)
	}
	return h.Store(ctx, &StoreRequest{
		Header:                  a.header(op),
		SOPClassUID:             cmd.AffectedSOPClassUID,
		SOPInstanceUID:          cmd.AffectedSOPInstanceUID,
		Priority:                cmd.Priority,
		MoveOriginatorAET:       cmd.MoveOriginatorAET,
		MoveOriginatorMessageID: cmd.MoveOriginatorMessageID,
		Data:                    op.Data,
	})
}

// action performs N-ACTION (PS3.7 10.1.4.1).
func (a *Association) action(ctx context.Context, op *operation, h Actor) error {
	cmd := op.Command
	data, err := a.normalized(ctx, op, "Requested", cmd.RequestedSOPClassUID, cmd.RequestedSOPInstanceUID)
	if err != nil {
		return err
	}
	result, err := h.Action(ctx, &ActionRequest{
		Header:         a.header(op),
		SOPClassUID:    cmd.RequestedSOPClassUID,
		SOPInstanceUID: cmd.RequestedSOPInstanceUID,
		ActionTypeID:   cmd.ActionTypeID,
		HasDataset:     op.Data != nil,
		Data:           data,
	})
	if err == nil && result != nil {
		op.reply, op.after = result.Reply, result.After
	}
	return err
}

// eventReport takes N-EVENT-REPORT (PS3.7 10.1.1.1).
func (a *Association) eventReport(ctx context.Context, op *operation, h EventReceiver) error {
	cmd := op.Command
	data, err := a.normalized(ctx, op, "Affected", cmd.AffectedSOPClassUID, cmd.AffectedSOPInstanceUID)
	if err != nil {
		return err
	}
	return h.EventReport(ctx, &EventReportRequest{
		Header:         a.header(op),
		SOPClassUID:    cmd.AffectedSOPClassUID,
		SOPInstanceUID: cmd.AffectedSOPInstanceUID,
		EventTypeID:    cmd.EventTypeID,
		HasDataset:     op.Data != nil,
		Data:           data,
	})
}

// normalized checks that an N-service names its object and gives its data set, at whose end the operation takes its
// slot; without one it takes it now.
func (a *Association) normalized(ctx context.Context, op *operation, role string, class, instance dicom.UID) (io.Reader, error) {
	switch {
	case class == "":
		return nil, dimse.Errorf(dimse.StatusNoSuchSOPClass, "%s SOP Class UID missing", role)
	case instance == "":
		return nil, dimse.Errorf(dimse.StatusNoSuchSOPInstance, "%s SOP Instance UID missing", role)
	case tooLong(class):
		return nil, refuseLong(dimse.StatusNoSuchSOPClass, role+" SOP Class UID", class)
	case tooLong(instance):
		return nil, refuseLong(dimse.StatusInvalidSOPInstance, role+" SOP Instance UID", instance)
	}
	if op.Data == nil {
		return nothing{}, op.slot.take(ctx, a.limits.operations)
	}
	return &slotReader{Reader: op.Data, ctx: ctx, op: op, limits: a.limits}, nil
}

// tooLong reports whether a UID is longer than any is (PS3.5 9.1). Its other rules are not asked for: real senders break
// them, and their objects have no other name.
func tooLong(uid dicom.UID) bool { return len(uid) > dicom.MaxUIDLength }

func refuseLong(status dimse.Status, what string, uid dicom.UID) error {
	return dimse.Errorf(status, "%s of %d characters", what, len(uid))
}

// nothing is the data set of a message that has none.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
