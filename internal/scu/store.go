package scu

import (
	"context"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// StoreRequest is an object to be stored.
type StoreRequest struct {
	SOPClassUID             dicom.UID
	SOPInstanceUID          dicom.UID
	TransferSyntax          dicom.UID // that Data is in; must be that of an accepted context
	Data                    io.Reader // the data set without file meta information; one of odd length is padded with 00
	Priority                uint16
	MoveOriginatorAET       string
	MoveOriginatorMessageID uint16
}

// Store performs C-STORE (PS3.7 9.1.1). An error means that there was no response: *NoContextError that nothing was
// sent, a *dul.SourceError that Data could not be read, which aborts the association if its field Sent is set. Calls at
// once are pipelined as far as the negotiated window lets them, else they wait for each other.
func (c *Client) Store(ctx context.Context, rq *StoreRequest) (*StoreResponse, error) {
	pc, err := c.context(rq.SOPClassUID, rq.TransferSyntax)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, pc, &dimse.Command{
		Field:                   dimse.CStoreRQ,
		AffectedSOPClassUID:     rq.SOPClassUID,
		AffectedSOPInstanceUID:  rq.SOPInstanceUID,
		Priority:                rq.Priority,
		MoveOriginatorAET:       rq.MoveOriginatorAET,
		MoveOriginatorMessageID: rq.MoveOriginatorMessageID,
	}, &even{r: rq.Data})
}

// even pads data of odd length with a 00 (PS3.5 A.5): peers abort at a fragment of odd length.
type even struct {
	r   io.Reader
	odd bool
}

// Read implements io.Reader.
func (e *even) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	e.odd = e.odd != (n%2 == 1)
	switch {
	case err != io.EOF || !e.odd:
		return n, err
	case n == len(p):
		return n, nil // the next Read finds the end again
	}
	p[n], e.odd = 0, false
	return n + 1, io.EOF
}
