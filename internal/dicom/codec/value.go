package codec

import (
	"errors"
	"io"
	"math"

	"gantry/internal/dicom"
)

// Read reads from the value of the element, fragment or padding that Next returned; io.EOF ends it.
func (d *Reader) Read(p []byte) (int, error) {
	if d.remaining == 0 || len(p) == 0 {
		return 0, d.valueEnd()
	}
	if int64(len(p)) > d.remaining {
		p = p[:d.remaining]
	}
	n, err := d.src.read(p)
	d.consumed(int64(n))
	if n == 0 && err != nil {
		if err := d.short(); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	return n, nil
}

func (d *Reader) valueEnd() error {
	if d.remaining > 0 {
		return nil
	}
	if d.err != nil {
		return d.err
	}
	return io.EOF
}

// consumed notes that n bytes of the value have been read; padding to the end of the data has no count.
func (d *Reader) consumed(n int64) {
	if d.remaining != math.MaxInt64 {
		d.remaining -= n
	}
}

// Value returns the whole value of the element, fragment or padding that Next returned, or what Read has left of
// it. It is checked against Limits.MaxValue, and good until the next call of the Reader. Containers
// have none.
func (d *Reader) Value() ([]byte, error) {
	if d.remaining == 0 {
		return nil, ignoreEOF(d.err)
	}
	if d.remaining == math.MaxInt64 {
		return d.restOfData()
	}
	if d.remaining > d.lim.MaxValue {
		d.err = d.exceeds("MaxValue", d.remaining, d.lim.MaxValue)
		d.remaining = 0
		return nil, d.err
	}
	n := int(d.remaining)
	if n > d.src.end-d.src.pos && (d.src.r == nil || n > bufferSize) {
		return d.collect()
	}
	b := d.src.window(n)
	if len(b) < n {
		return d.collect()
	}
	d.src.pos += n
	d.remaining = 0
	return b[:n:n], nil
}

// collect reads a value that the buffer does not hold. Memory is taken as the bytes arrive, not as announced.
func (d *Reader) collect() ([]byte, error) {
	buf := d.scratch[:0]
	for d.remaining > 0 {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), max(min(int64(len(buf))+d.remaining, 2*int64(cap(buf))), min(d.remaining, bufferSize)))
			copy(grown, buf)
			buf = grown
		}
		n, err := d.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	d.scratch = buf
	return buf, nil
}

// restOfData reads padding up to the end of the data.
func (d *Reader) restOfData() ([]byte, error) {
	var buf []byte
	for {
		b := d.src.window(1)
		if len(b) == 0 {
			return buf, d.short()
		}
		if n := int64(len(buf) + len(b)); n > d.lim.MaxValue {
			d.err = d.exceeds("MaxValue", n, d.lim.MaxValue)
			d.remaining = 0
			return nil, d.err
		}
		buf = append(buf, b...)
		d.src.pos += len(b)
	}
}

// Skip passes over what Next returned: the value, or a container with all it holds, whose end is then not given.
func (d *Reader) Skip() error {
	if d.remaining > 0 {
		return d.skipValue()
	}
	switch d.hdr.Kind {
	case KindSequence, KindItem, KindFragments:
	default:
		return ignoreEOF(d.err)
	}
	if d.err != nil {
		return d.err
	}
	open := len(d.outer)
	if d.cur.defined && d.discard(d.cur.end-d.src.offset()) {
		d.pop()
		d.hdr = Header{Kind: endKinds[frameItem]}
		return nil
	}
	for len(d.outer) >= open {
		if err := d.advance(); err != nil {
			return err
		}
	}
	return nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// skipValue passes over the rest of the value.
func (d *Reader) skipValue() error {
	if d.remaining <= int64(d.src.end-d.src.pos) {
		d.src.pos += int(d.remaining)
		d.remaining = 0
		return nil
	}
	if d.remaining == math.MaxInt64 {
		d.src.discard(math.MaxInt64)
		return d.short()
	}
	d.remaining -= d.src.discard(d.remaining)
	if d.remaining > 0 {
		return d.short()
	}
	return nil
}

// discard consumes n bytes; false means that the data ended before.
func (d *Reader) discard(n int64) bool { return d.src.discard(n) == n }

// short handles a value that the end of the data cuts off, or padding that goes on to it.
func (d *Reader) short() error {
	padding := d.remaining == math.MaxInt64
	d.remaining = 0
	if err := d.streamError(); err != nil {
		d.err = err
		return err
	}
	if padding {
		return nil
	}
	tag, depth := d.hdr.Tag, d.depth
	if d.hdr.Kind == KindFragment {
		tag, depth = d.cur.tag, d.depth-1
	}
	if !d.mayBeCut(tag, depth) {
		d.err = d.cut("inside the value")
		return d.err
	}
	d.truncated = true
	return nil
}

// mayBeCut reports whether an element is kept although the data end inside of it: the pixel data, which is
// all but the header of an image, and the padding that may follow.
func (d *Reader) mayBeCut(tag dicom.Tag, depth int) bool {
	return depth == 0 && (tag.Group() == dicom.TagPixelData.Group() || tag == dicom.TagDataSetTrailingPadding)
}
