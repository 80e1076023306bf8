package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"gantry/internal/dicom"
)

// Reader walks a data set: Next tells what comes, then Read, Value or Skip may be called for its value; Next passes
// over what is left of it. It takes no memory per element. After an error every call gives that error again.
type Reader struct {
	src       source
	inflater  *inflater
	lim       Limits
	cur       frame   // the innermost open container
	outer     []frame // those around it
	depth     int
	elements  int
	hdr       Header
	remaining int64 // bytes of the value not yet consumed
	scratch   []byte
	charsets  []byte // values of Specific Character Set, those of inner data sets behind those of outer ones
	memory    int64  // taken for a data set read as a whole
	truncated bool
	err       error
}

type frameKind uint8

const (
	frameRoot frameKind = iota
	frameItem
	frameSequence
	frameFragments
)

// frame is an open container.
type frame struct {
	kind    frameKind
	defined bool // it has a length
	enc     encoding
	tag     dicom.Tag
	items   int   // of a sequence: items begun
	end     int64 // offset at which it ends at the latest
	charset span
	below   int // length of Reader.charsets when the frame was opened
}

// span is a part of Reader.charsets; from is -1 when no character set is in effect.
type span struct{ from, to int }

// NewReader reads a bare data set, one without file meta information, from a stream. It reads ahead.
func NewReader(r io.Reader, ts dicom.TransferSyntax, lim Limits) *Reader {
	d := new(Reader)
	d.Reset(r, ts, lim)
	return d
}

// NewReaderBytes reads a bare data set that is in memory. Values are parts of b. The bytes may be the
// beginning of a data set: that they end is noticed only by who goes beyond.
func NewReaderBytes(b []byte, ts dicom.TransferSyntax, lim Limits) *Reader {
	d := new(Reader)
	d.ResetBytes(b, ts, lim)
	return d
}

// maxScratch is what a Reader keeps for large values when it is reset.
const maxScratch = 1 << 20

// Reset makes the Reader start over with another stream; its memory is used again.
func (d *Reader) Reset(r io.Reader, ts dicom.TransferSyntax, lim Limits) {
	d.src.reset(r)
	d.begin(ts, lim)
}

// ResetBytes makes the Reader start over with other bytes; its memory is used again.
func (d *Reader) ResetBytes(b []byte, ts dicom.TransferSyntax, lim Limits) {
	d.src.resetBytes(b)
	d.begin(ts, lim)
}

func (d *Reader) begin(ts dicom.TransferSyntax, lim Limits) {
	d.lim = lim.withDefaults()
	if cap(d.scratch) > maxScratch {
		d.scratch = nil
	}
	if d.charsets == nil {
		d.charsets = make([]byte, 0, 64)
	}
	d.outer, d.charsets = d.outer[:0], d.charsets[:0]
	d.depth, d.elements, d.remaining, d.memory = 0, 0, 0, 0
	d.hdr, d.truncated, d.err = Header{}, false, nil
	d.cur = frame{kind: frameRoot, enc: encodingOf(ts), end: math.MaxInt64, charset: span{-1, -1}}
	if ts.Deflated {
		d.beginInflating()
	}
}

// beginInflating puts the inflater between the source and the Reader. Offsets count inflated bytes from here.
func (d *Reader) beginInflating() {
	var rest io.Reader = bytes.NewReader(d.src.window(0))
	if d.src.r != nil { // what is in the buffer is copied: the buffer takes inflated bytes from now on
		rest = io.MultiReader(bytes.NewReader(bytes.Clone(d.src.window(0))), d.src.r)
	}
	if d.inflater == nil {
		d.inflater = new(inflater)
	}
	err := d.inflater.reset(rest, d.lim.MaxInflated)
	d.src.reset(d.inflater)
	if err != nil {
		d.err = fmt.Errorf("codec: inflate: %w", err)
	}
}

// Next passes over the rest of the last value and returns the next header. At the end of the data set it
// returns io.EOF. Other errors are *SyntaxError, *LimitError, or wrap what the stream gave.
func (d *Reader) Next() (Header, error) {
	if err := d.advance(); err != nil {
		return Header{}, err
	}
	return d.hdr, nil
}

// advance is Next without the copy of the header.
func (d *Reader) advance() error {
	if d.remaining > 0 {
		if err := d.skipValue(); err != nil {
			return err
		}
	}
	if d.err != nil {
		return d.err
	}
	switch d.cur.kind {
	case frameSequence:
		d.err = d.nextItem()
	case frameFragments:
		d.err = d.nextFragment()
	default:
		d.err = d.nextElement()
	}
	return d.err
}

// Header returns what the last call of Next returned.
func (d *Reader) Header() Header { return d.hdr }

// Truncated reports whether the data ended before what was announced: inside the pixel data, inside padding,
// between two elements of an item of defined length, or with an incomplete header after the last element. It is
// certain when Next has returned io.EOF, for what was not skipped. What there was has been given. Data that
// ends elsewhere is a *SyntaxError.
func (d *Reader) Truncated() bool {
	return d.truncated || d.inflater != nil && d.src.r == d.inflater && d.inflater.cut
}

// push opens a container whose content begins at the current offset.
func (d *Reader) push(kind frameKind, enc encoding) error {
	f := frame{kind: kind, enc: enc, tag: d.hdr.Tag, end: d.cur.end, charset: d.cur.charset, below: len(d.charsets)}
	if kind != frameItem {
		if d.depth++; d.depth > d.lim.MaxDepth {
			return d.exceeds("MaxDepth", int64(d.depth), int64(d.lim.MaxDepth))
		}
	}
	if d.hdr.Length != UndefinedLength {
		f.defined = true
		f.end = d.hdr.ValueOffset + int64(d.hdr.Length)
	}
	d.outer = append(d.outer, d.cur)
	d.cur = f
	return nil
}

func (d *Reader) pop() {
	if d.cur.kind != frameItem {
		d.depth--
	}
	d.charsets = d.charsets[:d.cur.below]
	d.cur = d.outer[len(d.outer)-1]
	d.outer = d.outer[:len(d.outer)-1]
}

var (
	endKinds = [...]Kind{frameItem: KindItemEnd, frameSequence: KindSequenceEnd, frameFragments: KindFragmentsEnd}
	endTags  = [...]dicom.Tag{frameItem: dicom.TagItemDelimitation, frameSequence: dicom.TagSequenceDelimitation, frameFragments: dicom.TagSequenceDelimitation}
)

// end closes the innermost container without a delimiter.
func (d *Reader) end() {
	off := d.src.offset()
	d.hdr = Header{Tag: endTags[d.cur.kind], Kind: endKinds[d.cur.kind], BigEndian: d.cur.enc.bigEndian, Offset: off, ValueOffset: off,
		Uneven: d.cur.defined && off != d.cur.end}
	d.pop()
	d.hdr.Depth = d.depth
}

// endDelimited consumes the delimiter of the innermost container and closes it. Its length field should be
// zero, and means nothing if it is not.
func (d *Reader) endDelimited(length uint32) {
	d.end()
	d.src.pos += 8
	d.hdr.Delimited, d.hdr.Uneven, d.hdr.Length = true, false, length
	d.hdr.ValueOffset += 8
}

// padding gives n bytes that belong to no element, or all that are left when n is negative.
func (d *Reader) padding(n int64) {
	off := d.src.offset()
	d.hdr = Header{Kind: KindPadding, Length: UndefinedLength, Depth: d.depth, Offset: off, ValueOffset: off}
	d.remaining = math.MaxInt64
	if n >= 0 {
		d.hdr.Length, d.remaining = uint32(n), n
	}
}

// count adds an element, item or fragment to those met.
func (d *Reader) count() error {
	if d.elements++; d.elements > d.lim.MaxElements {
		return d.exceeds("MaxElements", int64(d.elements), int64(d.lim.MaxElements))
	}
	return nil
}

func (d *Reader) exceeds(limit string, value, maximum int64) error {
	return &LimitError{Offset: d.hdr.Offset, Path: d.Path(), Limit: limit, Value: value, Max: maximum}
}

func (d *Reader) syntax(off int64, reason string, args ...any) error {
	return &SyntaxError{Offset: off, Path: d.Path(), Reason: fmt.Sprintf(reason, args...)}
}

// cut returns the error for data that ends where it must not.
func (d *Reader) cut(where string) error {
	if err := d.streamError(); err != nil {
		return err
	}
	return &SyntaxError{Offset: d.src.offset() + int64(d.src.end-d.src.pos), Path: d.Path(), Reason: "the data ends " + where, Err: io.ErrUnexpectedEOF}
}

// streamError returns why the stream failed, nil when it just ended.
func (d *Reader) streamError() error {
	err := d.src.failure()
	if err == nil {
		return nil
	}
	if limit, ok := errors.AsType[*LimitError](err); ok {
		return limit
	}
	return fmt.Errorf("codec: %sread at byte %d: %w", pathPrefix(d.Path()), d.src.offset(), err)
}
