package dicom

// VR is a value representation: its two letters, the first in the upper byte (PS3.5 6.2).
// Letters that the standard does not define are kept as they came.
type VR uint16

// The value representations of PS3.5 table 6.2-1. VRNone stands for elements that have none:
// items and delimiters, and what an implicit VR data set leaves to the dictionary.
const (
	VRNone VR = 0
	VRAE   VR = 'A'<<8 | 'E'
	VRAS   VR = 'A'<<8 | 'S'
	VRAT   VR = 'A'<<8 | 'T'
	VRCS   VR = 'C'<<8 | 'S'
	VRDA   VR = 'D'<<8 | 'A'
	VRDS   VR = 'D'<<8 | 'S'
	VRDT   VR = 'D'<<8 | 'T'
	VRFD   VR = 'F'<<8 | 'D'
	VRFL   VR = 'F'<<8 | 'L'
	VRIS   VR = 'I'<<8 | 'S'
	VRLO   VR = 'L'<<8 | 'O'
	VRLT   VR = 'L'<<8 | 'T'
	VROB   VR = 'O'<<8 | 'B'
	VROD   VR = 'O'<<8 | 'D'
	VROF   VR = 'O'<<8 | 'F'
	VROL   VR = 'O'<<8 | 'L'
	VROV   VR = 'O'<<8 | 'V'
	VROW   VR = 'O'<<8 | 'W'
	VRPN   VR = 'P'<<8 | 'N'
	VRSH   VR = 'S'<<8 | 'H'
	VRSL   VR = 'S'<<8 | 'L'
	VRSQ   VR = 'S'<<8 | 'Q'
	VRSS   VR = 'S'<<8 | 'S'
	VRST   VR = 'S'<<8 | 'T'
	VRSV   VR = 'S'<<8 | 'V'
	VRTM   VR = 'T'<<8 | 'M'
	VRUC   VR = 'U'<<8 | 'C'
	VRUI   VR = 'U'<<8 | 'I'
	VRUL   VR = 'U'<<8 | 'L'
	VRUN   VR = 'U'<<8 | 'N'
	VRUR   VR = 'U'<<8 | 'R'
	VRUS   VR = 'U'<<8 | 'S'
	VRUT   VR = 'U'<<8 | 'T'
	VRUV   VR = 'U'<<8 | 'V'
)

// ParseVR returns the VR of two bytes as they stand in an explicit VR data element. Unknown letters are kept.
func ParseVR(a, b byte) VR { return VR(a)<<8 | VR(b) }

// letters holds the known VRs one after another.
const letters = "AEASATCSDADSDTFDFLISLOLTOBODOFOLOVOWPNSHSLSQSSSTSVTMUCUIULUNURUSUTUV"

// String returns the two letters, "??" when they are not capital letters, and "" for VRNone.
func (v VR) String() string {
	if v == VRNone {
		return ""
	}
	a, b := byte(v>>8), byte(v)
	for i := 0; i < len(letters); i += 2 {
		if letters[i] == a && letters[i+1] == b {
			return letters[i : i+2]
		}
	}
	if a < 'A' || a > 'Z' || b < 'A' || b > 'Z' {
		return "??"
	}
	return string([]byte{a, b})
}

// Known reports whether today's PS3.5 defines the VR.
func (v VR) Known() bool { return v.class() != classUnknown }

// LongForm reports whether explicit VR encodes the element with two reserved bytes and a 32-bit length (PS3.5 7.1.2).
// VRs that PS3.5 does not define have this form too (PS3.5 6.2.2).
func (v VR) LongForm() bool {
	switch v {
	case VROB, VROD, VROF, VROL, VROV, VROW, VRSQ, VRSV, VRUC, VRUN, VRUR, VRUT, VRUV:
		return true
	}
	return !v.Known()
}

// IsText reports whether Specific Character Set (0008,0005) governs the value (PS3.5 6.1.2.2).
func (v VR) IsText() bool { return v.class() == classText }

// IsString reports whether the value consists of characters, in the default repertoire or another.
func (v VR) IsString() bool { c := v.class(); return c == classText || c == classASCII }

// IsBinary reports whether the value consists of numbers or bytes. Unknown VRs are bytes; a sequence is neither
// binary nor string.
func (v VR) IsBinary() bool {
	switch v.class() {
	case classText, classASCII, classSequence:
		return false
	}
	return v != VRNone
}

// Multivalued reports whether a backslash in the value separates values (PS3.5 6.4).
func (v VR) Multivalued() bool {
	switch v {
	case VRLT, VRST, VRUT, VRUR:
		return false
	}
	return v.IsString()
}

// PadByte returns the byte that makes the value's length even (PS3.5 6.2).
func (v VR) PadByte() byte {
	if v != VRUI && v.IsString() {
		return ' '
	}
	return 0
}

// Width returns the size in bytes of the numbers in the value, which is the unit that byte order swaps
// (PS3.5 7.3): 1, 2, 4 or 8. AT is made of two numbers of 2.
func (v VR) Width() int {
	switch v {
	case VRAT, VROW, VRSS, VRUS:
		return 2
	case VRFL, VROF, VROL, VRSL, VRUL:
		return 4
	case VRFD, VROD, VROV, VRSV, VRUV:
		return 8
	}
	return 1
}

type class uint8

const (
	classUnknown class = iota
	classASCII
	classText
	classNumber
	classSequence
)

func (v VR) class() class {
	switch v {
	case VRLO, VRLT, VRPN, VRSH, VRST, VRUC, VRUT:
		return classText
	case VRAE, VRAS, VRCS, VRDA, VRDS, VRDT, VRIS, VRTM, VRUI, VRUR:
		return classASCII
	case VRAT, VRFD, VRFL, VROB, VROD, VROF, VROL, VROV, VROW, VRSL, VRSS, VRSV, VRUL, VRUN, VRUS, VRUV:
		return classNumber
	case VRSQ:
		return classSequence
	}
	return classUnknown
}
