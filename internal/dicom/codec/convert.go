package codec

import (
	"bytes"
	"errors"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

// ErrEncapsulated is what Convert gives for a data set whose pixel data is compressed, or that is in a transfer syntax
// for such: another one would take more than writing its elements in another way.
var ErrEncapsulated = errors.New("codec: compressed pixel data cannot be written in another transfer syntax")

// Convertible reports whether Convert can do it: both are among Implicit VR Little Endian, Explicit VR Little Endian,
// Explicit VR Big Endian and Deflated Explicit VR Little Endian (PS3.5 A.1, A.2, A.3, A.5).
func Convertible(from, to dicom.TransferSyntax) bool { return native(from.UID) && native(to.UID) }

func native(uid dicom.UID) bool {
	switch uid {
	case dicom.ImplicitVRLittleEndian, dicom.ExplicitVRLittleEndian, dicom.ExplicitVRBigEndian, dicom.DeflatedExplicitVRLittleEndian:
		return true
	}
	return false
}

// Convert gives a bare data set in another transfer syntax as it is read from r. The elements and their values stay, but
// for group lengths, which would be wrong, and for padding after the last element. Sequences and items get undefined
// lengths, since theirs change with the headers inside; values of odd length are padded. A VR that the data set does not
// tell is that of the dictionary, by the Pixel Representation where it leaves a choice. Reading gives ErrEncapsulated,
// or what a Reader gives; a value that the end of the data cuts off is a *SyntaxError, of pixel data, too.
func Convert(r io.Reader, from, to dicom.TransferSyntax, lim Limits) io.Reader {
	c := &converter{explicit: !to.ImplicitVR, signed: []bool{false}}
	if !Convertible(from, to) {
		c.err = ErrEncapsulated
		return c
	}
	c.src = NewReader(r, from, lim)
	c.dst = NewWriter(&c.out, to)
	return c
}

// converter is a data set on its way from a Reader to a Writer.
type converter struct {
	src      *Reader
	dst      *Writer
	out      bytes.Buffer // written and not yet read
	explicit bool         // the VR is to be told
	signed   []bool       // by Pixel Representation, of the data set and the items within that are open
	width    int          // of the numbers that change their byte order in the present value, 1 if they do not
	odd      bool         // the present value needs a padding byte
	pad      byte
	within   bool // a value
	chunk    []byte
	err      error
}

// Read converts as much as it takes to give something.
func (c *converter) Read(p []byte) (int, error) {
	for c.out.Len() == 0 {
		if c.err != nil {
			return 0, c.err
		}
		if c.within {
			c.err = c.value()
		} else {
			c.err = c.header()
		}
	}
	return c.out.Read(p)
}

// header takes the next header over; io.EOF after the last, when all is written.
func (c *converter) header() error {
	h, err := c.src.Next()
	if errors.Is(err, io.EOF) {
		if c.src.Truncated() {
			return c.src.cut("too early")
		}
		if err := c.dst.Close(); err != nil {
			return err
		}
		return io.EOF
	}
	if err != nil {
		return err
	}
	switch h.Kind {
	case KindPadding:
		return nil
	case KindElement:
		return c.element(&h)
	case KindSequence:
		h.Length = UndefinedLength
	case KindItem:
		h.Length = UndefinedLength
		c.signed = append(c.signed, c.signed[len(c.signed)-1])
	case KindItemEnd:
		c.signed = c.signed[:len(c.signed)-1]
		h.Delimited, h.Length = true, 0
	case KindSequenceEnd:
		h.Delimited, h.Length = true, 0
	default:
		return ErrEncapsulated
	}
	return c.dst.WriteHeader(regular(&h))
}

// regular is the header without what breaks the rules of the transfer syntax it came in.
func regular(h *Header) Header {
	return Header{Tag: h.Tag, VR: h.VR, Kind: h.Kind, Delimited: h.Delimited, Length: h.Length}
}

func (c *converter) element(h *Header) error {
	if h.Tag.IsGroupLength() {
		return nil
	}
	c.noteSign(h)
	if c.explicit && h.RawVR == [2]byte{} && h.VR == dicom.VRUS && c.signed[len(c.signed)-1] {
		if e, ok := dict.Lookup(h.Tag); ok && e.VRText == "US or SS" {
			h.VR = dicom.VRSS
		}
	}
	if c.explicit && h.Length > 0xFFFF && !h.VR.LongForm() {
		h.VR = dicom.VRUN // which has no byte order to change (PS3.5 6.2.2)
	}
	c.within, c.width = true, 1
	if h.BigEndian != c.dst.enc.bigEndian {
		c.width = h.VR.Width()
	}
	if c.odd = h.Length%2 != 0; c.odd {
		c.pad = h.VR.PadByte()
		h.Length++ // below UndefinedLength, which is odd
	}
	return c.dst.WriteHeader(regular(h))
}

// noteSign remembers a Pixel Representation for the elements whose VR depends on it (PS3.3 C.7.6.3.1).
func (c *converter) noteSign(h *Header) {
	if h.Tag != dicom.TagPixelRepresentation || h.Length != 2 {
		return
	}
	if b := c.src.src.window(2); len(b) >= 2 {
		c.signed[len(c.signed)-1] = b[0]|b[1] != 0
	}
}

const convertChunk = 32 << 10 // a multiple of every width

// value takes the next part of the value over. One that the end of the data cuts off is an error: what is converted is
// to be whole.
func (c *converter) value() error {
	b, err := c.part()
	if len(b) > 0 {
		if _, err := c.dst.Write(b); err != nil {
			return err
		}
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	c.within = false
	if c.src.Truncated() {
		return c.src.cut("inside a value")
	}
	if c.odd {
		_, err = c.dst.Write([]byte{c.pad})
		return err
	}
	return nil
}

// part reads of the value; io.EOF when that was all.
func (c *converter) part() ([]byte, error) {
	if c.width == 1 {
		return c.src.chunk()
	}
	if c.chunk == nil {
		c.chunk = make([]byte, convertChunk)
	}
	n, err := io.ReadFull(c.src, c.chunk)
	if errors.Is(err, io.ErrUnexpectedEOF) && n > 0 {
		err = c.src.valueEnd()
	}
	swap(c.chunk[:n], c.width)
	return c.chunk[:n], err
}

// swap reverses the bytes of the numbers. What is too short to be one at the end stays as it is.
func swap(b []byte, width int) {
	for ; len(b) >= width; b = b[width:] {
		for i, j := 0, width-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}
