package scu

import (
	"context"
	"errors"

	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scp"
)

// ProviderRole is the role selection that a requestor proposes to be the SCP of a class, as it has to be
// to report events (PS3.4 J.3.3).
func ProviderRole(class dicom.UID) dul.RoleSelection {
	return dul.RoleSelection{SOPClassUID: string(class), SCU: false, SCP: true}
}

// EventReportRequest is an event to be reported.
type EventReportRequest = scp.EventReport

// EventReport performs N-EVENT-REPORT (PS3.7 10.1.1). This end must be the SCP on the context, see ProviderRole;
// a *RoleError if the peer did not grant it, unless Config.LenientRoles is set.
func (c *Client) EventReport(ctx context.Context, rq *EventReportRequest) (*EventReportResponse, error) {
	pc, err := c.providerContext(rq.SOPClassUID)
	if err != nil {
		return nil, err
	}
	reply, err := c.service.EventReportOn(ctx, pc, rq)
	return response(pc, reply, err)
}

func (c *Client) providerContext(class dicom.UID) (dul.Context, error) {
	pc, err := c.service.ProviderContext(class)
	var role *RoleError
	if errors.As(err, &role) && c.lenient {
		return c.context(class, "")
	}
	return pc, err
}
