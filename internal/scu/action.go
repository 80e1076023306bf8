package scu

import (
	"context"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/scp"
)

// ActionRequest is an action to be performed.
type ActionRequest struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	ActionTypeID   uint16
	Dataset        *dicom.Dataset // nil for none
	Encode         scp.Encoder    // asked for the data set when Dataset is nil; nil for none
}

// Action performs N-ACTION (PS3.7 10.1.4). What it leads to, a report for example, may reach the handler before Action
// returns.
func (c *Client) Action(ctx context.Context, rq *ActionRequest) (*ActionResponse, error) {
	pc, err := c.context(rq.SOPClassUID, "")
	if err != nil {
		return nil, err
	}
	data, err := scp.EncodeBy(rq.Encode, rq.Dataset, dicom.UID(pc.TransferSyntax))
	if err != nil {
		return nil, err
	}
	return c.do(ctx, pc, &dimse.Command{
		Field:                   dimse.NActionRQ,
		RequestedSOPClassUID:    rq.SOPClassUID,
		RequestedSOPInstanceUID: rq.SOPInstanceUID,
		ActionTypeID:            rq.ActionTypeID,
	}, data)
}
