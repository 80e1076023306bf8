package dul

import (
	"context"
	"io"
	"time"

	"gantry/internal/dul/pdu"
)

// input is what comes with an event.
type input struct {
	ctx    context.Context // bounds what is sent; nil: the time-outs alone do
	user   bool            // what is sent comes from a user, who may not be reading
	pdu    []byte          // P-DATA-TF or an ACSE PDU to be sent
	err    error           // why the association ends, if it does
	reason uint8           // of the A-ABORT to send
	abort  *AbortError     // source and reason that the user wants in the A-ABORT
	refuse bool            // AE-6: this provider does not take the request
	dial   func() error    // opens the transport connection
}

// step drives the association: it looks up what e does in the present state,
// goes over to the next state and carries the action out. An event that cannot
// happen is an error; it comes of a local request that is too late.
func (a *Assoc) step(e event, in input) error {
	other := in.refuse || e == evtReleaseRQ && !a.requestor
	a.mu.Lock()
	s := a.state
	c, ok := transition(s, e, other)
	if !ok {
		a.mu.Unlock()
		return a.over()
	}
	a.state = c.next
	a.mu.Unlock()
	if in.err == nil && (c.action == aa1 || c.action == aa8) {
		in.err = unexpected(e, s)
	}

	for _, ef := range actions[c.action].effects {
		if err := a.perform(ef, c.next, in); err != nil {
			return err
		}
	}
	switch c.next {
	case sta13:
		a.finish(nil)
		a.startLingering()
	case sta1:
		a.finish(in.err)
		a.shut()
	}
	return nil
}

// perform carries out one effect of an action that leads to next.
func (a *Assoc) perform(ef effect, next state, in input) error {
	switch ef {
	case connectTransport:
		return in.dial()
	case closeTransport:
		a.shut()
	case startARTIM:
		a.startARTIM(next)
	case stopARTIM:
		a.stopARTIM()
	case sendAssociateRQ, sendAssociateAC, sendData:
		return a.send(in)
	case sendAssociateRJ:
		a.finish(in.err)
		return a.send(in)
	case sendReleaseRQ:
		in.pdu, _ = (&pdu.ReleaseRQ{}).Append(nil)
		return a.send(in)
	case sendReleaseRP:
		in.pdu, _ = (&pdu.ReleaseRP{}).Append(nil)
		return a.send(in)
	case sendUserAbort:
		a.finish(in.err)
		if in.abort != nil {
			a.sendAbort(in.abort.Source, in.abort.Reason)
		} else {
			a.sendAbort(AbortSourceUser, 0)
		}
	case sendProviderAbort:
		a.finish(in.err)
		a.sendAbort(AbortSourceProvider, in.reason)
	case indicateAbort:
		a.finish(in.err)
	case confirmReject, indicateProviderAbort:
		a.finish(in.err)
	case confirmRelease:
		if next == sta1 {
			a.finish(nil)
		}
	}
	return nil
}

// finish notes why the association is over; nil is a release. The first reason stays.
func (a *Assoc) finish(err error) {
	a.mu.Lock()
	first := a.err == nil
	if first && err == nil {
		a.orderly, err = true, io.EOF
	}
	if first {
		a.err = err
		close(a.done)
	}
	a.mu.Unlock()
	if first && len(a.contexts) > 0 { // else Dial or Accept returns the reason
		a.log.Debug("association over", "reason", err)
	}
}

// current gives the state as it is now.
func (a *Assoc) current() state {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

func (a *Assoc) startARTIM(next state) {
	d := a.timeouts.artim
	if next == sta13 {
		d = min(d, lingering)
	}
	a.mu.Lock()
	a.artim = time.Now().Add(d)
	a.mu.Unlock()
}

func (a *Assoc) stopARTIM() {
	a.mu.Lock()
	a.artim = time.Time{}
	a.mu.Unlock()
}

// abort is a local A-ABORT request. It does nothing once the association is over.
func (a *Assoc) abort(cause error) {
	if a.Err() != nil {
		return
	}
	switch a.current() {
	case sta2, sta13:
		// The table knows no local abort here: the connection is given up. In Sta13
		// that is an end that could not be told to the peer.
		_ = a.step(evtConnectionClosed, input{err: &AbortError{Err: cause}})
		return
	}
	if wanted, ok := cause.(*AbortError); ok && !wanted.FromPeer { //nolint:errorlint // wrapped, it is of another association
		_ = a.step(evtAbortRequest, input{err: wanted, abort: wanted})
		return
	}
	_ = a.step(evtAbortRequest, input{err: &AbortError{Err: cause}})
}

// shut closes the connection. After an orderly end TLS says good-bye.
func (a *Assoc) shut() {
	a.readGuard.interrupt()
	a.writeGuard.interrupt()
	if a.raw == nil {
		return
	}
	if a.wasReleased() {
		_ = a.conn.Close()
	}
	_ = a.raw.Close()
}

// startLingering waits in the background for the peer to close the connection,
// so that what was sent last is not lost to it, until the ARTIM timer expires
// (Sta13).
func (a *Assoc) startLingering() {
	a.readGuard.interrupt()
	a.lingerOnce.Do(func() { go a.linger() })
}

func (a *Assoc) linger() {
	a.readLock <- struct{}{}
	defer func() { <-a.readLock }()
	a.lingers = true
	a.in.detach()
	for a.current() == sta13 {
		_, _, _ = a.receive(context.Background())
	}
}
