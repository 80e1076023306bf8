package dicomjson

import (
	"errors"
	"io"
	"slices"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
)

// model writes a data set in one of the standard's own models, an element at a time.
type model interface {
	// begin and end enclose an element; creator is that of its private block, "" if it is not private.
	begin(h codec.Header, creator string)
	end(h codec.Header)
	// beginItem and endItem enclose an item of a sequence, counted from 0.
	beginItem(number int)
	endItem()
	// values writes text and numbers, binary all else, whose bytes come in little endian order.
	values(h codec.Header, value, charset []byte)
	binary(r io.Reader) error
	// full reports that what is written should be handed on.
	full() bool
	flush() error
}

// walk leads a model through a data set. Group lengths are left out, and so is compressed pixel data: the models have no
// form for its fragments (PS3.18 F.2.2).
func walk(r *codec.Reader, m model, hold func(int64) (func(), error)) error {
	w := &walker{r: r, m: m, hold: hold}
	err := w.elements(0)
	return errors.Join(err, m.flush())
}

// walker reads a data set for a model.
type walker struct {
	r      *codec.Reader
	m      model
	hold   func(bytes int64) (release func(), err error) // as in Options
	signed bool                                          // Pixel Representation (0028,0103) says that pixels have a sign
}

func (w *walker) elements(depth int) error {
	var block level
	for {
		h, err := w.r.Next()
		if errors.Is(err, io.EOF) && depth == 0 || err == nil && h.Kind == codec.KindItemEnd {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.element(&block, h); err != nil {
			return err
		}
		if w.m.full() {
			if err := w.m.flush(); err != nil {
				return err
			}
		}
	}
}

func (w *walker) element(block *level, h codec.Header) error {
	if h.Tag.IsGroupLength() || h.Kind == codec.KindFragments {
		return skip(w.r, h)
	}
	h.VR = w.chosen(h)
	var value []byte
	if h.Kind == codec.KindElement && !inline(h.VR) {
		release, err := holdValue(h, w.hold)
		if err != nil {
			return err
		}
		defer release()
		if value, err = w.r.Value(); err != nil {
			return err
		}
	}
	if h.Tag.IsPrivateCreator() {
		block.noteCreator(h, trim(string(value)))
	}
	creator := ""
	if h.Tag.IsPrivate() && !h.Tag.IsPrivateCreator() {
		creator = block.creatorOf(h.Tag)
	}
	if h.Tag == tagPixelRepresentation && len(value) == 2 {
		w.signed = byteOrder(h.BigEndian).Uint16(value) == 1
	}
	if h.Tag == dicom.TagSpecificCharacterSet && len(value) > 0 {
		value = []byte("ISO_IR 192") // what is written is UTF-8 (PS3.18 F.2, PS3.19 A.1)
	}
	return w.contents(h, value, creator)
}

func (w *walker) contents(h codec.Header, value []byte, creator string) (err error) {
	w.m.begin(h, creator)
	switch {
	case h.Kind == codec.KindSequence:
		err = w.items(h)
	case inline(h.VR):
		err = w.m.binary(littleEndian(w.r, h))
	default:
		w.m.values(h, value, w.r.Charset())
	}
	w.m.end(h)
	return err
}

// chosen is the VR of an element. Where implicit VR leaves the choice of US or SS, the sign of the pixels decides
// (PS3.5 A.1).
func (w *walker) chosen(h codec.Header) dicom.VR {
	if h.VR == dicom.VRUS && h.RawVR == [2]byte{} && w.signed {
		if entry, known := dict.Lookup(h.Tag); known && entry.VRText == "US or SS" {
			return dicom.VRSS
		}
	}
	return h.VR
}

const tagPixelRepresentation dicom.Tag = 0x00280103

func (w *walker) items(sequence codec.Header) error {
	for number := 0; ; number++ {
		h, err := w.r.Next()
		if err != nil {
			return err
		}
		if h.Kind == codec.KindSequenceEnd && h.Depth == sequence.Depth {
			return nil
		}
		w.m.beginItem(number)
		if err := w.elements(sequence.Depth + 1); err != nil {
			return err
		}
		w.m.endItem()
	}
}

// skip passes over an element with all that is in it.
func skip(r *codec.Reader, h codec.Header) error {
	var end codec.Kind
	switch h.Kind {
	case codec.KindSequence:
		end = codec.KindSequenceEnd
	case codec.KindFragments:
		end = codec.KindFragmentsEnd
	default:
		return r.Skip()
	}
	for {
		inner, err := r.Next()
		if err != nil {
			return err
		}
		if inner.Kind == end && inner.Depth == h.Depth {
			return nil
		}
	}
}

// inline reports whether the models give a value of a VR as bytes rather than as text or numbers (PS3.18 F.2.3).
func inline(vr dicom.VR) bool {
	return !vr.IsString() && vr != dicom.VRAT && numberSize(vr) == 0 || wide(vr)
}

// wide are the VRs whose many numbers the models give as bytes.
func wide(vr dicom.VR) bool {
	switch vr {
	case dicom.VROL, dicom.VROF, dicom.VROD, dicom.VROV:
		return true
	}
	return false
}

// littleEndian reads a value in the byte order that the models want (PS3.18 F.2.7).
func littleEndian(r io.Reader, h codec.Header) io.Reader {
	size := numberSize(h.VR)
	if h.VR == dicom.VROW {
		size = 2
	}
	if !h.BigEndian || size < 2 {
		return r
	}
	return &swapper{r: r, size: size}
}

// swapper turns round the bytes of each number.
type swapper struct {
	r    io.Reader
	size int
	rest []byte // turned, not given yet
	buf  [1 << 10]byte
}

func (s *swapper) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		n, err := io.ReadFull(s.r, s.buf[:])
		if n == 0 {
			return 0, err
		}
		s.rest = s.buf[:n]
		for at := 0; at+s.size <= n; at += s.size {
			slices.Reverse(s.rest[at : at+s.size])
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// singleText are the VRs in whose text a backslash is a character (PS3.5 6.2).
func singleText(vr dicom.VR) bool {
	switch vr {
	case dicom.VRST, dicom.VRLT, dicom.VRUT, dicom.VRUR:
		return true
	}
	return false
}
