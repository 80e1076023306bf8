package dul

import (
	"context"
	"fmt"
	"sync"

	"gantry/internal/dul/pdu"
)

const (
	smallBuffer = 8 << 10   // what an association keeps while it waits
	bigBuffer   = 256 << 10 // what it borrows while a message comes in

	// maxDataLength is the longest P-DATA-TF taken. Peers exceed the maximum
	// length announced to them; as values are handed on while they arrive that
	// costs no memory, and only nonsense is refused.
	maxDataLength = 64 << 20
)

var bigBuffers = sync.Pool{New: func() any { b := make([]byte, bigBuffer); return &b }}

// inbound cuts what comes from a connection into PDUs and, within a P-DATA-TF,
// into pieces of values that point into its buffer.
type inbound struct {
	read func(ctx context.Context, p []byte) (int, error)

	small []byte
	big   *[]byte // borrowed from bigBuffers; nil: none
	buf   []byte  // one of the two
	r, w  int     // buf[r:w] has been read and not yet looked at

	pduLeft  uint32        // of a P-DATA-TF, after the value at hand
	pdv      pdu.PDVHeader // the value at hand
	pdvLeft  uint32        // bytes of it that are yet to come
	open     bool          // there is a value at hand
	message  bool          // a command or data set has begun and not ended
	greedy   bool          // the last read filled its buffer: more is waiting
	detached bool          // the buffer belongs to whoever looks at the last value
	garbage  bool          // the bytes that follow are no PDUs
}

// inData reports whether a P-DATA-TF has not been read to its end.
func (in *inbound) inData() bool { return in.open || in.pduLeft > 0 }

// busy reports whether something has begun to come in and not ended.
func (in *inbound) busy() bool { return in.message || in.inData() || in.r < in.w }

// header reads the header of the next PDU.
func (in *inbound) header(ctx context.Context) (pdu.Header, error) {
	if err := in.need(ctx, pdu.HeaderSize); err != nil {
		return pdu.Header{}, err
	}
	h, err := pdu.ParseHeader(in.buf[in.r:in.w])
	in.r += pdu.HeaderSize
	return h, err
}

// body reads the n bytes of a PDU other than P-DATA-TF. Its memory grows with
// what arrives, not with what is announced.
func (in *inbound) body(ctx context.Context, n int) ([]byte, error) {
	b := make([]byte, 0, min(n, smallBuffer))
	for len(b) < n {
		if in.r == in.w {
			if err := in.fill(ctx); err != nil {
				return nil, err
			}
		}
		k := min(n-len(b), in.w-in.r)
		b = append(b, in.buf[in.r:in.r+k]...)
		in.r += k
	}
	return b, nil
}

// skip reads n bytes and forgets them.
func (in *inbound) skip(ctx context.Context, n uint32) error {
	for n > 0 {
		if in.r == in.w {
			if err := in.fill(ctx); err != nil {
				return err
			}
		}
		k := min(n, uint32(in.w-in.r))
		in.r += int(k)
		n -= k
	}
	return nil
}

// piece gives the next piece of the P-DATA-TF at hand. What is wrong with the
// PDU is a *pdu.Error.
func (in *inbound) piece(ctx context.Context) (PDV, error) {
	if !in.open {
		if err := in.openValue(ctx); err != nil {
			return PDV{}, err
		}
	}
	if in.pdvLeft > 0 && in.r == in.w {
		if err := in.fill(ctx); err != nil {
			return PDV{}, err
		}
	}
	n := int(min(int64(in.pdvLeft), int64(in.w-in.r)))
	v := PDV{ContextID: in.pdv.ContextID, Command: in.pdv.Command, Data: in.buf[in.r : in.r+n : in.r+n]}
	in.r += n
	in.pdvLeft -= uint32(n)
	in.open = in.pdvLeft > 0
	v.Last = in.pdv.Last && !in.open
	in.message = !v.Last
	return v, nil
}

func (in *inbound) openValue(ctx context.Context) error {
	if in.pduLeft < pdu.PDVHeaderSize {
		return &pdu.Error{Type: pdu.TypeData, Reason: "presentation data value item cut short"}
	}
	if err := in.need(ctx, pdu.PDVHeaderSize); err != nil {
		return err
	}
	h, err := pdu.ParsePDVHeader(in.buf[in.r:in.w])
	if err != nil {
		return err
	}
	in.r += pdu.PDVHeaderSize
	in.pduLeft -= pdu.PDVHeaderSize
	if h.Length > in.pduLeft {
		return &pdu.Error{Type: pdu.TypeData, Reason: fmt.Sprintf(
			"presentation data value of %d bytes in a PDU with %d bytes left", h.Length, in.pduLeft)}
	}
	in.pdv, in.pdvLeft, in.open = h, h.Length, true
	in.pduLeft -= h.Length
	return nil
}

// need reads until n bytes, a header at most, lie in the buffer.
func (in *inbound) need(ctx context.Context, n int) error {
	for in.w-in.r < n {
		if err := in.fill(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fill reads once, as much as is there and fits.
func (in *inbound) fill(ctx context.Context) error {
	in.chooseBuffer()
	space := in.buf[in.w:]
	n, err := in.read(ctx, space)
	in.w += n
	in.greedy = n == len(space)
	if n > 0 {
		return nil
	}
	return err
}

// chooseBuffer makes room behind buf[r:w], which is shorter than a header.
func (in *inbound) chooseBuffer() {
	rest := in.buf[in.r:in.w]
	if in.detached {
		in.small, in.big, in.detached = nil, nil, false
	}
	if in.greedy || in.pdvLeft+in.pduLeft > smallBuffer {
		in.borrow(rest)
	} else {
		in.giveBack(rest)
	}
}

func (in *inbound) borrow(rest []byte) {
	if in.big == nil {
		in.big = bigBuffers.Get().(*[]byte)
	}
	in.place(*in.big, rest)
}

func (in *inbound) giveBack(rest []byte) {
	if in.small == nil {
		in.small = make([]byte, smallBuffer)
	}
	in.place(in.small, rest)
	if in.big != nil {
		bigBuffers.Put(in.big)
		in.big = nil
	}
}

func (in *inbound) place(buf, rest []byte) {
	in.w = copy(buf, rest)
	in.buf, in.r = buf, 0
}

// detach leaves the buffer to whoever still looks at the last piece; reading
// goes on in another one.
func (in *inbound) detach() {
	rest := append([]byte(nil), in.buf[in.r:in.w]...)
	in.small, in.big = nil, nil
	in.buf, in.r, in.w = rest, 0, len(rest)
	in.detached = true
}

// free gives back what was borrowed and drops what has not been looked at.
// Nobody may look at the last piece any more.
func (in *inbound) free() {
	if in.big != nil {
		bigBuffers.Put(in.big)
	}
	in.small, in.big, in.buf = nil, nil, nil
	in.r, in.w = 0, 0
	in.garbage = true
}
