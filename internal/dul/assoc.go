package dul

import (
	"context"
	"crypto/tls"
	"io"
	"net"

	"gantry/internal/dul/pdu"
)

// Assoc is an association. One goroutine may read while any number write.
type Assoc struct{ done chan struct{} }

// Dial connects to addr and negotiates an association.
func Dial(ctx context.Context, addr string, cfg Config) (*Assoc, error) { return nil, ErrClosed }

// Accept waits on c for an A-ASSOCIATE-RQ and answers it as pol says. It owns c.
func Accept(ctx context.Context, c net.Conn, pol Policy) (*Assoc, error) { return nil, ErrClosed }

func (a *Assoc) ID() string                                { return "" }
func (a *Assoc) CallingAET() string                        { return "" }
func (a *Assoc) CalledAET() string                         { return "" }
func (a *Assoc) LocalAddr() net.Addr                       { return nil }
func (a *Assoc) RemoteAddr() net.Addr                      { return nil }
func (a *Assoc) Contexts() []Context                       { return nil }
func (a *Assoc) Context(id uint8) (Context, bool)          { return Context{}, false }
func (a *Assoc) PeerMaxPDULength() uint32                  { return 0 }
func (a *Assoc) Async() AsyncWindow                        { return AsyncWindow{Invoked: 1, Performed: 1} }
func (a *Assoc) PeerImplementation() (uid, version string) { return "", "" }
func (a *Assoc) Identity() *UserIdentity                   { return nil }
func (a *Assoc) IdentityResponse() []byte                  { return nil }
func (a *Assoc) Extended() []ExtendedNegotiation           { return nil }
func (a *Assoc) CommonExtended() []CommonExtendedNegotiation {
	return nil
}
func (a *Assoc) TLS() *tls.ConnectionState { return nil }
func (a *Assoc) Requestor() bool           { return false }
func (a *Assoc) Done() <-chan struct{}     { return a.done }
func (a *Assoc) Err() error                { return nil }

// FindContext gives an accepted context for the abstract syntax; the transfer
// syntaxes are in order of preference, none means any.
func (a *Assoc) FindContext(abstractSyntax string, transferSyntaxes ...string) (Context, bool) {
	return Context{}, false
}

// AwaitReply tells how many more (or, negative, fewer) replies are awaited.
// While any is, ReadPDV waits DIMSETimeout instead of IdleTimeout.
func (a *Assoc) AwaitReply(n int) {}

// ReadPDV gives the next piece of a message. io.EOF: the peer released the
// association and that has been answered.
func (a *Assoc) ReadPDV(ctx context.Context) (PDV, error) { return PDV{}, ErrClosed }

// WriteMessage sends a command and, if data is not nil, its data set.
func (a *Assoc) WriteMessage(ctx context.Context, contextID uint8, command []byte, data io.Reader) error {
	return ErrClosed
}

// Release ends the association in good order.
func (a *Assoc) Release(ctx context.Context) error { return nil }

// Abort sends an A-ABORT as the service user, for the given reason (only logged).
func (a *Assoc) Abort(reason error) error { return nil }

// Close frees what the association holds; one that is still up is aborted.
func (a *Assoc) Close() error { return nil }

var _ = pdu.HeaderSize
