package dul

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"gantry/internal/dul/pdu"
)

// firstBytes of a connection tell what it speaks; as long as they are missing
// nothing more is held for it.
const firstBytes = pdu.HeaderSize

// Accept waits on c for an A-ASSOCIATE-RQ and answers it as pol says. It owns c.
// The error is ErrNoAssociation if the peer closes without sending a byte, the
// *Rejection that was sent, a *TLSMismatchError, or as from ReadPDV.
func Accept(ctx context.Context, c net.Conn, pol Policy) (*Assoc, error) {
	a := newAssoc(pol.Logger, pol.NewID, timeouts{
		acse: orARTIM(pol.ACSETimeout), artim: orARTIM(pol.ACSETimeout), dimse: pol.DIMSETimeout, idle: pol.IdleTimeout})
	a.use(c, c)
	if err := a.step(evtConnection, input{}); err != nil {
		return nil, err
	}
	if err := a.greet(ctx, pol.TLS); err != nil {
		return nil, err
	}
	for a.current() == sta2 {
		_, _, _ = a.receive(ctx)
	}
	if err := a.Err(); err != nil {
		return nil, a.explain(err)
	}
	if err := a.respond(ctx, pol); err != nil {
		return nil, err
	}
	a.log.Debug("association accepted", "calling", a.callingAET, "called", a.calledAET, "peer", a.RemoteAddr())
	return a, nil
}

// greet looks at the first bytes and speaks TLS if that is wanted.
func (a *Assoc) greet(ctx context.Context, cfg *tls.Config) error {
	first := make([]byte, firstBytes)
	n, err := 0, error(nil)
	for n == 0 && err == nil {
		n, err = a.read(ctx, first)
	}
	if n == 0 {
		if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return a.readFailed(ctx, err)
		}
		return a.giveUp(ErrNoAssociation)
	}
	if cfg == nil {
		a.in.buf, a.in.w = first, n
		return nil
	}
	return a.startTLS(ctx, cfg, first[:n])
}

// startTLS does the handshake of the server, which first began.
func (a *Assoc) startTLS(ctx context.Context, cfg *tls.Config, first []byte) error {
	const handshake = 0x16 // RFC 8446 B.1
	if first[0] != handshake {
		alert := []byte{0x15, 3, 1, 0, 2, 2, 10} // fatal, unexpected_message: what a TLS server says
		_ = a.write(ctx, alert)
		return a.giveUp(&TLSMismatchError{Server: true})
	}
	ctx, cancel := context.WithDeadline(ctx, a.artim)
	defer cancel()
	conn := tls.Server(&prefixConn{Conn: a.raw, prefix: first}, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return a.giveUp(fmt.Errorf("dul: TLS handshake: %w", err))
	}
	a.use(conn, a.raw)
	return nil
}

// giveUp closes the connection on which no association came to be.
func (a *Assoc) giveUp(err error) error {
	_ = a.step(evtConnectionClosed, input{err: err})
	return err
}

// explain takes the abort off an error that says more without it.
func (a *Assoc) explain(err error) error {
	if mismatch := new(TLSMismatchError); errors.As(err, &mismatch) && !mismatch.Silent {
		return mismatch
	}
	return err
}

// requested takes an A-ASSOCIATE-RQ. What is not for the user to judge is
// judged here.
func (a *Assoc) requested(rq *pdu.AssociateRQ) error {
	if a.current() != sta2 {
		return a.event(evtAssociateRQ, nil)
	}
	if err := checkRequest(rq); err != nil {
		return a.invalid(AbortInvalidParameter, err)
	}
	a.rq = rq
	var refusal *Rejection
	switch {
	case rq.ProtocolVersion&pdu.ProtocolVersion == 0:
		refusal = RejectProtocolVersion()
	case rq.ApplicationContext != pdu.ApplicationContext:
		refusal = RejectApplicationContext()
	default:
		return a.step(evtAssociateRQ, input{})
	}
	p, _ := (*pdu.AssociateRJ)(refusal).Append(nil)
	return a.step(evtAssociateRQ, input{refuse: true, pdu: p, err: refusal})
}

// checkRequest finds what no answer could make good.
func checkRequest(rq *pdu.AssociateRQ) error {
	var seen [256]bool
	for _, c := range rq.Contexts {
		if c.ID == 0 {
			return &pdu.Error{Type: pdu.TypeAssociateRQ, Reason: "presentation context id 0: they are 1 to 255"}
		}
		if seen[c.ID] {
			return &pdu.Error{Type: pdu.TypeAssociateRQ, Reason: fmt.Sprintf("presentation context id %d is proposed twice", c.ID)}
		}
		seen[c.ID] = true
	}
	return checkMaxLength(pdu.TypeAssociateRQ, rq.UserInfo.MaxLength)
}

// checkMaxLength refuses a maximum length in which no data fits.
func checkMaxLength(t pdu.Type, n uint32) error {
	if n > 0 && n < pdu.PDVHeaderSize+2 {
		return &pdu.Error{Type: t, Reason: fmt.Sprintf("maximum length %d has no room for data", n)}
	}
	return nil
}

// respond asks the policy and sends its answer.
func (a *Assoc) respond(ctx context.Context, pol Policy) error {
	answer, err := pol.Negotiate(ctx, a.request())
	var ac []byte
	if err == nil {
		ac, err = a.accept(answer, &pol)
	}
	if rejection := new(Rejection); errors.As(err, &rejection) {
		p, _ := (*pdu.AssociateRJ)(rejection).Append(nil)
		_ = a.step(evtReject, input{ctx: ctx, pdu: p, err: err})
		return err
	}
	if err != nil {
		a.abort(err)
		return err
	}
	if err := a.step(evtAccept, input{ctx: ctx, pdu: ac}); err != nil {
		return err
	}
	return a.Err()
}

func (a *Assoc) request() *Request {
	u := &a.rq.UserInfo
	return &Request{
		CallingAET: a.rq.CallingAET, CalledAET: a.rq.CalledAET, RemoteAddr: a.RemoteAddr(),
		Contexts: a.rq.Contexts, Roles: u.Roles, Async: u.Async, Identity: u.Identity,
		Extended: u.Extended, CommonExtended: u.CommonExtended, MaxPDULength: u.MaxLength,
		ImplementationClassUID: u.ImplementationClassUID, ImplementationVersionName: u.ImplementationVersionName,
		TLS: a.tls, Conn: a.raw,
	}
}

// accept notes what has been negotiated and gives the A-ASSOCIATE-AC.
func (a *Assoc) accept(answer *Answer, pol *Policy) ([]byte, error) {
	rq := a.rq
	ac := &pdu.AssociateAC{
		ProtocolVersion: pdu.ProtocolVersion, CalledAET: rq.CalledAET, CallingAET: rq.CallingAET,
		ApplicationContext: pdu.ApplicationContext,
		UserInfo: pdu.UserInfo{
			MaxLength:              orDefault(pol.MaxPDULength),
			ImplementationClassUID: pol.ImplementationClassUID, ImplementationVersionName: pol.ImplementationVersionName,
			Roles: grantRoles(rq.UserInfo.Roles, answer.Roles), Extended: answer.Extended,
		},
	}
	a.callingAET, a.calledAET = rq.CallingAET, rq.CalledAET
	a.peer, a.peerMaxPDU = rq.UserInfo, rq.UserInfo.MaxLength
	contexts := make([]Context, 0, len(rq.Contexts))
	for _, c := range rq.Contexts {
		answered, err := answerContext(c, answer.Contexts)
		if err != nil {
			return nil, err
		}
		ac.Contexts = append(ac.Contexts, answered)
		contexts = append(contexts, Context{ID: c.ID, AbstractSyntax: c.AbstractSyntax,
			TransferSyntax: answered.TransferSyntax, Result: answered.Result})
	}
	a.setContexts(contexts)
	a.setRoles(rq.UserInfo.Roles, ac.UserInfo.Roles)
	a.setAsync(rq.UserInfo.Async, answer.Async)
	if rq.UserInfo.Async != nil && answer.Async != nil {
		ac.UserInfo.Async = &AsyncWindow{Invoked: a.async.Performed, Performed: a.async.Invoked}
	}
	if id := rq.UserInfo.Identity; id != nil && id.ResponseRequested {
		ac.UserInfo.IdentityResponse = answer.Identity
	}
	return ac.Append(nil)
}

// answerContext finds the policy's answer to c. The transfer syntax of a
// refusal counts for nothing (PS3.8 9.3.3.2) but some peers want one.
func answerContext(c RequestedContext, answers []AnsweredContext) (AnsweredContext, error) {
	answered := AnsweredContext{ID: c.ID, Result: pdu.ResultAbstractSyntaxNotSupported}
	if i := slices.IndexFunc(answers, func(x AnsweredContext) bool { return x.ID == c.ID }); i >= 0 {
		answered = answers[i]
	}
	if answered.Result != pdu.ResultAcceptance {
		if len(c.TransferSyntaxes) > 0 {
			answered.TransferSyntax = c.TransferSyntaxes[0]
		}
		return answered, nil
	}
	if !slices.Contains(c.TransferSyntaxes, answered.TransferSyntax) {
		return answered, fmt.Errorf("dul: transfer syntax %q was not proposed on presentation context %d", answered.TransferSyntax, c.ID)
	}
	return answered, nil
}

// grantRoles keeps what was both proposed and granted (PS3.7 D.3.3.4.2).
func grantRoles(proposed, granted []RoleSelection) []RoleSelection {
	var roles []RoleSelection
	for _, p := range proposed {
		if g, ok := findRole(granted, p.SOPClassUID); ok {
			roles = append(roles, RoleSelection{SOPClassUID: p.SOPClassUID, SCU: p.SCU && g.SCU, SCP: p.SCP && g.SCP})
		}
	}
	return roles
}

func orDefault(maxLength uint32) uint32 {
	if maxLength == 0 {
		return DefaultMaxPDULength
	}
	return maxLength
}

// prefixConn gives back bytes that have been read already.
type prefixConn struct {
	net.Conn
	prefix []byte
}

func (c *prefixConn) Read(p []byte) (int, error) {
	if len(c.prefix) > 0 {
		n := copy(p, c.prefix)
		c.prefix = c.prefix[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
