package scp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// EventReport is an event to be reported to the peer.
type EventReport struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	EventTypeID    uint16
	Dataset        *dicom.Dataset // encoded in the transfer syntax of the presentation context; nil for none
	Encode         Encoder        // asked for the data set when Dataset is nil; nil for none
}

// Encoder returns a data set in a transfer syntax, that of the presentation context on which it is to be sent: for data
// sets that are kept encoded, or are too large to be held.
type Encoder func(transferSyntax dicom.UID) (io.Reader, error)

// RoleError means that this end may not do what it wants to on any presentation context (PS3.7 D.3.3.4).
type RoleError struct {
	AbstractSyntax dicom.UID
	Role           string // the missing one, "SCP"
}

// Error names the SOP class and the role.
func (e *RoleError) Error() string {
	return fmt.Sprintf("scp: the peer did not grant the role %s for SOP class %s: it may need to be told to accept role selection",
		e.Role, e.AbstractSyntax)
}

// NoContextError means that no presentation context was accepted for what is to be sent.
type NoContextError struct {
	AbstractSyntax dicom.UID
	TransferSyntax dicom.UID // "": any
}

// Error names the SOP class and the transfer syntax.
func (e *NoContextError) Error() string {
	if e.TransferSyntax == "" {
		return fmt.Sprintf("scp: the peer accepted no presentation context for SOP class %s", e.AbstractSyntax)
	}
	return fmt.Sprintf("scp: the peer accepted no presentation context for SOP class %s with transfer syntax %s",
		e.AbstractSyntax, e.TransferSyntax)
}

// EventReport sends an N-EVENT-REPORT on this association and waits for its response, whose command is returned. It
// must not be called before the operation that is being handled was answered (use ActionResult.After). An error
// other than *RoleError and *NoContextError means that there is no response: it is not known whether the peer
// took the report.
func (a *Association) EventReport(ctx context.Context, rp *EventReport) (*dimse.Command, error) {
	pc, err := a.ProviderContext(rp.SOPClassUID)
	if err != nil {
		return nil, err
	}
	reply, err := a.EventReportOn(ctx, pc, rp)
	if err != nil {
		return nil, err
	}
	return reply.Command, nil
}

// EventReportOn is EventReport on a presentation context of the caller's choice, whatever the roles on it.
func (a *Association) EventReportOn(ctx context.Context, pc dul.Context, rp *EventReport) (*dimse.Reply, error) {
	data, err := EncodeBy(rp.Encode, rp.Dataset, dicom.UID(pc.TransferSyntax))
	if err != nil {
		return nil, err
	}
	cmd := &dimse.Command{
		Field:                  dimse.NEventReportRQ,
		AffectedSOPClassUID:    rp.SOPClassUID,
		AffectedSOPInstanceUID: rp.SOPInstanceUID,
		EventTypeID:            rp.EventTypeID,
	}
	began := time.Now()
	reply, err := a.session.Do(ctx, pc.ID, cmd, data)
	a.Asked(cmd, began, 0, reply, err) // how long a report is is not worth counting
	if err != nil {
		return nil, fmt.Errorf("scp: N-EVENT-REPORT: %w", err)
	}
	return reply, nil
}

// ProviderContext returns an accepted presentation context on which this end is the SCP of a class.
func (a *Association) ProviderContext(class dicom.UID) (dul.Context, error) {
	found := false
	for _, pc := range a.assoc.Contexts() {
		if !pc.Accepted() || pc.AbstractSyntax != string(class) {
			continue
		}
		if pc.LocalSCP {
			return pc, nil
		}
		found = true
	}
	if found {
		return dul.Context{}, &RoleError{AbstractSyntax: class, Role: "SCP"}
	}
	return dul.Context{}, &NoContextError{AbstractSyntax: class}
}

// Encode returns a data set as it is sent on a presentation context with the given transfer syntax, nil for nil.
func Encode(ds *dicom.Dataset, transferSyntax dicom.UID) (io.Reader, error) {
	if ds == nil {
		return nil, nil
	}
	b, err := codec.Marshal(ds, dicom.LookupTransferSyntax(transferSyntax))
	if err != nil {
		return nil, fmt.Errorf("scp: encode data set: %w", err)
	}
	return bytes.NewReader(b), nil
}

// EncodeBy returns a data set as Encode does, or when there is none what encode, if given, returns.
func EncodeBy(encode Encoder, ds *dicom.Dataset, transferSyntax dicom.UID) (io.Reader, error) {
	if ds != nil || encode == nil {
		return Encode(ds, transferSyntax)
	}
	data, err := encode(transferSyntax)
	if err != nil {
		return nil, fmt.Errorf("scp: encode data set: %w", err)
	}
	return data, nil
}
