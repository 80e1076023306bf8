package codec

import (
	"bytes"
	"fmt"
	"io"

	"gantry/internal/dicom"
)

// WriteDataset writes a data set that is in memory. Lengths are defined or undefined as its fields say, values of odd
// length are padded, numbers get the byte order of the transfer syntax.
func WriteDataset(w io.Writer, ds *dicom.Dataset, ts dicom.TransferSyntax) error {
	b, err := appendDataset(nil, ds, encodingOf(ts))
	if err != nil {
		return err
	}
	if ts.Deflated {
		return deflateAll(w, b, ts)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("codec: write: %w", err)
	}
	return nil
}

// Marshal is WriteDataset into memory.
func Marshal(ds *dicom.Dataset, ts dicom.TransferSyntax) ([]byte, error) {
	if !ts.Deflated {
		return appendDataset(nil, ds, encodingOf(ts))
	}
	var buf bytes.Buffer
	err := WriteDataset(&buf, ds, ts)
	return buf.Bytes(), err
}

// deflateAll writes an encoded data set as a deflate stream.
func deflateAll(w io.Writer, b []byte, ts dicom.TransferSyntax) error {
	e := NewWriter(w, ts)
	if err := e.WriteHeader(Header{Kind: KindPadding, Length: UndefinedLength}); err != nil {
		return err
	}
	if _, err := e.Write(b); err != nil {
		return err
	}
	return e.Close()
}

func appendDataset(dst []byte, ds *dicom.Dataset, enc encoding) ([]byte, error) {
	var err error
	for i := range ds.Elements {
		el := &ds.Elements[i]
		switch {
		case el.Fragments != nil:
			dst, err = appendFragments(dst, el, enc)
		case el.Items != nil, el.VR == dicom.VRSQ && len(el.Value) == 0, el.UndefinedLength:
			dst, err = appendSequence(dst, el, enc)
		default:
			dst, err = appendValue(dst, el, enc, ds.BigEndian)
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func appendValue(dst []byte, el *dicom.Element, enc encoding, bigEndian bool) ([]byte, error) {
	odd := len(el.Value) & 1
	if int64(len(el.Value)+odd) >= UndefinedLength {
		return dst, tooLong(el.Tag)
	}
	dst = appendHeader(dst, &Header{Tag: el.Tag, VR: el.VR, Length: uint32(len(el.Value) + odd)}, enc)
	if width := el.VR.Width(); width > 1 && bigEndian != enc.bigEndian {
		dst = appendSwapped(dst, el.Value, width)
	} else {
		dst = append(dst, el.Value...)
	}
	if odd == 1 {
		dst = append(dst, el.VR.PadByte())
	}
	return dst, nil
}

func appendSequence(dst []byte, el *dicom.Element, enc encoding) ([]byte, error) {
	h := Header{Tag: el.Tag, VR: el.VR, Kind: KindSequence, Length: lengthFor(el.UndefinedLength)}
	if !el.UndefinedLength || h.VR.Known() && h.VR != dicom.VRUN {
		h.VR = dicom.VRSQ
	}
	dst = appendHeader(dst, &h, enc)
	start := len(dst)
	inner := enc.inside(&h)
	var err error
	for _, item := range el.Items {
		if dst, err = appendItem(dst, item, inner); err != nil {
			return dst, err
		}
	}
	if el.UndefinedLength {
		return appendDelimiter(dst, dicom.TagSequenceDelimitation, inner), nil
	}
	return dst, patchLength(dst, start, el.Tag, enc)
}

func appendItem(dst []byte, item *dicom.Dataset, enc encoding) ([]byte, error) {
	dst = appendHeader(dst, &Header{Tag: dicom.TagItem, Length: lengthFor(item.UndefinedLength)}, enc)
	start := len(dst)
	dst, err := appendDataset(dst, item, enc)
	if err != nil {
		return dst, err
	}
	if item.UndefinedLength {
		return appendDelimiter(dst, dicom.TagItemDelimitation, enc), nil
	}
	return dst, patchLength(dst, start, dicom.TagItem, enc)
}

func appendFragments(dst []byte, el *dicom.Element, enc encoding) ([]byte, error) {
	vr := el.VR
	if vr != dicom.VROW {
		vr = dicom.VROB
	}
	dst = appendHeader(dst, &Header{Tag: el.Tag, VR: vr, Length: UndefinedLength}, enc)
	for _, f := range el.Fragments {
		odd := len(f) & 1
		if int64(len(f)+odd) >= UndefinedLength {
			return dst, tooLong(el.Tag)
		}
		dst = appendHeader(dst, &Header{Tag: dicom.TagItem, Length: uint32(len(f) + odd)}, enc)
		dst = append(dst, f...)
		dst = append(dst, make([]byte, odd)...)
	}
	return appendDelimiter(dst, dicom.TagSequenceDelimitation, enc), nil
}

func lengthFor(undefined bool) uint32 {
	if undefined {
		return UndefinedLength
	}
	return 0
}

func appendDelimiter(dst []byte, tag dicom.Tag, enc encoding) []byte {
	return appendHeader(dst, &Header{Tag: tag}, enc)
}

// patchLength writes the length of what begins at start into the four bytes before it.
func patchLength(dst []byte, start int, tag dicom.Tag, enc encoding) error {
	n := int64(len(dst) - start)
	if n >= UndefinedLength {
		return tooLong(tag)
	}
	enc.appendUint32(dst[:start-4], uint32(n))
	return nil
}

func tooLong(tag dicom.Tag) error { return fmt.Errorf("%w: %s", ErrTooLong, tag) }
