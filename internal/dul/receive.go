package dul

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gantry/internal/dul/pdu"
)

// maxAssociateLength is the longest A-ASSOCIATE PDU taken. 128 contexts with
// all their transfer syntaxes need less than a tenth of it.
const maxAssociateLength = 1 << 20

// receive takes in one piece of a message, or one other PDU, which it makes an
// event of; ok tells which. The caller holds readLock.
func (a *Assoc) receive(ctx context.Context) (v PDV, ok bool, err error) {
	switch {
	case a.in.garbage:
		if err := a.in.skip(ctx, 1<<16); err != nil {
			return PDV{}, false, a.readFailed(ctx, err)
		}
		return PDV{}, false, nil
	case a.in.inData():
		return a.receivePiece(ctx)
	}
	h, err := a.in.header(ctx)
	if err != nil {
		return PDV{}, false, a.readFailed(ctx, err)
	}
	if h.Type == pdu.TypeData && h.Length <= maxDataLength {
		a.in.pduLeft = h.Length
		return PDV{}, false, a.event(evtData, nil)
	}
	return PDV{}, false, a.receiveControl(ctx, h)
}

func (a *Assoc) receivePiece(ctx context.Context) (PDV, bool, error) {
	v, err := a.in.piece(ctx)
	if err != nil {
		if broken := new(pdu.Error); errors.As(err, &broken) {
			return PDV{}, false, a.invalid(AbortInvalidParameter, err)
		}
		return PDV{}, false, a.readFailed(ctx, err)
	}
	if a.current() == sta13 {
		return PDV{}, false, nil
	}
	if c, known := a.Context(v.ContextID); !known || !c.Accepted() {
		return PDV{}, false, a.invalid(AbortInvalidParameter, &ContextError{ID: v.ContextID})
	}
	return v, true, nil
}

// receiveControl takes in a PDU that carries no data.
func (a *Assoc) receiveControl(ctx context.Context, h pdu.Header) error {
	limit := uint32(4)
	switch h.Type {
	case pdu.TypeAssociateRQ, pdu.TypeAssociateAC:
		limit = maxAssociateLength
	case pdu.TypeData:
		limit = maxDataLength
	}
	if !h.Type.Known() {
		return a.invalid(AbortUnrecognizedPDU, a.unrecognized(h.Type))
	}
	if h.Length > limit {
		return a.invalid(AbortInvalidParameter, &pdu.Error{Type: h.Type,
			Reason: fmt.Sprintf("length %d, at most %d taken", h.Length, limit)})
	}
	body, err := a.in.body(ctx, int(h.Length))
	if err != nil {
		return a.readFailed(ctx, err)
	}
	p, err := pdu.Decode(h, body)
	if err != nil {
		return a.invalid(AbortInvalidParameter, err)
	}
	return a.control(ctx, p)
}

// control makes a PDU an event, and answers what the standard leaves to the
// local user but has one answer only: a request for release.
func (a *Assoc) control(ctx context.Context, p pdu.PDU) error {
	switch p := p.(type) {
	case *pdu.ReleaseRQ:
		if err := a.event(evtReleaseRQ, nil); err != nil {
			return err
		}
		return a.answerRelease(ctx)
	case *pdu.ReleaseRP:
		if err := a.event(evtReleaseRP, nil); err != nil {
			return err
		}
		return a.answerRelease(ctx)
	case *pdu.Abort:
		return a.event(evtAbort, &AbortError{Source: p.Source, Reason: p.Reason, FromPeer: true})
	case *pdu.AssociateRQ:
		return a.requested(p)
	case *pdu.AssociateAC:
		return a.accepted(p)
	case *pdu.AssociateRJ:
		if a.current() != sta5 {
			return a.event(evtAssociateRJ, nil)
		}
		return a.event(evtAssociateRJ, (*Rejection)(p))
	}
	return nil
}

// answerRelease agrees to a release where that is this side's turn: at once in
// Sta9 and Sta12, and in Sta8 after the messages that are being sent.
func (a *Assoc) answerRelease(ctx context.Context) error {
	switch a.current() {
	case sta8:
		if err := a.lockMessages(ctx); err != nil {
			a.abort(err)
			return a.Err()
		}
		defer a.unlockMessages()
	case sta9, sta12:
	default:
		return a.Err()
	}
	_ = a.step(evtReleaseResponse, input{ctx: ctx})
	return a.Err()
}

// event steps with a PDU that was received, and tells whether the association
// is over. err is the reason where the PDU ends it properly; nil means that the
// PDU can only end it by having no place in the present state.
func (a *Assoc) event(e event, err error) error {
	if failed := a.step(e, input{err: err, reason: AbortUnexpectedPDU}); failed != nil {
		return failed
	}
	return a.Err()
}

func unexpected(e event, s state) error {
	return &AbortError{Source: AbortSourceProvider, Reason: AbortUnexpectedPDU,
		Err: &pdu.Error{Reason: fmt.Sprintf("%v received in %v", e, s)}}
}

// unrecognized says what is wrong with a type of PDU that does not exist.
func (a *Assoc) unrecognized(t pdu.Type) error {
	const tlsAlert, tlsHandshake = 0x15, 0x16 // RFC 8446 B.1
	switch {
	case t == tlsAlert && a.current() == sta5:
		return &TLSMismatchError{PeerTLS: true}
	case t == tlsHandshake && a.current() == sta2:
		return &TLSMismatchError{PeerTLS: true, Server: true}
	}
	return &pdu.Error{Reason: "unrecognized " + t.String()}
}

// invalid steps with a PDU that makes no sense. What follows it cannot be told
// apart any more.
func (a *Assoc) invalid(reason uint8, err error) error {
	a.in.garbage = true
	_ = a.step(evtInvalidPDU, input{reason: reason,
		err: &AbortError{Source: AbortSourceProvider, Reason: reason, Err: err}})
	return a.Err()
}

// read reads once from the connection, as long as the present state lets it.
func (a *Assoc) read(ctx context.Context, p []byte) (int, error) {
	if a.lingers {
		deadline, _ := a.readDeadline()
		_ = a.conn.SetReadDeadline(deadline)
		return a.conn.Read(p)
	}
	a.partial.Store(a.within || a.in.busy())
	for {
		if err := a.readGuard.enter(ctx); err != nil {
			return 0, err
		}
		n, err := a.conn.Read(p)
		a.readGuard.leave()
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if a.readGuard.expired(ctx) {
			_, phase := a.readDeadline() // what was waited for at last
			return 0, &TimeoutError{Phase: phase}
		}
	}
}

// readDeadline tells how long to wait for the peer, and what for.
func (a *Assoc) readDeadline() (deadline time.Time, phase string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.state {
	case sta2, sta13:
		return a.artim, "association"
	case sta5:
		return a.waitEnd, "association"
	case sta6, sta8:
	default:
		return a.waitEnd, "release"
	}
	switch {
	case len(a.messages) > 0:
		return time.Time{}, ""
	case a.partial.Load():
		return after(a.timeouts.dimse), "DIMSE"
	case a.performing.Load() > 0:
		return time.Time{}, ""
	case a.awaited.Load() > 0:
		return after(a.timeouts.dimse), "DIMSE"
	}
	return after(a.timeouts.idle), "idle"
}

// after gives the time d from now; zero for a d of zero.
func after(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// setWaitEnd sets how long the peer's ACSE has for its next answer.
func (a *Assoc) setWaitEnd(d time.Duration) {
	a.mu.Lock()
	a.waitEnd = after(d)
	a.mu.Unlock()
}

// readFailed makes an event of a failed read, and tells why the association is over.
func (a *Assoc) readFailed(ctx context.Context, err error) error {
	timeout := new(TimeoutError)
	failed := a.failedWrite()
	switch {
	case failed != nil:
		_ = a.step(evtConnectionClosed, input{err: a.lost(failed)})
	case ctx.Err() != nil:
		a.abort(ctx.Err())
	case errors.Is(err, errInterrupted):
	case errors.As(err, &timeout) || errors.Is(err, os.ErrDeadlineExceeded):
		if s := a.current(); s == sta2 || s == sta13 {
			_ = a.step(evtARTIM, input{err: err})
		} else {
			a.abort(err)
		}
	default:
		_ = a.step(evtConnectionClosed, input{err: a.lost(err)})
	}
	return a.Err()
}

// lost is the error of an association whose connection broke.
func (a *Assoc) lost(err error) error {
	if a.current() == sta5 && a.tls == nil {
		err = &TLSMismatchError{PeerTLS: true, Silent: true}
	} else if errors.Is(err, io.EOF) {
		err = errors.New("closed by the peer")
	}
	return &AbortError{Source: AbortSourceProvider, Err: fmt.Errorf("%w: %w", ErrConnectionLost, err)}
}
