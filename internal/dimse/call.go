package dimse

import (
	"context"
	"fmt"
	"io"
)

// Reply is a response with its data set, which is small in all services: it is held in memory.
type Reply struct {
	ContextID uint8
	Command   *Command
	Dataset   []byte // nil without one

	err error // the data set could not be taken
}

// Call is a request that was sent and waits for its responses: one, or for C-FIND, C-GET and C-MOVE any number of
// pending ones before it.
type Call struct {
	session *Session
	id      uint16
	field   uint16 // of the request
	context uint8
	pending chan *Reply   // nil: pending responses are dropped
	replies chan *Reply   // the final one
	closed  chan struct{} // by Close

	// Guarded by session.mu.
	final, awaited bool
}

// pendingReplies is how many pending responses are held before the peer has to wait.
const pendingReplies = 16

// Do makes a request and waits for its final response; pending ones before it are dropped. It sets cmd.MessageID. The
// error means that there is no response. If ctx ends while the response is awaited, the request still
// counts as outstanding until the response comes or the association ends.
func (s *Session) Do(ctx context.Context, contextID uint8, cmd *Command, data io.Reader) (*Reply, error) {
	call, err := s.start(ctx, contextID, cmd, data, false)
	if err != nil {
		return nil, err
	}
	return call.wait(ctx)
}

// Start makes a request that has several responses, to be read by Next. Close is to be called when done.
func (s *Session) Start(ctx context.Context, contextID uint8, cmd *Command, data io.Reader) (*Call, error) {
	return s.start(ctx, contextID, cmd, data, true)
}

func (s *Session) start(ctx context.Context, contextID uint8, cmd *Command, data io.Reader, several bool) (*Call, error) {
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	call := s.newCall(contextID, cmd, several)
	if err := s.conn.Send(ctx, contextID, cmd, data); err != nil {
		s.forget(call)
		return nil, err
	}
	s.await(call)
	return call, nil
}

// acquire waits for a place in the window of outstanding requests.
func (s *Session) acquire(ctx context.Context) error {
	select {
	case <-s.done:
		return s.ended()
	default:
	}
	if s.window == nil {
		return nil
	}
	select {
	case s.window <- struct{}{}:
		return nil
	case <-s.done:
		return s.ended()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Session) newCall(contextID uint8, cmd *Command, several bool) *Call {
	call := &Call{session: s, field: cmd.Field, context: contextID, replies: make(chan *Reply, 1)}
	if several {
		call.pending, call.closed = make(chan *Reply, pendingReplies), make(chan struct{})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for call.id = s.conn.NextMessageID(); s.calls[call.id] != nil; {
		call.id = s.conn.NextMessageID()
	}
	cmd.MessageID = call.id
	s.calls[call.id] = call
	return call
}

// await has the time for the response run from now on.
func (s *Session) await(call *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !call.final {
		call.awaited = true
		s.conn.assoc.AwaitReply(1)
	}
}

// forget drops a call whose request was not sent.
func (s *Session) forget(call *Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[call.id] == call {
		delete(s.calls, call.id)
		s.freed(call)
	}
}

// ended returns the error of requests on a session that is over.
func (s *Session) ended() error {
	if err := s.Err(); err != nil {
		return fmt.Errorf("dimse: no response: %w", err)
	}
	return ErrReleased
}

// Next returns the next response: pending ones, then the final one, then io.EOF.
func (c *Call) Next(ctx context.Context) (*Reply, error) {
	if c.replies == nil {
		return nil, io.EOF
	}
	select {
	case r := <-c.pending:
		return r, r.err
	default:
	}
	select {
	case r := <-c.pending:
		return r, r.err
	case r := <-c.replies:
		return c.last(r)
	case <-c.session.done:
		return c.afterEnd()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// last returns the pending responses that came before the final one r first.
func (c *Call) last(r *Reply) (*Reply, error) {
	select {
	case p := <-c.pending:
		c.replies <- r
		return p, p.err
	default:
		c.replies = nil
		return r, r.err
	}
}

// afterEnd returns what arrived before the session ended.
func (c *Call) afterEnd() (*Reply, error) {
	select {
	case r := <-c.pending:
		return r, r.err
	default:
	}
	select {
	case r := <-c.replies:
		c.replies = nil
		return r, r.err
	default:
		return nil, c.session.ended()
	}
}

// wait returns the final response.
func (c *Call) wait(ctx context.Context) (*Reply, error) {
	for {
		r, err := c.Next(ctx)
		if err != nil || r.Command.Status.Class() != Pending {
			return r, err
		}
	}
}

// Cancel asks the peer to end the operation (C-CANCEL, PS3.7 9.3.2.3); responses go on to come until the final one.
func (c *Call) Cancel(ctx context.Context) error {
	return c.session.conn.Send(ctx, c.context, &Command{Field: CCancelRQ, MessageIDRespondedTo: c.id}, nil)
}

// Close lets go of the call: responses that still come are dropped.
func (c *Call) Close() {
	select {
	case <-c.closed:
	default:
		close(c.closed)
	}
}
