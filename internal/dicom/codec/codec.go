// Package codec reads and writes DICOM data sets as streams (PS3.5 7, PS3.10 7).
//
// A Reader walks a data set like archive/tar walks an archive: Next tells what comes, the value is read only if
// asked for. A Writer takes the same headers. What a Reader gives, written unchanged, is the same bytes again:
// lengths stay defined or undefined as they came, and what breaks the rules of the standard is carried along
// in the Header. The tolerance ends where the structure can no longer be told: then a *SyntaxError names the
// byte offset and the path. Limits are checked before memory is taken (*LimitError).
package codec

import (
	"cmp"

	"gantry/internal/dicom"
)

// UndefinedLength is the length of what ends with a delimiter (PS3.5 7.1.1).
const UndefinedLength = 0xFFFFFFFF

// Kind says what a Header stands for. Every container that begins also ends: an end is given for
// defined lengths too, and where the delimiter is missing.
type Kind uint8

const (
	KindElement      Kind = iota // a data element with a value
	KindSequence                 // a sequence begins
	KindItem                     // an item of a sequence begins
	KindItemEnd                  // an item has ended
	KindSequenceEnd              // a sequence has ended
	KindFragments                // encapsulated pixel data begins (PS3.5 A.4)
	KindFragment                 // a fragment with its value; the first is the basic offset table
	KindFragmentsEnd             // encapsulated pixel data has ended
	// KindPadding is bytes that belong to no element: zeros or an incomplete header after the last element, bytes
	// too few for an element at the end of an item, delimiters of nothing. They are the value. With an
	// undefined length they go on to the end of the data.
	KindPadding
)

var kindNames = [...]string{"element", "sequence", "item", "end of item", "end of sequence", "fragments", "fragment", "end of fragments", "padding"}

// String names the kind in error texts.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}

// Form says how an element of an explicit VR data set breaks the rule of its VR. A Writer for implicit VR ignores it.
type Form uint8

const (
	FormRegular  Form = iota // as PS3.5 7.1.2 and 6.2.2 have it
	FormShort                // RawVR and a 16-bit length, though the VR asks for 32 bits or is no VR
	FormImplicit             // no VR and a 32-bit length, as in implicit VR
)

// Header describes what the Reader has come to, and tells a Writer what to write. To write an element of one's own
// Tag, VR, Length and Kind are enough.
type Header struct {
	Tag       dicom.Tag
	VR        dicom.VR // in implicit VR what the dictionary says; unknown letters as they came; UN if not letters
	RawVR     [2]byte  // the two bytes of an explicit VR, zero in implicit VR
	Reserved  [2]byte  // what stands in the two reserved bytes before a 32-bit length (PS3.5 7.1.2)
	Kind      Kind
	Form      Form
	BigEndian bool // byte order of numbers in the value
	// Delimited is set on an end that has a delimiter of its own. Without it the end is that of a defined length,
	// or the delimiter is missing.
	Delimited bool
	// Uneven is set on an end when the container does not hold what its defined length says: an element or
	// item in it has led beyond, or the data ended before.
	Uneven      bool
	Length      uint32 // of the value in bytes, or UndefinedLength
	Depth       int    // number of sequences around it; a sequence, its items' contents and its end: n, n+1, n
	Offset      int64  // of the first byte, counted from the start of what is read (inflated, if it is deflated)
	ValueOffset int64  // of the first byte after the header
}

// Undefined reports whether the length is undefined.
func (h *Header) Undefined() bool { return h.Length == UndefinedLength }

// Limits bound what a data set may cost. A field that is zero has the value of DefaultLimits.
type Limits struct {
	MaxValue    int64 // bytes of one value that is taken into memory; values that are streamed or skipped have no limit
	MaxDepth    int   // sequences in sequences
	MaxElements int   // elements, items and fragments of a data set
	MaxInflated int64 // bytes that a deflated data set may inflate to
	MaxMemory   int64 // bytes that a data set takes that is read into memory as a whole, by estimate
}

// DefaultLimits returns limits that no data set in clinical use is known to reach: 64 MiB, 128 sequences deep,
// 16 million elements, 4 GiB inflated; and 256 MiB for a data set in memory.
func DefaultLimits() Limits {
	return Limits{MaxValue: 64 << 20, MaxDepth: 128, MaxElements: 1 << 24, MaxInflated: 4 << 30, MaxMemory: 256 << 20}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		MaxValue:    cmp.Or(l.MaxValue, d.MaxValue),
		MaxDepth:    cmp.Or(l.MaxDepth, d.MaxDepth),
		MaxElements: cmp.Or(l.MaxElements, d.MaxElements),
		MaxInflated: cmp.Or(l.MaxInflated, d.MaxInflated),
		MaxMemory:   cmp.Or(l.MaxMemory, d.MaxMemory),
	}
}

// encoding is the part of a transfer syntax that changes within a data set: inside a sequence with VR UN
// it is Implicit VR Little Endian (PS3.5 6.2.2).
type encoding struct{ implicit, bigEndian bool }

func encodingOf(ts dicom.TransferSyntax) encoding { return encoding{ts.ImplicitVR, ts.BigEndian} }

// inside returns the encoding of the items of the sequence that h begins.
func (e encoding) inside(h *Header) encoding {
	switch {
	case e.implicit:
		return e
	case h.Form == FormImplicit:
		return encoding{implicit: true, bigEndian: e.bigEndian}
	case h.VR != dicom.VRSQ && h.Undefined():
		return encoding{implicit: true}
	}
	return e
}

func (e encoding) uint16(b []byte) uint16 {
	if e.bigEndian {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return uint16(b[1])<<8 | uint16(b[0])
}

func (e encoding) uint32(b []byte) uint32 {
	_ = b[3]
	if e.bigEndian {
		return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	return uint32(b[3])<<24 | uint32(b[2])<<16 | uint32(b[1])<<8 | uint32(b[0])
}

func (e encoding) tag(b []byte) dicom.Tag {
	_ = b[3]
	return dicom.NewTag(e.uint16(b), e.uint16(b[2:]))
}

func (e encoding) appendUint16(dst []byte, v uint16) []byte {
	if e.bigEndian {
		return append(dst, byte(v>>8), byte(v))
	}
	return append(dst, byte(v), byte(v>>8))
}

func (e encoding) appendUint32(dst []byte, v uint32) []byte {
	if e.bigEndian {
		return append(dst, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	}
	return append(dst, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

func (e encoding) appendTag(dst []byte, t dicom.Tag) []byte {
	return e.appendUint16(e.appendUint16(dst, t.Group()), t.Element())
}
