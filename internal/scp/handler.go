package scp

import (
	"context"
	"io"
	"iter"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// A handler implements one or more of the interfaces below; a service that it does not implement is answered
// with 0211H unrecognised operation. Errors become statuses by dimse.StatusOf. Handlers of several associations,
// and of one association with an asynchronous operations window, run at once. Finder and Retriever are declared for
// query and retrieval, which no association offers yet.

// Echoer answers C-ECHO (PS3.7 9.1.5). Without it every C-ECHO succeeds.
type Echoer interface {
	Echo(ctx context.Context, rq *EchoRequest) error
}

// Storer takes the objects of C-STORE (PS3.7 9.1.1), as many at once as there are associations, and with a window more:
// it has to bound the memory that it holds for them itself.
type Storer interface {
	Store(ctx context.Context, rq *StoreRequest) error
}

// Actor performs N-ACTION (PS3.7 10.1.4). A nil result is an empty one.
type Actor interface {
	Action(ctx context.Context, rq *ActionRequest) (*ActionResult, error)
}

// EventReceiver takes N-EVENT-REPORT (PS3.7 10.1.1).
type EventReceiver interface {
	EventReport(ctx context.Context, rq *EventReportRequest) error
}

// Finder answers C-FIND (PS3.7 9.1.2): every data set of the sequence is a pending response; an error ends it.
// The context ends when the peer cancels.
type Finder interface {
	Find(ctx context.Context, rq *FindRequest) iter.Seq2[*dicom.Dataset, error]
}

// Retriever answers C-MOVE and C-GET (PS3.7 9.1.3, 9.1.4). The context ends when the peer cancels.
type Retriever interface {
	Retrieve(ctx context.Context, rq *RetrieveRequest) (Transfer, error)
}

// Header is what every request has.
type Header struct {
	Peer           *Peer
	Association    *Association
	ContextID      uint8
	MessageID      uint16
	AbstractSyntax dicom.UID // SOP class of the presentation context; that of the request may be another one
	TransferSyntax dicom.UID // of the data sets on the presentation context
}

// EchoRequest is a C-ECHO-RQ.
type EchoRequest struct{ Header }

// StoreRequest is a C-STORE-RQ.
type StoreRequest struct {
	Header
	SOPClassUID             dicom.UID
	SOPInstanceUID          dicom.UID // as it came: neither empty nor too long, but not checked further
	Priority                uint16
	MoveOriginatorAET       string
	MoveOriginatorMessageID uint16

	// Data is the data set as it arrives, valid until the handler returns; it implements io.WriterTo, which hands over
	// the bytes of each PDU without copying them. What is left of it is read and dropped.
	Data io.Reader
}

// ActionRequest is an N-ACTION-RQ.
type ActionRequest struct {
	Header
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	ActionTypeID   uint16
	HasDataset     bool
	Data           io.Reader // empty without a data set; its end waits for one of Config.Operations
}

// Dataset reads the action information.
func (rq *ActionRequest) Dataset(lim codec.Limits) (*dicom.Dataset, error) {
	return codec.ReadDataset(rq.Data, dicom.LookupTransferSyntax(rq.TransferSyntax), lim)
}

// ActionResult is what an action leads to.
type ActionResult struct {
	// Reply is the action reply, sent with the response; nil for none.
	Reply *dicom.Dataset
	// After runs on a goroutine of its own once the response of success has been sent, for as long as the association
	// lives: it may send an N-EVENT-REPORT on rq.Association. Nil for nothing.
	After func(ctx context.Context)
}

// EventReportRequest is an N-EVENT-REPORT-RQ.
type EventReportRequest struct {
	Header
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	EventTypeID    uint16
	HasDataset     bool
	Data           io.Reader // empty without a data set; its end waits for one of Config.Operations
}

// Dataset reads the event information.
func (rq *EventReportRequest) Dataset(lim codec.Limits) (*dicom.Dataset, error) {
	return codec.ReadDataset(rq.Data, dicom.LookupTransferSyntax(rq.TransferSyntax), lim)
}

// FindRequest is a C-FIND-RQ.
type FindRequest struct {
	Header
	SOPClassUID dicom.UID
	Priority    uint16
	Query       *dicom.Dataset
}

// RetrieveRequest is a C-MOVE-RQ or, without a destination, a C-GET-RQ.
type RetrieveRequest struct {
	Header
	SOPClassUID dicom.UID
	Priority    uint16
	Destination string // AE title of C-MOVE, "" for C-GET
	Query       *dicom.Dataset
}

// Transfer is a retrieval under way: sub-operations done one after the other.
type Transfer interface {
	// Next performs one sub-operation and returns the counts after it; io.EOF when none was left.
	Next(ctx context.Context) (Progress, error)
}

// Progress counts the sub-operations of a retrieval (PS3.7 9.1.4.1).
type Progress struct{ Remaining, Completed, Failed, Warning int }
