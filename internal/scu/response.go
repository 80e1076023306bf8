package scu

import (
	"gantry/internal/dicom"
	"gantry/internal/dimse"
)

// Response is the outcome of an operation.
type Response struct {
	Status         dimse.Status
	ErrorComment   string
	Command        *dimse.Command
	Dataset        []byte // the reply of an N-service, in TransferSyntax; nil for none
	TransferSyntax dicom.UID
}

// StoreResponse, ActionResponse and EventReportResponse are the responses of their services.
type (
	StoreResponse       = Response
	ActionResponse      = Response
	EventReportResponse = Response
)

// Err returns nil for success and warnings, else a *dimse.StatusError.
func (r *Response) Err() error { return r.Command.Err() }
