package scp

import (
	"context"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// Association is an established association as a handler sees it.
type Association struct{}

// EventReport is what EventReport of an Association sends.
type EventReport struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	EventTypeID    uint16
	Dataset        *dicom.Dataset // encoded in the transfer syntax of the presentation context; nil for none
}

// Peer returns the other end.
func (a *Association) Peer() *Peer { return nil }

// Assoc returns the association below.
func (a *Association) Assoc() *dul.Assoc { return nil }

// Done is closed when the association has ended.
func (a *Association) Done() <-chan struct{} { return nil }

// EventReport sends an N-EVENT-REPORT on this association and waits for its response, whose command is returned. It
// must not be called before the operation that is being handled was answered (use ActionResult.After). An error
// means that there is no response: it is not known whether the peer took the report.
func (a *Association) EventReport(ctx context.Context, rp *EventReport) (*dimse.Command, error) {
	return nil, nil
}
