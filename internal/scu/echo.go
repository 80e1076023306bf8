package scu

import (
	"context"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// Echo performs C-ECHO (PS3.7 9.1.5); a *dimse.StatusError for a response that is no success.
func (c *Client) Echo(ctx context.Context) error {
	pc, err := c.context(dicom.VerificationSOPClass, "")
	if err != nil {
		return err
	}
	rsp, err := c.do(ctx, pc, &dimse.Command{
		Field:               dimse.CEchoRQ,
		AffectedSOPClassUID: dicom.VerificationSOPClass,
	}, nil)
	if err != nil {
		return err
	}
	return rsp.Err()
}
