package cli

import (
	"context"
	"fmt"
	"io"
	"sync"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/scp"
)

// receiver takes N-EVENT-REPORTs for open transactions, on whatever association they come.
type receiver struct {
	peer   string       // AE title that was asked
	status dimse.Status // to answer with instead of success; for tests of a peer
	warn   io.Writer

	mu   sync.Mutex
	open map[dicom.UID]*transaction
	done chan struct{} // closed when none is open
}

func newReceiver(peer string, list transactions, warn io.Writer) *receiver {
	r := &receiver{peer: peer, warn: warn, open: map[dicom.UID]*transaction{}, done: make(chan struct{})}
	for _, t := range list {
		r.open[t.uid] = t
	}
	return r
}

// EventReport implements scp.EventReceiver (PS3.4 J.3.3).
func (r *receiver) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	switch {
	case rq.SOPClassUID != dicom.StorageCommitmentPushModel:
		return &dimse.StatusError{Status: dimse.StatusNoSuchSOPClass}
	case rq.SOPInstanceUID != dicom.StorageCommitmentPushModelInstance:
		return &dimse.StatusError{Status: dimse.StatusNoSuchSOPInstance}
	case rq.EventTypeID != 1 && rq.EventTypeID != 2:
		return &dimse.StatusError{Status: dimse.StatusNoSuchEventType}
	}
	ds, err := rq.Dataset(codec.DefaultLimits())
	if err != nil {
		return &dimse.StatusError{Status: dimse.StatusProcessingFailure, Comment: "unreadable event information", Err: err}
	}
	if !r.take(ds, reporter(rq, r.peer)) {
		return &dimse.StatusError{Status: dimse.StatusInvalidArgument, Comment: "unknown transaction UID"}
	}
	if r.status != dimse.StatusSuccess {
		return &dimse.StatusError{Status: r.status}
	}
	return nil
}

// reporter is the AE title of the peer: on our own association the called one.
func reporter(rq *scp.EventReportRequest, asked string) string {
	if rq.Peer == nil {
		return asked
	}
	if rq.Peer.CalledAET == asked {
		return asked
	}
	return rq.Peer.CallingAET
}

// take notes a report; false if its transaction is not open.
func (r *receiver) take(ds *dicom.Dataset, from string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.open[ds.UID(dicom.TagTransactionUID)]
	if t == nil {
		return false
	}
	if from != r.peer && r.peer != anySCP {
		_, _ = fmt.Fprintf(r.warn, "gantry: warning: the report comes from %s, %s was asked\n", from, r.peer)
	}
	t.from = from
	t.take(ds)
	r.close(t)
	return true
}

// refuse closes a transaction that the peer did not accept.
func (r *receiver) refuse(t *transaction, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open[t.uid] == nil {
		return // its report overtook the answer
	}
	t.refused = err
	r.close(t)
}

func (r *receiver) close(t *transaction) {
	delete(r.open, t.uid)
	if len(r.open) == 0 {
		close(r.done)
	}
}

// settle ends the reception: what is open stays pending, later reports are refused.
func (r *receiver) settle() (pending int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	pending = len(r.open)
	clear(r.open)
	return pending
}
