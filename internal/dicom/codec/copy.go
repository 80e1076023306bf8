package codec

import (
	"errors"
	"io"

	"gantry/internal/dicom"
)

// WriteElement writes an element with its value, which has the byte order of the Writer's transfer syntax. A value
// of odd length is padded (PS3.5 6.2).
func (e *Writer) WriteElement(tag dicom.Tag, vr dicom.VR, value []byte) error {
	odd := len(value) & 1
	if int64(len(value)+odd) >= UndefinedLength {
		return ErrTooLong
	}
	if err := e.WriteHeader(Header{Tag: tag, VR: vr, Length: uint32(len(value) + odd)}); err != nil {
		return err
	}
	if _, err := e.Write(value); err != nil || odd == 0 {
		return err
	}
	_, err := e.Write([]byte{vr.PadByte()})
	return err
}

// BeginSequence begins a sequence of undefined length.
func (e *Writer) BeginSequence(tag dicom.Tag) error {
	return e.WriteHeader(Header{Tag: tag, VR: dicom.VRSQ, Kind: KindSequence, Length: UndefinedLength})
}

// BeginItem begins an item of undefined length.
func (e *Writer) BeginItem() error {
	return e.WriteHeader(Header{Tag: dicom.TagItem, Kind: KindItem, Length: UndefinedLength})
}

// EndItem ends the item, with a delimiter if its length is undefined.
func (e *Writer) EndItem() error {
	return e.WriteHeader(Header{Tag: dicom.TagItemDelimitation, Kind: KindItemEnd, Delimited: e.open()})
}

// EndSequence ends the sequence, with a delimiter if its length is undefined.
func (e *Writer) EndSequence() error {
	return e.WriteHeader(Header{Tag: dicom.TagSequenceDelimitation, Kind: KindSequenceEnd, Delimited: e.open()})
}

// open reports whether the innermost container has no length.
func (e *Writer) open() bool { return len(e.frames) > 0 && e.frames[len(e.frames)-1].end < 0 }

// CopyValue copies what is left of the value that the Reader is at. A value that the end of the data cuts off is
// complete for the Writer too.
func (e *Writer) CopyValue(d *Reader) error {
	for {
		b, err := d.chunk()
		if errors.Is(err, io.EOF) {
			if d.Truncated() {
				e.remaining = 0
			}
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := e.Write(b); err != nil {
			return err
		}
	}
}

// chunk gives the next part of the value, good until the next call.
func (d *Reader) chunk() ([]byte, error) {
	b := d.src.window(0)
	if d.remaining == 0 || len(b) == 0 {
		if cap(d.scratch) == 0 {
			d.scratch = make([]byte, 0, 512)
		}
		n, err := d.Read(d.scratch[:1]) // moves the window on, or tells why it cannot
		return d.scratch[:n], err
	}
	if int64(len(b)) > d.remaining {
		b = b[:d.remaining]
	}
	d.src.pos += len(b)
	d.consumed(int64(len(b)))
	return b, nil
}

// Copy writes all that is left of the Reader. The rest is the same bytes if both have the same transfer syntax.
// It does not close the Writer.
func Copy(e *Writer, d *Reader) error {
	for {
		h, err := d.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := e.WriteHeader(h); err != nil {
			return err
		}
		if err := e.CopyValue(d); err != nil {
			return err
		}
	}
}
