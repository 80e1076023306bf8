package dimse

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"gantry/internal/dul"
)

// Conn sends and receives messages over an association. Any number of goroutines may send; one at a time receives.
type Conn struct {
	assoc     *dul.Assoc
	messageID atomic.Uint32

	// Of the receiving side.
	command []byte   // a command set that came in pieces
	last    *Command // the one before
	unread  *body    // the data set that the caller got last, until it was read to its end
}

// Message is one that was received.
type Message struct {
	ContextID uint8
	Command   *Command

	// Data is the data set as it arrives, nil without one. It is read before the next Receive, which drops what is left
	// of it, and implements io.WriterTo, which hands over the bytes of each PDU without copying them.
	Data io.Reader

	command Command
	body    body
}

// ProtocolError is a breach of the message exchange by the peer, after which the association is aborted.
type ProtocolError struct{ Reason string }

// Error says what the peer did.
func (e *ProtocolError) Error() string { return "dimse: " + e.Reason }

// NewConn returns a Conn over an established association.
func NewConn(a *dul.Assoc) *Conn { return &Conn{assoc: a, last: new(Command)} }

// Assoc returns the association.
func (c *Conn) Assoc() *dul.Assoc { return c.assoc }

// NextMessageID returns a message id that the association has not used for the last 65,535 requests; it is never 0.
func (c *Conn) NextMessageID() uint16 {
	for {
		if id := uint16(c.messageID.Add(1)); id != 0 {
			return id
		}
	}
}

// encoded are buffers for command sets to be sent.
var encoded = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// Send sends a message on a presentation context, with the data set if data is not nil; it sets cmd.HasDataset.
// When the error is of reading data, a *dul.SourceError tells whether the association could be kept.
func (c *Conn) Send(ctx context.Context, contextID uint8, cmd *Command, data io.Reader) error {
	cmd.HasDataset = data != nil
	buf := encoded.Get().(*[]byte)
	defer encoded.Put(buf)
	b, err := cmd.AppendEncoded((*buf)[:0])
	if err != nil {
		return err
	}
	*buf = b
	if err := c.assoc.WriteMessage(ctx, contextID, b, data); err != nil {
		return fmt.Errorf("dimse: send %s: %w", cmd.Service(), err)
	}
	return nil
}

// Receive waits for the next message. io.EOF means that the peer released the association. After any other error
// the association is over; a *CommandError or *ProtocolError aborted it.
func (c *Conn) Receive(ctx context.Context) (*Message, error) {
	if err := c.drain(ctx); err != nil {
		return nil, err
	}
	m := new(Message)
	if err := c.readCommand(ctx, m); err != nil {
		return nil, err
	}
	c.last = &m.command
	m.Command = &m.command
	if m.command.HasDataset {
		m.body = body{conn: c, ctx: ctx, contextID: m.ContextID}
		m.Data = &m.body
		c.unread = &m.body
	}
	return m, nil
}

// readCommand gathers the pieces of a command set. One that came in one piece, as nearly all do, is not copied.
func (c *Conn) readCommand(ctx context.Context, m *Message) error {
	c.command = c.command[:0]
	for piece := 0; ; piece++ {
		pdv, err := c.assoc.ReadPDV(ctx)
		switch {
		case released(err) && piece > 0:
			return c.fail(&ProtocolError{"association released within a command set"})
		case err != nil:
			return err
		case piece == 0:
			m.ContextID = pdv.ContextID
		}
		if err := c.checkPiece(pdv, m.ContextID, true); err != nil {
			return err
		}
		if piece == 0 && pdv.Last {
			return c.decode(m, pdv.Data)
		}
		if piece == MaxCommandLength || len(c.command)+len(pdv.Data) > MaxCommandLength {
			return c.fail(&ProtocolError{fmt.Sprintf("command set of more than %d bytes", MaxCommandLength)})
		}
		c.command = append(c.command, pdv.Data...)
		if pdv.Last {
			return c.decode(m, c.command)
		}
	}
}

// released reports whether reading ended because the peer released the association.
func released(err error) bool {
	return err == io.EOF //nolint:errorlint // wrapped it is a connection that was lost
}

func (c *Conn) decode(m *Message, b []byte) error {
	if len(b) > MaxCommandLength {
		return c.fail(&ProtocolError{fmt.Sprintf("command set of %d bytes, more than %d", len(b), MaxCommandLength)})
	}
	if err := m.command.decode(b, c.last); err != nil {
		return c.fail(err)
	}
	return nil
}

// checkPiece fails when a PDV is not a piece of the message that is being received (PS3.7 6.3, PS3.8 E.2).
func (c *Conn) checkPiece(pdv dul.PDV, contextID uint8, command bool) error {
	switch {
	case pdv.ContextID != contextID:
		return c.fail(&ProtocolError{fmt.Sprintf("message on presentation context %d interrupted by one on %d",
			contextID, pdv.ContextID)})
	case pdv.Command && !command:
		return c.fail(&ProtocolError{"command set where the rest of a data set was due"})
	case !pdv.Command && command:
		return c.fail(&ProtocolError{"data set that no command announced"})
	}
	return nil
}

// fail aborts the association because of err.
func (c *Conn) fail(err error) error {
	_ = c.assoc.Abort(err) // the error to be told is err
	return err
}

// drain reads the rest of the last message.
func (c *Conn) drain(ctx context.Context) error {
	b := c.unread
	if b == nil {
		return nil
	}
	c.unread = nil
	return b.drain(ctx)
}
