package codec

import (
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

const (
	delimiterGroup = 0xFFFE
	shortHeader    = 8  // tag, and VR with a 16-bit length or a 32-bit length
	longHeader     = 12 // tag, VR, two reserved bytes, 32-bit length

	// plausible is a length that no element with a broken header is expected to exceed. The guess must not rest on
	// how many bytes are at hand: a Reader of the first bytes and a Reader of the whole shall agree.
	plausible = 256 << 20
)

// nextElement reads the header of an element in a data set or item (PS3.5 7.1).
func (d *Reader) nextElement() error {
	off := d.src.offset()
	room := d.cur.end - off
	b := d.src.window(longHeader)
	if room < shortHeader || len(b) < shortHeader {
		return d.lastBytes(room, b)
	}
	tag := d.cur.enc.tag(b)
	if tag.Group() == delimiterGroup {
		return d.delimiterInItem(tag, d.cur.enc.uint32(b[4:]), room)
	}
	if tag == 0 && d.cur.kind == frameRoot && d.elements > 0 && zeros(b[:shortHeader]) {
		d.padding(-1)
		return nil
	}
	d.hdr = Header{Tag: tag, BigEndian: d.cur.enc.bigEndian, Depth: d.depth, Offset: off}
	size := shortHeader
	if d.cur.enc.implicit {
		d.hdr.VR = dict.VRFor(tag)
		d.hdr.Length = d.cur.enc.uint32(b[4:])
	} else if size = d.explicit(b, room); size == 0 {
		return d.lastBytes(room, b)
	}
	if err := d.count(); err != nil {
		return err
	}
	d.src.pos += size
	d.hdr.ValueOffset = off + int64(size)
	return d.value()
}

// explicit reads VR and length of an explicit VR element (PS3.5 7.1.2), and returns the size of the header, 0
// if the bytes are too few.
func (d *Reader) explicit(b []byte, room int64) int {
	h := &d.hdr
	h.RawVR = [2]byte{b[4], b[5]}
	h.VR = dicom.ParseVR(b[4], b[5])
	if !capital(b[4]) || !capital(b[5]) {
		return d.noVR(b, room)
	}
	if !h.VR.LongForm() {
		h.Length = uint32(d.cur.enc.uint16(b[6:]))
		return shortHeader
	}
	if b[6]|b[7] != 0 { // a 16-bit length is what some writers give long VRs: take it if the other is impossible
		short := d.cur.enc.uint16(b[6:])
		possible := len(b) >= longHeader && int64(d.cur.enc.uint32(b[8:])) <= min(room-longHeader, plausible)
		if !possible && int64(short) <= room-shortHeader {
			h.Form, h.Length = FormShort, uint32(short)
			return shortHeader
		}
	}
	if len(b) < longHeader || room < longHeader {
		return 0
	}
	h.Reserved = [2]byte{b[6], b[7]}
	h.Length = d.cur.enc.uint32(b[8:])
	return longHeader
}

// noVR reads an element of an explicit VR data set whose VR is not two capital letters. Printable characters
// or NULs stand for a VR nobody knew, with a 16-bit length; other bytes are half of the length of an implicit VR
// element, if there is room for so much.
func (d *Reader) noVR(b []byte, room int64) int {
	h := &d.hdr
	length := d.cur.enc.uint32(b[4:])
	printable := b[4] >= ' ' && b[4] <= '~' && b[5] >= ' ' && b[5] <= '~'
	fits := length == UndefinedLength || int64(length) <= min(room-shortHeader, plausible)
	if !printable && b[4]|b[5] != 0 && fits {
		h.Form, h.VR, h.RawVR, h.Length = FormImplicit, dict.VRFor(h.Tag), [2]byte{}, length
		return shortHeader
	}
	h.Form, h.VR, h.Length = FormShort, dicom.VRUN, uint32(d.cur.enc.uint16(b[6:]))
	return shortHeader
}

func capital(c byte) bool { return 'A' <= c && c <= 'Z' }

// value prepares for what follows an element's header: a value, a sequence or fragments.
// A length that leads out of the item is believed, and the item ends with it: other readers do so too.
func (d *Reader) value() error {
	h := &d.hdr
	if h.Length == UndefinedLength {
		return d.undefined()
	}
	if h.VR == dicom.VRSQ && d.holdsItems() {
		h.Kind = KindSequence
		return d.push(frameSequence, d.cur.enc.inside(h))
	}
	d.remaining = int64(h.Length)
	if h.Tag == dicom.TagSpecificCharacterSet {
		d.noteCharset()
	}
	return nil
}

// holdsItems reports whether what is said to be a sequence of defined length begins like one; if not, the VR is wrong.
func (d *Reader) holdsItems() bool {
	if d.hdr.Length == 0 {
		return true
	}
	b := d.src.window(4)
	if len(b) < 4 || d.hdr.Length < 8 {
		return false
	}
	tag := d.cur.enc.tag(b)
	return tag == dicom.TagItem || tag == dicom.TagSequenceDelimitation
}

// undefined opens the container that an element of undefined length is (PS3.5 7.5, A.4, 6.2.2).
func (d *Reader) undefined() error {
	h := &d.hdr
	implicit := d.cur.enc.implicit || h.Form == FormImplicit
	switch {
	case h.Tag == dicom.TagPixelData, !implicit && h.VR != dicom.VRUN && h.VR.IsBinary() && h.VR.Known():
		h.Kind = KindFragments
		return d.push(frameFragments, d.cur.enc)
	case implicit:
		h.VR = dicom.VRSQ
	case h.VR.Known() && h.VR != dicom.VRSQ && h.VR != dicom.VRUN:
		return d.syntax(h.Offset, "a %s has undefined length", h.VR)
	}
	h.Kind = KindSequence
	return d.push(frameSequence, d.cur.enc.inside(h))
}

// lastBytes handles the end of a data set or item, and what is too short to be an element there.
func (d *Reader) lastBytes(room int64, b []byte) error {
	d.hdr = Header{Offset: d.src.offset()}
	switch {
	case room <= 0:
		d.end()
		return nil
	case int64(len(b)) >= room:
		d.padding(room)
		return nil
	case d.cur.kind != frameRoot:
		return d.cutContainer(b, "inside an item")
	}
	if err := d.streamError(); err != nil {
		return err
	}
	if len(b) == 0 {
		return io.EOF
	}
	d.truncated = d.truncated || !zeros(b)
	d.padding(-1)
	return nil
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
