package dul

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"gantry/internal/dul/pdu"
)

// Dial connects to addr and negotiates an association. The error is the
// peer's *Rejection, a *ConnectError, a *TimeoutError, a *TLSMismatchError, or
// as from ReadPDV.
func Dial(ctx context.Context, addr string, cfg Config) (*Assoc, error) {
	rq, err := cfg.request()
	if err != nil {
		return nil, err
	}
	encoded, err := rq.Append(nil)
	if err != nil {
		return nil, fmt.Errorf("dul: association request: %w", err)
	}
	a := newAssoc(cfg.Logger, nil, timeouts{
		acse: cfg.ACSETimeout, artim: orARTIM(cfg.ACSETimeout), dimse: cfg.DIMSETimeout, idle: cfg.IdleTimeout})
	a.requestor, a.rq = true, rq
	a.callingAET, a.calledAET = cfg.CallingAET, cfg.CalledAET
	err = a.step(evtAssociateRequest, input{dial: func() error { return a.connect(ctx, addr, &cfg) }})
	if err != nil {
		_ = a.step(evtConnectionClosed, input{err: err})
		return nil, err
	}
	a.setWaitEnd(a.timeouts.acse)
	if err := a.step(evtConnected, input{ctx: ctx, user: true, pdu: encoded}); err != nil {
		return nil, a.explain(err)
	}
	for a.current() == sta5 {
		_, _, _ = a.receive(ctx)
	}
	if err := a.Err(); err != nil {
		return nil, a.explain(err)
	}
	a.log.Debug("association established", "calling", a.callingAET, "called", a.calledAET, "peer", a.RemoteAddr())
	return a, nil
}

// request makes the A-ASSOCIATE-RQ.
func (c *Config) request() (*pdu.AssociateRQ, error) {
	if len(c.Contexts) == 0 || len(c.Contexts) > pdu.MaxContexts {
		return nil, fmt.Errorf("dul: %d presentation contexts to propose, 1 to %d are possible", len(c.Contexts), pdu.MaxContexts)
	}
	rq := &pdu.AssociateRQ{
		ProtocolVersion: pdu.ProtocolVersion, CallingAET: c.CallingAET, CalledAET: c.CalledAET,
		ApplicationContext: pdu.ApplicationContext,
		UserInfo: pdu.UserInfo{
			MaxLength:              orDefault(c.MaxPDULength),
			ImplementationClassUID: c.ImplementationClassUID, ImplementationVersionName: c.ImplementationVersionName,
			Async: c.Async, Roles: c.Roles, Extended: c.Extended, CommonExtended: c.CommonExtended, Identity: c.Identity,
		},
	}
	for i, p := range c.Contexts {
		rq.Contexts = append(rq.Contexts, pdu.ProposedContext{
			ID: uint8(2*i + 1), AbstractSyntax: p.AbstractSyntax, TransferSyntaxes: p.TransferSyntaxes})
	}
	return rq, nil
}

// connect opens the connection, with TLS if that is wanted.
func (a *Assoc) connect(ctx context.Context, addr string, cfg *Config) error {
	limit, cancel := withTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(limit, "tcp", addr)
	if err != nil {
		if ctx.Err() == nil && limit.Err() != nil {
			return &TimeoutError{Phase: "connect", Hint: "nobody answers at " + addr}
		}
		return &ConnectError{Addr: addr, Err: err}
	}
	if cfg.TLS == nil {
		a.use(raw, raw)
		return nil
	}
	if cfg.ConnectTimeout == 0 {
		limit, cancel = withTimeout(ctx, cfg.ACSETimeout)
		defer cancel()
	}
	seen := &seenConn{Conn: raw}
	conn := tls.Client(seen, withServerName(cfg.TLS, addr))
	if err := conn.HandshakeContext(limit); err != nil {
		_ = raw.Close()
		return handshakeError(ctx, limit, seen, err)
	}
	a.use(conn, raw)
	return nil
}

// handshakeError says why the TLS handshake with a server failed.
func handshakeError(ctx, limit context.Context, seen *seenConn, err error) error {
	record := tls.RecordHeaderError{}
	silent := !seen.any.Load()
	switch {
	case errors.As(err, &record):
		return &TLSMismatchError{}
	case ctx.Err() == nil && limit.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		hint := ""
		if silent {
			hint = "the peer does not answer: its port may be a plain one"
		}
		return &TimeoutError{Phase: "TLS handshake", Hint: hint}
	case silent && ctx.Err() == nil:
		return &TLSMismatchError{Silent: true}
	}
	return fmt.Errorf("dul: TLS handshake: %w", err)
}

// accepted takes an A-ASSOCIATE-AC.
func (a *Assoc) accepted(ac *pdu.AssociateAC) error {
	if a.current() != sta5 {
		return a.event(evtAssociateAC, nil)
	}
	if err := checkMaxLength(pdu.TypeAssociateAC, ac.UserInfo.MaxLength); err != nil {
		return a.invalid(AbortInvalidParameter, err)
	}
	a.peer, a.peerMaxPDU = ac.UserInfo, ac.UserInfo.MaxLength
	a.setContexts(answered(a.rq.Contexts, ac.Contexts))
	a.setRoles(a.rq.UserInfo.Roles, ac.UserInfo.Roles)
	a.setAsync(a.rq.UserInfo.Async, ac.UserInfo.Async)
	return a.event(evtAssociateAC, nil)
}

// answered joins what was proposed with the answers. A context without an
// answer, or with a transfer syntax that was not proposed, is of no use.
func answered(proposed []pdu.ProposedContext, answers []pdu.AnsweredContext) []Context {
	contexts := make([]Context, 0, len(proposed))
	for _, p := range proposed {
		c := Context{ID: p.ID, AbstractSyntax: p.AbstractSyntax, Result: pdu.ResultNoReason}
		i := slices.IndexFunc(answers, func(x pdu.AnsweredContext) bool { return x.ID == p.ID })
		switch {
		case i < 0:
		case answers[i].Result != pdu.ResultAcceptance:
			c.Result = answers[i].Result
		case slices.Contains(p.TransferSyntaxes, answers[i].TransferSyntax):
			c.Result, c.TransferSyntax = pdu.ResultAcceptance, answers[i].TransferSyntax
		}
		contexts = append(contexts, c)
	}
	return contexts
}

func orARTIM(d time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return DefaultARTIM
}

func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

// withServerName fills in whom the server's certificate has to name.
func withServerName(cfg *tls.Config, addr string) *tls.Config {
	if cfg.ServerName != "" || cfg.InsecureSkipVerify {
		return cfg
	}
	cfg = cfg.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		cfg.ServerName = host
	}
	return cfg
}

// seenConn knows whether the peer has sent anything.
type seenConn struct {
	net.Conn
	any atomic.Bool
}

func (c *seenConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.any.Store(true)
	}
	return n, err
}
