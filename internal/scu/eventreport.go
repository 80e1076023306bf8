package scu

import (
	"context"
	"errors"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
)

// ProviderRole is the role selection that a requestor proposes to be the SCP of a class, as it has to be
// to report events (PS3.4 J.3.3).
func ProviderRole(class dicom.UID) dul.RoleSelection {
	return dul.RoleSelection{SOPClassUID: string(class), SCU: false, SCP: true}
}

// EventReportRequest is an event to be reported.
type EventReportRequest struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	EventTypeID    uint16
	Dataset        *dicom.Dataset // nil for none
	Encode         scp.Encoder    // asked for the data set when Dataset is nil; nil for none
}

// EventReport performs N-EVENT-REPORT (PS3.7 10.1.1). This end must be the SCP on the context, see ProviderRole;
// a *RoleError if the peer did not grant it, unless Config.LenientRoles is set.
func (c *Client) EventReport(ctx context.Context, rq *EventReportRequest) (*EventReportResponse, error) {
	pc, err := c.providerContext(rq.SOPClassUID)
	if err != nil {
		return nil, err
	}
	data, err := scp.EncodeBy(rq.Encode, rq.Dataset, dicom.UID(pc.TransferSyntax))
	if err != nil {
		return nil, err
	}
	return c.do(ctx, pc, &dimse.Command{
		Field:                  dimse.NEventReportRQ,
		AffectedSOPClassUID:    rq.SOPClassUID,
		AffectedSOPInstanceUID: rq.SOPInstanceUID,
		EventTypeID:            rq.EventTypeID,
	}, data)
}

func (c *Client) providerContext(class dicom.UID) (dul.Context, error) {
	pc, err := c.service.ProviderContext(class)
	var role *RoleError
	if errors.As(err, &role) && c.lenient {
		return c.context(class, "")
	}
	return pc, err
}
