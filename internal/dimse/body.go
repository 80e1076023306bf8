package dimse

import (
	"context"
	"io"
)

// body is a data set that is arriving.
type body struct {
	conn      *Conn
	ctx       context.Context // of the Receive that the data set belongs to
	contextID uint8
	data      []byte // of the current PDV, not read yet; lies in the buffer of the association
	last      bool   // no PDV comes after the current one
	complete  bool   // all was read; never true of a data set that was cut off
	err       error  // why fill fails: io.EOF when complete
	size      int64
	atEnd     func()
}

// AtEnd has fn called once, when the data set was read to its end or cannot be read any further: at once when there is
// nothing left to read.
func (m *Message) AtEnd(fn func()) {
	if m.Data == nil || m.body.err != nil {
		fn()
		return
	}
	m.body.atEnd = fn
}

// Size returns how many bytes of the data set have arrived so far.
func (m *Message) Size() int64 { return m.body.size }

// Drained reports whether the data set, if there is one, was read to its end.
func (m *Message) Drained() bool { return m.Data == nil || m.body.complete }

// Drain reads the rest of the data set and drops it. An error means that the association is over.
func (m *Message) Drain(ctx context.Context) error {
	if m.Data == nil {
		return nil
	}
	return m.body.drain(ctx)
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.fill(); err != nil {
		return 0, err
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

// WriteTo implements io.WriterTo: each Write gets the bytes of a PDV where they lie.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		if err := b.fill(); b.complete {
			return written, nil
		} else if err != nil {
			return written, err
		}
		n, err := w.Write(b.data)
		written += int64(n)
		if err == nil && n < len(b.data) {
			err = io.ErrShortWrite
		}
		b.data = b.data[n:]
		if err != nil {
			return written, err
		}
	}
}

// fill makes data hold something, or fails.
func (b *body) fill() error {
	for len(b.data) == 0 && b.err == nil {
		if b.last {
			b.complete = true
			b.end(io.EOF)
			break
		}
		pdv, err := b.conn.assoc.ReadRest(b.ctx)
		if released(err) {
			err = b.conn.fail(&ProtocolError{"association released within a data set"})
		}
		if err == nil {
			err = b.conn.checkPiece(pdv, b.contextID, false)
		}
		if err != nil {
			b.end(err)
			break
		}
		b.data, b.last = pdv.Data, pdv.Last
		b.size += int64(len(pdv.Data))
	}
	return b.err
}

func (b *body) end(err error) {
	b.err, b.data = err, nil
	if b.atEnd != nil {
		b.atEnd()
	}
}

// drain writes nothing when the end was reached before: others may look at it by then.
func (b *body) drain(ctx context.Context) error {
	if b.complete {
		return nil
	}
	if b.err != nil {
		return b.err
	}
	b.ctx = ctx
	for {
		b.data = nil
		if err := b.fill(); b.complete {
			return nil
		} else if err != nil {
			return err
		}
	}
}
