// Package scu is the client side of DICOM associations: it asks for them and has operations performed on them.
package scu

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// Config says whom to call and with what.
type Config struct {
	Addr       string // host:port
	CallingAET string
	CalledAET  string
	Contexts   []dul.ProposedContext
	Roles      []dul.RoleSelection
	Async      *dul.AsyncWindow // asynchronous operations window to propose; nil: one operation at a time
	Identity   *dul.UserIdentity
	Extended   []dul.ExtendedNegotiation
	TLS        *tls.Config

	MaxPDULength                                           uint32
	ConnectTimeout, ACSETimeout, DIMSETimeout, IdleTimeout time.Duration // 0: none
	ImplementationClassUID, ImplementationVersionName      string

	// LenientRoles sends an N-EVENT-REPORT although the peer did not answer the role selection.
	LenientRoles bool
	// Handler performs what the peer asks for on this association: an scp.EventReceiver, for example.
	Handler any
	Logger  *slog.Logger // nil discards
}

// Client is an association that this end asked for. Its methods may be called at once.
type Client struct{}

// Dial connects and associates.
func Dial(ctx context.Context, cfg Config) (*Client, error) { return nil, nil }

// Echo performs C-ECHO; a *dimse.StatusError for a response that is no success.
func (c *Client) Echo(ctx context.Context) error { return nil }

// StoreRequest is an object to be stored.
type StoreRequest struct {
	SOPClassUID             dicom.UID
	SOPInstanceUID          dicom.UID
	TransferSyntax          dicom.UID // that Data is in; must be that of an accepted context
	Data                    io.Reader // the data set without file meta information, read to its end
	Priority                uint16
	MoveOriginatorAET       string
	MoveOriginatorMessageID uint16
}

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
func (r *Response) Err() error { return nil }

// Store performs C-STORE. An error means that there was no response; *NoContextError that nothing was sent.
// Calls at once are pipelined as far as the negotiated window lets them, else they wait for each other.
func (c *Client) Store(ctx context.Context, rq *StoreRequest) (*StoreResponse, error) {
	return nil, nil
}

// ActionRequest is an action to be performed.
type ActionRequest struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	ActionTypeID   uint16
	Dataset        *dicom.Dataset // nil for none
}

// Action performs N-ACTION.
func (c *Client) Action(ctx context.Context, rq *ActionRequest) (*ActionResponse, error) {
	return nil, nil
}

// EventReportRequest is an event to be reported.
type EventReportRequest struct {
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	EventTypeID    uint16
	Dataset        *dicom.Dataset // nil for none
}

// EventReport performs N-EVENT-REPORT. This end must have the SCP role on the context: propose it with
// dul.RoleSelection{SCU: false, SCP: true}; a *RoleError if the peer did not grant it.
func (c *Client) EventReport(ctx context.Context, rq *EventReportRequest) (*EventReportResponse, error) {
	return nil, nil
}

// Wait returns when the association has ended: nil if the peer released it or Release did. The peer's requests reach
// the handler all the time, whether Wait is called or not.
func (c *Client) Wait(ctx context.Context) error { return nil }

// Release ends the association in order.
func (c *Client) Release(ctx context.Context) error { return nil }

// Abort ends it at once.
func (c *Client) Abort() {}

// Assoc returns the association below.
func (c *Client) Assoc() *dul.Assoc { return nil }
