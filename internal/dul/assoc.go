package dul

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Assoc is an association. One goroutine may read while any number write.
type Assoc struct {
	negotiated
	id       string
	log      *slog.Logger
	timeouts timeouts

	conn net.Conn // TLS, if it is spoken
	raw  net.Conn // the connection below it
	tls  *tls.ConnectionState

	in         inbound
	readGuard  guard
	readLock   chan struct{} // held by whoever reads
	writeGuard guard
	writeLock  sync.Mutex // held for one write
	writeErr   error      // a write failed: what the peer got is not known
	messages   chan struct{}
	awaited    atomic.Int64
	performing atomic.Int64
	lingerOnce sync.Once
	lingers    bool        // the background wait of Sta13 reads; under readLock
	within     bool        // the rest of a message is due, says the reader; under readLock
	partial    atomic.Bool // something has begun to come in and not ended

	mu      sync.Mutex
	state   state
	artim   time.Time // when the ARTIM timer expires; zero: stopped
	waitEnd time.Time // when an answer of the peer's ACSE has to be there; zero: any time
	failed  error     // a write that failed, whose reason the reader looks for
	err     error     // why the association is over
	orderly bool      // it has been released
	done    chan struct{}
}

// timeouts are the waits of an association; zero is no limit.
type timeouts struct{ acse, artim, dimse, idle time.Duration }

// lingering is how long the peer may take to close the connection when all is
// said (Sta13).
const lingering = 5 * time.Second

func newAssoc(log *slog.Logger, newID func() string, t timeouts) *Assoc {
	if newID == nil {
		newID = randomID
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	id := newID()
	a := &Assoc{
		id: id, log: log.With("association", id), timeouts: t, state: sta1, done: make(chan struct{}),
		readLock: make(chan struct{}, 1), messages: make(chan struct{}, 1),
	}
	a.in.read = a.read
	return a
}

// randomID makes an association id: short, and unlikely to come twice in a log.
func randomID() string { return strings.ToLower(rand.Text()[:10]) }

// use takes conn, which speaks on top of raw.
func (a *Assoc) use(conn, raw net.Conn) {
	a.conn, a.raw = conn, raw
	if c, ok := raw.(*net.TCPConn); ok {
		_ = c.SetNoDelay(true)
	}
	a.readGuard.set, a.readGuard.deadline = conn.SetReadDeadline, func() time.Time { d, _ := a.readDeadline(); return d }
	a.writeGuard.set, a.writeGuard.deadline = conn.SetWriteDeadline, func() time.Time { return after(a.timeouts.dimse) }
	if c, ok := conn.(*tls.Conn); ok {
		state := c.ConnectionState()
		a.tls = &state
	}
}

// ID names the association in logs.
func (a *Assoc) ID() string { return a.id }

// LocalAddr is this end of the connection.
func (a *Assoc) LocalAddr() net.Addr { return a.raw.LocalAddr() }

// RemoteAddr is the other end of the connection.
func (a *Assoc) RemoteAddr() net.Addr { return a.raw.RemoteAddr() }

// NetConn is the connection below, that of TLS too. Reading, writing or closing it breaks the association.
func (a *Assoc) NetConn() net.Conn { return a.raw }

// TLS tells about the TLS connection; nil on a plain one.
func (a *Assoc) TLS() *tls.ConnectionState { return a.tls }

// Done is closed when no message can be sent or received any more.
func (a *Assoc) Done() <-chan struct{} { return a.done }

// Err says why the association is over: io.EOF after a release, nil while it is up.
func (a *Assoc) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// AwaitReply tells how many more (or, negative, fewer) replies are awaited.
// While any is, ReadPDV waits DIMSETimeout instead of IdleTimeout.
func (a *Assoc) AwaitReply(n int) {
	a.awaited.Add(int64(n))
	a.readGuard.restart()
}

// Busy tells how many more (or, negative, fewer) operations of the peer are
// being performed. While any is, it is not the peer's turn: between messages
// ReadPDV waits without a limit, for replies too.
func (a *Assoc) Busy(n int) {
	a.performing.Add(int64(n))
	a.readGuard.restart()
}

// ReadPDV gives the next piece of a message, as soon as it is there. io.EOF:
// the association was released, by this side or by the peer, whose release has
// been answered. P-DATA-TF longer than was announced are taken too. Anything
// else is an *AbortError that wraps what happened: the cancellation of ctx, a
// *TimeoutError, ErrConnectionLost, a *pdu.Error.
//
// Within a message the peer has DIMSETimeout for each piece, between messages
// IdleTimeout unless AwaitReply or Busy say otherwise. No time passes while a
// message of this side is being sent: that has a time-out of its own.
func (a *Assoc) ReadPDV(ctx context.Context) (PDV, error) { return a.readPDV(ctx, false) }

// ReadRest is ReadPDV where the rest of a message is due, which this layer
// cannot see between a command and its data set.
func (a *Assoc) ReadRest(ctx context.Context) (PDV, error) { return a.readPDV(ctx, true) }

func (a *Assoc) readPDV(ctx context.Context, within bool) (PDV, error) {
	select {
	case a.readLock <- struct{}{}:
		defer func() { <-a.readLock }()
	case <-a.done:
		return PDV{}, a.Err()
	case <-ctx.Done():
		return PDV{}, ctx.Err()
	}
	a.within = within
	for {
		if err := a.Err(); err != nil {
			a.in.free()
			return PDV{}, err
		}
		if v, ok, err := a.receive(ctx); ok && err == nil {
			return v, nil
		}
	}
}

// Release ends the association in good order: it waits for the messages being
// sent, asks the peer, and returns when the peer has agreed, or asked for the
// same. What the peer still sends goes to the reader or, without one, is
// dropped. Releasing an association that was released is no error.
func (a *Assoc) Release(ctx context.Context) error {
	if err := a.lockMessages(ctx); err != nil {
		return a.released(err)
	}
	a.setWaitEnd(a.timeouts.acse)
	err := a.step(evtReleaseRequest, input{ctx: ctx, user: true})
	a.unlockMessages()
	if err != nil {
		return a.released(err)
	}
	a.readGuard.restart()
	select {
	case a.readLock <- struct{}{}:
	case <-a.done:
		return a.released(a.Err())
	case <-ctx.Done():
		a.abort(ctx.Err())
		return a.Err()
	}
	defer func() { <-a.readLock }()
	a.in.detach()
	for a.Err() == nil {
		_, _, _ = a.receive(ctx)
	}
	return a.released(a.Err())
}

func (a *Assoc) released(err error) error {
	if a.wasReleased() {
		return nil
	}
	return err
}

// Abort ends the association at once with an A-ABORT of the service user, or one
// with the source and reason of a reason that is itself an *AbortError of this
// side. Else reason is not sent; Err and those who wait on the association wrap it.
func (a *Assoc) Abort(reason error) error {
	a.abort(reason)
	if a.wasReleased() {
		return ErrClosed
	}
	return nil
}

// Close makes sure that the association is over; one that is still up is
// aborted. It does not wait for an answer.
func (a *Assoc) Close() error {
	a.abort(ErrClosed)
	return nil
}

// lockMessages waits until this side's next message may be sent. Meanwhile the
// time of the reader stands still.
func (a *Assoc) lockMessages(ctx context.Context) error {
	select {
	case a.messages <- struct{}{}:
		a.readGuard.restart()
		return nil
	case <-a.done:
		return a.over()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *Assoc) unlockMessages() {
	<-a.messages
	a.readGuard.restart()
}

// over is what those get who want to send on an association that has ended.
func (a *Assoc) over() error {
	if err := a.Err(); err != nil && !a.wasReleased() {
		return err
	}
	return ErrClosed
}

func (a *Assoc) wasReleased() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orderly
}

// usable checks that messages may be sent on the context.
func (a *Assoc) usable(contextID uint8) error {
	if c, ok := a.Context(contextID); !ok || !c.Accepted() {
		return &ContextError{ID: contextID}
	}
	if a.Err() != nil {
		return a.over()
	}
	return nil
}
