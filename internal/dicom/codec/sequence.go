package codec

import "gantry/internal/dicom"

// delimiterInItem handles a tag of group FFFE where an element is expected.
func (d *Reader) delimiterInItem(tag dicom.Tag, length uint32, room int64) error {
	d.hdr = Header{Tag: tag, Offset: d.src.offset()}
	inItem := d.cur.kind == frameItem
	switch tag {
	case dicom.TagItemDelimitation:
		if inItem && (!d.cur.defined || room == shortHeader) {
			d.endDelimited(length)
			return nil
		}
	case dicom.TagItem, dicom.TagSequenceDelimitation:
		if inItem && !d.cur.defined { // its own delimiter is missing
			d.end()
			return nil
		}
	default:
		return d.syntax(d.hdr.Offset, "%s is neither an item nor a delimiter", tag)
	}
	return d.stray()
}

// stray gives a delimiter that ends nothing as padding.
func (d *Reader) stray() error {
	if err := d.count(); err != nil {
		return err
	}
	d.padding(shortHeader)
	return nil
}

// nextItem reads what stands between the items of a sequence (PS3.5 7.5).
func (d *Reader) nextItem() error {
	off := d.src.offset()
	room := d.cur.end - off
	d.hdr = Header{Offset: off}
	if room <= 0 {
		d.end()
		return nil
	}
	b := d.src.window(shortHeader)
	if len(b) < shortHeader && int64(len(b)) < room {
		return d.cutContainer(b, "inside a sequence")
	}
	if room < shortHeader {
		d.padding(room)
		return nil
	}
	tag, length := d.cur.enc.tag(b), d.cur.enc.uint32(b[4:])
	switch {
	case tag == dicom.TagItem:
		return d.item(length)
	case tag == dicom.TagSequenceDelimitation && (!d.cur.defined || room == shortHeader):
		d.endDelimited(length)
		return nil
	case tag == dicom.TagSequenceDelimitation, tag == dicom.TagItemDelimitation:
		return d.stray()
	case !d.cur.defined: // the delimiter is missing
		d.end()
		return nil
	}
	return d.syntax(off, "found %s in a sequence where an item is expected", tag)
}

// item opens an item. A length that leads out of the sequence is believed, and the sequence ends with it.
func (d *Reader) item(length uint32) error {
	d.cur.items++
	d.hdr = Header{Tag: dicom.TagItem, Kind: KindItem, BigEndian: d.cur.enc.bigEndian, Length: length, Depth: d.depth,
		Offset: d.src.offset(), ValueOffset: d.src.offset() + shortHeader}
	if err := d.count(); err != nil {
		return err
	}
	d.src.pos += shortHeader
	return d.push(frameItem, d.cur.enc)
}

// nextFragment reads what stands between the fragments of encapsulated pixel data (PS3.5 A.4).
func (d *Reader) nextFragment() error {
	off := d.src.offset()
	room := d.cur.end - off
	d.hdr = Header{Offset: off}
	b := d.src.window(shortHeader)
	if room < shortHeader {
		d.end()
		return nil
	}
	if len(b) < shortHeader {
		return d.cutFragments(b)
	}
	tag, length := d.cur.enc.tag(b), d.cur.enc.uint32(b[4:])
	if tag != dicom.TagItem {
		if tag == dicom.TagSequenceDelimitation {
			d.endDelimited(length)
		} else {
			d.end() // the delimiter is missing
		}
		return nil
	}
	d.cur.items++
	d.hdr = Header{Tag: tag, Kind: KindFragment, BigEndian: d.cur.enc.bigEndian, Length: length, Depth: d.depth, Offset: off, ValueOffset: off + shortHeader}
	if err := d.count(); err != nil {
		return err
	}
	if length == UndefinedLength {
		return d.syntax(off, "a fragment has undefined length")
	}
	d.src.pos += shortHeader
	d.remaining = int64(length)
	return nil
}

// cutContainer ends an item or sequence of defined length when the data end between two of the elements it holds.
func (d *Reader) cutContainer(b []byte, where string) error {
	if len(b) > 0 || !d.cur.defined || d.src.failure() != nil {
		return d.cut(where)
	}
	d.truncated = true
	d.end()
	return nil
}

// cutFragments ends pixel data whose delimiter is missing because the data end.
func (d *Reader) cutFragments(b []byte) error {
	if err := d.streamError(); err != nil {
		return err
	}
	if !d.mayBeCut(d.cur.tag, d.depth-1) {
		return d.cut("inside fragments")
	}
	d.truncated = true
	d.end()
	return nil
}
