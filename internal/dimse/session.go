package dimse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// ErrReleased is returned for a request whose association was released before the response came.
var ErrReleased = errors.New("dimse: association released before the response")

// MaxReplyLength is the number of bytes of a data set in a response that are taken into memory.
const MaxReplyLength = 16 << 20

// Session is the exchange of messages on one association: responses find the request that they answer,
// requests of the peer go to Serve. Requests may be made by any number of goroutines while Run runs.
type Session struct {
	conn   *Conn
	opts   SessionOptions
	window chan struct{} // a token per request that may be outstanding; nil: any number

	mu    sync.Mutex
	calls map[uint16]*Call
	err   error // why the session ended
	done  chan struct{}
}

// SessionOptions configure a Session.
type SessionOptions struct {
	// Serve is given the requests of the peer, C-CANCEL among them, one after the other. No message is received while it
	// runs, and what it leaves of m.Data is dropped when it returns. Nil refuses all with 0211H.
	Serve func(ctx context.Context, m *Message)
	// Window is the number of requests that may wait for their responses at once; 0 is any number.
	Window uint16
	Logger *slog.Logger // nil discards
}

// NewSession returns a session over conn. Nothing is received before Run.
func NewSession(conn *Conn, opts SessionOptions) *Session {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Session{conn: conn, opts: opts, calls: make(map[uint16]*Call), done: make(chan struct{})}
	if s.opts.Serve == nil {
		s.opts.Serve = s.Refuse
	}
	if opts.Window > 0 {
		s.window = make(chan struct{}, opts.Window)
	}
	return s
}

// Conn returns the connection below.
func (s *Session) Conn() *Conn { return s.conn }

// Done is closed when Run has returned.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns what Run returned.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Run receives messages until the association ends: nil when it was released. It is called once.
func (s *Session) Run(ctx context.Context) error {
	err := s.receive(ctx)
	if released(err) {
		err = nil
	}
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	close(s.done)
	return err
}

func (s *Session) receive(ctx context.Context) error {
	for {
		m, err := s.conn.Receive(ctx)
		if err != nil {
			return err
		}
		if !m.Command.IsResponse() {
			s.opts.Serve(ctx, m)
		} else if err := s.deliver(ctx, m); err != nil {
			return err
		}
	}
}

// deliver gives a response to the call that waits for it.
func (s *Session) deliver(ctx context.Context, m *Message) error {
	r := &Reply{ContextID: m.ContextID, Command: m.Command}
	r.Dataset, r.err = readReply(m)
	if err := m.Drain(ctx); err != nil {
		return err
	}
	final := m.Command.Status.Class() != Pending
	call, err := s.answered(m.Command, final)
	switch {
	case err != nil:
		return s.conn.fail(err)
	case call == nil:
		s.opts.Logger.Warn("response to no request dropped", "service", m.Command.Service(),
			"message", m.Command.MessageIDRespondedTo, "status", m.Command.Status)
		return nil
	case final:
		call.replies <- r // has room: see newCall
		return nil
	case call.pending == nil:
		return nil
	}
	select {
	case call.pending <- r:
		return nil
	case <-call.closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// answered finds the call of a response and, if that is its last one, ends it. A response of another service than the
// request's is a *ProtocolError: it says nothing about the operation.
func (s *Session) answered(rsp *Command, final bool) (*Call, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := s.calls[rsp.MessageIDRespondedTo]
	switch {
	case call == nil:
		return nil, nil
	case rsp.Field != call.field|responseBit:
		return nil, &ProtocolError{fmt.Sprintf("response %04XH to message %d, which was request %04XH", rsp.Field, call.id, call.field)}
	case final:
		delete(s.calls, call.id)
		s.freed(call)
	}
	return call, nil
}

// freed gives back what a call held while it was outstanding. s.mu is held.
func (s *Session) freed(call *Call) {
	call.final = true
	if call.awaited {
		s.conn.assoc.AwaitReply(-1)
	}
	if s.window != nil {
		<-s.window
	}
}

func readReply(m *Message) ([]byte, error) {
	if m.Data == nil {
		return nil, nil
	}
	b, err := io.ReadAll(io.LimitReader(m.Data, MaxReplyLength+1))
	if err == nil && len(b) > MaxReplyLength {
		return nil, fmt.Errorf("dimse: data set of the %s response is longer than %d bytes", m.Command.Service(), MaxReplyLength)
	}
	return b, err
}

// Respond sends the response r to m. A failure is logged: Run will end with it.
func (s *Session) Respond(ctx context.Context, m *Message, r *Command, data io.Reader) error {
	err := s.conn.Send(ctx, m.ContextID, r, data)
	if err != nil {
		s.opts.Logger.Debug("response not sent", "service", m.Command.Service(), "status", r.Status, "err", err)
	}
	return err
}

// Refuse answers a request with 0211H unrecognised operation, and C-CANCEL, which has no response, with nothing.
func (s *Session) Refuse(ctx context.Context, m *Message) {
	if m.Command.Field == CCancelRQ || m.Drain(ctx) != nil {
		return
	}
	_ = s.Respond(ctx, m, m.Command.Response(StatusUnrecognizedOperation), nil) // logged, and seen by Run
}
