package codec

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"gantry/internal/dicom"
)

// Writer writes a data set as a stream: a header, its value, the next header. Every container that is begun
// has to be ended; Close checks it. What a Reader gave comes out as the same bytes, if the transfer syntax is
// the same; with another one lengths of containers have to be undefined, and values are not converted.
type Writer struct {
	buf       *bufio.Writer
	deflate   *flate.Writer
	out       counter
	enc       encoding
	frames    []writeFrame
	remaining int64 // bytes of the value to be written; negative: any number
	written   int64
	scratch   [longHeader]byte
	err       error
}

type writeFrame struct {
	begin Kind
	outer encoding
	end   int64 // where its content has to end, -1 for undefined lengths
}

// counter passes bytes on and counts them.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// NewWriter writes a bare data set to w; EncodeFileMeta gives what a file has before it.
func NewWriter(w io.Writer, ts dicom.TransferSyntax) *Writer {
	e := &Writer{buf: bufio.NewWriterSize(nil, 4<<10)}
	e.Reset(w, ts)
	return e
}

// Reset makes the Writer start over with another stream; its memory is used again.
func (e *Writer) Reset(w io.Writer, ts dicom.TransferSyntax) {
	e.enc, e.frames, e.remaining, e.written, e.err = encodingOf(ts), e.frames[:0], 0, 0, nil
	if !ts.Deflated {
		e.deflate = nil
		e.buf.Reset(w)
		return
	}
	e.out = counter{w: w}
	e.deflate, e.err = flate.NewWriter(&e.out, flate.DefaultCompression)
	e.buf.Reset(e.deflate)
}

// WriteHeader ends the last value, which has to be complete, and begins what h stands for.
// It returns ErrValueShort, ErrMisplaced or ErrTooLong where h cannot be written, or what the stream gave.
func (e *Writer) WriteHeader(h Header) error {
	if e.err != nil {
		return e.err
	}
	if e.remaining > 0 {
		return e.fail(ErrValueShort, &h)
	}
	e.remaining = 0
	switch h.Kind {
	case KindElement:
		return e.element(&h)
	case KindPadding:
		if e.remaining = int64(h.Length); h.Undefined() {
			e.remaining = -1
		}
		return nil
	case KindItemEnd, KindSequenceEnd, KindFragmentsEnd:
		return e.end(&h)
	}
	return e.begin(&h)
}

func (e *Writer) element(h *Header) error {
	if e.inside(KindSequence) || e.inside(KindFragments) || h.Undefined() || h.Tag.Group() == delimiterGroup {
		return e.fail(ErrMisplaced, h)
	}
	return e.header(h, int64(h.Length))
}

// begin opens a container, or writes the header of a fragment.
func (e *Writer) begin(h *Header) error {
	enc, end := e.enc, int64(-1)
	switch h.Kind {
	case KindItem:
		if !e.inside(KindSequence) {
			return e.fail(ErrMisplaced, h)
		}
	case KindFragment:
		if !e.inside(KindFragments) || h.Undefined() {
			return e.fail(ErrMisplaced, h)
		}
		return e.header(h, int64(h.Length))
	case KindSequence, KindFragments:
		if e.inside(KindSequence) || e.inside(KindFragments) || h.Kind == KindFragments && !h.Undefined() {
			return e.fail(ErrMisplaced, h)
		}
		if h.Kind == KindSequence {
			enc = enc.inside(h)
		}
	default:
		return e.fail(ErrMisplaced, h)
	}
	if err := e.header(h, 0); err != nil {
		return err
	}
	if !h.Undefined() {
		end = e.written + int64(h.Length)
	}
	e.frames = append(e.frames, writeFrame{begin: h.Kind, outer: e.enc, end: end})
	e.enc = enc
	return nil
}

var beginOf = [...]Kind{KindItemEnd: KindItem, KindSequenceEnd: KindSequence, KindFragmentsEnd: KindFragments}

// end closes the innermost container, with a delimiter if h has one.
func (e *Writer) end(h *Header) error {
	if !e.inside(beginOf[h.Kind]) {
		return e.fail(ErrMisplaced, h)
	}
	f := e.frames[len(e.frames)-1]
	if h.Delimited {
		if err := e.header(h, 0); err != nil {
			return err
		}
	}
	if f.end >= 0 && f.end != e.written && !h.Uneven {
		return e.fail(fmt.Errorf("%w: its length is %d bytes off", ErrMisplaced, e.written-f.end), h)
	}
	e.enc = f.outer
	e.frames = e.frames[:len(e.frames)-1]
	return nil
}

// inside reports whether the innermost container is of a kind.
func (e *Writer) inside(k Kind) bool {
	return len(e.frames) > 0 && e.frames[len(e.frames)-1].begin == k
}

func (e *Writer) header(h *Header, value int64) error {
	b := appendHeader(e.scratch[:0], h, e.enc)
	if err := e.emit(b); err != nil {
		return err
	}
	e.remaining = value
	return nil
}

func (e *Writer) emit(b []byte) error {
	n, err := e.buf.Write(b)
	e.written += int64(n)
	if err != nil {
		e.err = fmt.Errorf("codec: write: %w", err)
	}
	return e.err
}

func (e *Writer) fail(err error, h *Header) error {
	e.err = fmt.Errorf("%w: %s %s", err, h.Kind, h.Tag)
	return e.err
}

// Write writes a part of the value of the last header, ErrValueLong if it is too much.
func (e *Writer) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	if e.remaining >= 0 && int64(len(p)) > e.remaining {
		return 0, ErrValueLong
	}
	if e.remaining > 0 {
		e.remaining -= int64(len(p))
	}
	if err := e.emit(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close writes what is still in memory, and checks that all is complete. It does not close the stream below.
func (e *Writer) Close() error {
	switch {
	case e.err != nil:
		return e.err
	case e.remaining > 0:
		e.err = ErrValueShort
		return e.err
	case len(e.frames) > 0:
		e.err = fmt.Errorf("%w: %d sequences or items are not ended", ErrMisplaced, len(e.frames))
		return e.err
	}
	if err := e.finish(); err != nil {
		e.err = fmt.Errorf("codec: write: %w", err)
		return e.err
	}
	e.err = errClosed
	return nil
}

var errClosed = errors.New("codec: write after Close")

// finish flushes; a deflated data set of odd length gets a NUL after it (PS3.5 A.5).
func (e *Writer) finish() error {
	if err := e.buf.Flush(); err != nil || e.deflate == nil {
		return err
	}
	if err := e.deflate.Close(); err != nil || e.out.n%2 == 0 {
		return err
	}
	_, err := e.out.w.Write([]byte{0})
	return err
}
