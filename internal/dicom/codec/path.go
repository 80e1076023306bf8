package codec

import "strconv"

// Path returns where the Reader stands: "(0040,A730)[2].(0008,0060)" is element (0008,0060) in the third item of
// the sequence. It is made for messages; nothing else costs memory per call.
func (d *Reader) Path() string {
	var b []byte
	for i := range d.outer {
		b = appendStep(b, &d.outer[i])
	}
	b = appendStep(b, &d.cur)
	if d.hdr.Kind == KindElement && d.hdr.Tag != 0 && d.hdr.Tag.Group() != delimiterGroup {
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = d.hdr.Tag.Append(b)
	}
	return string(b)
}

// appendStep appends what a container adds to the path.
func appendStep(b []byte, f *frame) []byte {
	switch f.kind {
	case frameSequence, frameFragments:
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = f.tag.Append(b)
		if f.items > 0 {
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(f.items-1), 10)
			b = append(b, ']')
		}
	}
	return b
}

// Charset returns the value of Specific Character Set (0008,0005) that governs the text where the Reader stands: that
// of the innermost item that has one, or of the data set (PS3.5 6.1.2.2, PS3.3 C.12.1.1.2). It
// is nil where none is in effect, and good until the next call of Next. Values beyond 1 KiB are cut.
func (d *Reader) Charset() []byte {
	s := d.cur.charset
	if s.from < 0 {
		return nil
	}
	return d.charsets[s.from:s.to:s.to]
}

const maxCharset = 1 << 10

// noteCharset remembers the value of Specific Character Set, which is about to be read.
func (d *Reader) noteCharset() {
	n := int(min(d.remaining, maxCharset))
	b := d.src.window(n)
	d.charsets = append(d.charsets[:d.cur.below], b[:min(n, len(b))]...)
	d.cur.charset = span{d.cur.below, len(d.charsets)}
}
