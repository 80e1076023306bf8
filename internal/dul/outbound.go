package dul

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"gantry/internal/dul/pdu"
)

// sendBuffer is what a message borrows while it is sent: a command and one
// P-DATA-TF of the default length, or several shorter ones.
const sendBuffer = DefaultMaxPDULength + pdu.HeaderSize + 4<<10

var sendBuffers = sync.Pool{New: func() any { b := make([]byte, sendBuffer); return &b }}

// batch collects the PDUs of one message so that as many as fit leave in one
// write.
type batch struct {
	ctx       context.Context
	buf       []byte
	n         int // buf[:n] is complete PDUs
	contextID uint8
	fragment  int // longest value that the peer takes
	flush     func(p []byte) error
	sent      bool
}

// fragmentSize is the longest value of a P-DATA-TF that the peer takes, and the
// buffer holds. Fragments have an even number of bytes.
func fragmentSize(peerMax uint32) int {
	const most = DefaultMaxPDULength - pdu.PDVHeaderSize
	if peerMax == 0 || peerMax > DefaultMaxPDULength {
		return most
	}
	return int(peerMax-pdu.PDVHeaderSize) &^ 1
}

// add completes the PDU whose value, n bytes, lies behind its header's place.
func (b *batch) add(n int, command, last bool) {
	pdu.PutDataHeader(b.buf[b.n:], pdu.PDVHeader{Length: uint32(n), ContextID: b.contextID, Command: command, Last: last})
	b.n += pdu.DataHeaderSize + n
}

// room is where the next value may begin, with n bytes of space behind it.
func (b *batch) room(n int) ([]byte, error) {
	if b.n+pdu.DataHeaderSize+n > len(b.buf) {
		if err := b.send(); err != nil {
			return nil, err
		}
	}
	return b.buf[b.n+pdu.DataHeaderSize:], nil
}

func (b *batch) send() error {
	if b.n == 0 {
		return nil
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	p := b.buf[:b.n]
	b.n, b.sent = 0, true
	return b.flush(p)
}

func (b *batch) command(c []byte) error {
	for first := true; first || len(c) > 0; first = false {
		n := min(len(c), b.fragment)
		space, err := b.room(n)
		if err != nil {
			return err
		}
		copy(space, c[:n])
		c = c[n:]
		b.add(n, true, len(c) == 0)
	}
	return nil
}

// data reads r into fragments. One byte is read beyond each, to know the last.
func (b *batch) data(r io.Reader) error {
	var ahead [1]byte
	have := 0
	for {
		space, err := b.room(b.fragment + 1)
		if err != nil {
			return err
		}
		copy(space, ahead[:have])
		n, ended, err := readFull(r, space[have:b.fragment+1])
		if err != nil {
			return &SourceError{Sent: b.sent, Err: err}
		}
		have += n
		if ended {
			b.add(have, false, true)
			return nil
		}
		ahead[0] = space[b.fragment]
		b.add(b.fragment, false, false)
		have = 1
	}
}

// readFull fills p, unless r ends before that.
func readFull(r io.Reader, p []byte) (n int, ended bool, err error) {
	for idle := 0; n < len(p); {
		k, err := r.Read(p[n:])
		n += k
		idle++
		switch {
		case n == len(p):
			return n, false, nil
		case err == io.EOF:
			return n, true, nil
		case err != nil:
			return n, false, err
		case k > 0:
			idle = 0
		case idle > 100:
			return n, false, io.ErrNoProgress
		}
	}
	return n, false, nil
}

// errIncomplete is the reason for an association to end whose peer waits for
// the rest of a message.
var (
	errIncomplete = errors.New("a message could not be sent to its end")
	errPanic      = errors.New("panic in the reader of its data set")
)

// WriteMessage sends a command and, if data is not nil, its data set, which it
// reads to the end, in fragments that the peer takes (PS3.8 D.1). Messages of
// concurrent callers do not mix. A failed read of data is a *SourceError. The
// association goes on after an error before the first byte was sent, and is
// aborted after a later one, cancellation of ctx included.
func (a *Assoc) WriteMessage(ctx context.Context, contextID uint8, command []byte, data io.Reader) (err error) {
	if err := a.usable(contextID); err != nil {
		return err
	}
	if err := a.lockMessages(ctx); err != nil {
		return err
	}
	defer a.unlockMessages()

	buf := sendBuffers.Get().(*[]byte)
	defer sendBuffers.Put(buf)
	b := batch{ctx: ctx, buf: *buf, contextID: contextID, fragment: fragmentSize(a.peerMaxPDU), flush: func(p []byte) error {
		return a.step(evtDataRequest, input{ctx: ctx, user: true, pdu: p})
	}}
	complete := false
	defer func() {
		if b.sent && !complete {
			a.abort(fmt.Errorf("%w: %w", errIncomplete, cmp.Or(err, errPanic)))
		}
	}()
	if err := b.command(command); err != nil {
		return err
	}
	if data != nil {
		if err := b.data(data); err != nil {
			return err
		}
	}
	if err := b.send(); err != nil {
		return err
	}
	complete = true
	return nil
}
