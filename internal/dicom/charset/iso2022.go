package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"gantry/internal/dicom"
)

const escape = 0x1B

// delimiters returns the characters after which the initial sets are in use again (PS3.5 6.1.2.5.3).
// Control characters have that effect in every VR.
func delimiters(vr dicom.VR) string {
	switch {
	case vr == dicom.VRPN:
		return `\^=`
	case vr.Multivalued():
		return `\`
	}
	return ""
}

// half is a half of the code table, where a set is placed.
type half uint8

const (
	left  half = iota // G0
	right             // G1
)

// designation reads the escape sequence at the beginning of b: which set it places where, and its length
// (PS3.3 C.12.1.1.2). Some that DICOM does not use but files have are understood too.
func designation(b []byte) (s set, h half, n int) {
	n = 1
	for n < len(b) && 0x20 <= b[n] && b[n] <= 0x2F {
		n++
	}
	if n == len(b) || n > 3 {
		return setNone, left, 0
	}
	n++
	switch string(b[1:n]) {
	case "(B":
		return setASCII, left, n
	case "(J":
		return setRomaji, left, n
	case "(I":
		return setKatakana, left, n
	case ")I":
		return setKatakana, right, n
	case "$B", "$@", "$(B", "$(@":
		return setKanji, left, n
	case "$)B":
		return setKanji, right, n
	case "$(D":
		return setSupplementaryKanji, left, n
	case "$)D":
		return setSupplementaryKanji, right, n
	case "$)C":
		return setHangul, right, n
	case "$(C":
		return setHangul, left, n
	case "$)A":
		return setHanzi, right, n
	case "$A", "$(A":
		return setHanzi, left, n
	}
	if n == 3 && b[1] == '-' {
		if s := of96(b[2]); s != setNone {
			return s, right, n
		}
	}
	return setNone, left, 0
}

// of96 returns the set of 96 characters with a final byte of an escape sequence.
func of96(final byte) set {
	switch final {
	case 'A':
		return setLatin1
	case 'B':
		return setLatin2
	case 'C':
		return setLatin3
	case 'D':
		return setLatin4
	case 'M':
		return setLatin5
	case 'b':
		return setLatin9
	case 'L':
		return setCyrillic
	case 'G':
		return setArabic
	case 'F':
		return setGreek
	case 'H':
		return setHebrew
	case 'T':
		return setThai
	}
	return setNone
}

// switched reports whether text of a repertoire without code extensions has them nevertheless:
// seven-bit text with an escape sequence.
func switched(b []byte) bool {
	found := false
	for i, c := range b {
		if c >= 0x80 {
			return false
		}
		if c == escape && !found {
			_, _, n := designation(b[i:])
			found = n > 0
		}
	}
	return found
}

// romajiDiffers reports whether ASCII text has a character that ISO_IR 13 has another one for.
func romajiDiffers(b []byte, vr dicom.VR) bool {
	return bytes.IndexByte(b, '~') >= 0 || !vr.Multivalued() && bytes.IndexByte(b, '\\') >= 0
}

// state is text being decoded: which sets are in the two halves now.
type state struct {
	d          *Decoder
	delimiters string
	g0, g1     set
	out        []byte
}

func (d *Decoder) decodeISO2022(b []byte, delimiters string) string {
	s := state{d: d, delimiters: delimiters, out: make([]byte, 0, len(b)*3/2)}
	s.reset()
	for len(b) > 0 {
		b = b[s.step(b):]
	}
	return string(s.out)
}

// reset puts the initial sets in their places.
func (s *state) reset() {
	s.g0, s.g1 = setASCII, s.d.right
	if s.d.romaji {
		s.g0 = setRomaji
	}
	if s.g1 == setNone {
		s.g1 = s.d.declared
	}
}

// step decodes what stands at the beginning of b and returns how many bytes that were, at least one.
func (s *state) step(b []byte) int {
	c := b[0]
	switch {
	case c == escape:
		return s.switchSet(b)
	case c < 0x20:
		s.out = append(s.out, c)
		s.reset()
	case c == ' ' || c == 0x7F:
		s.out = append(s.out, c)
	case c < 0x80:
		return s.leftHalf(b)
	case c < 0xA0: // a control character that DICOM does not allow
		s.control(c)
	default:
		return s.rightHalf(b)
	}
	return 1
}

// switchSet follows an escape sequence. One that means nothing stays in the text.
func (s *state) switchSet(b []byte) int {
	set, half, n := designation(b)
	switch {
	case n == 0:
		s.out = append(s.out, escape)
		return 1
	case half == left:
		s.g0 = set
	default:
		s.g1 = set
	}
	return n
}

func (s *state) leftHalf(b []byte) int {
	if n := pairs(b, 0x21, 0x7E); s.g0.double() && n > 0 {
		s.out = s.g0.appendPairs(s.out, b[:n])
		return n
	}
	switch {
	case strings.IndexByte(s.delimiters, b[0]) >= 0:
		s.out = append(s.out, b[0])
		s.reset()
	case s.g0.double():
		s.out = utf8.AppendRune(s.out, utf8.RuneError)
	default:
		s.out = utf8.AppendRune(s.out, s.g0.decode(b[0]))
	}
	return 1
}

func (s *state) rightHalf(b []byte) int {
	if n := pairs(b, 0xA1, 0xFE); s.g1.double() && n > 0 {
		s.out = s.g1.appendPairs(s.out, b[:n])
		return n
	}
	r := utf8.RuneError
	if !s.g1.double() {
		r = s.g1.decode(b[0] & 0x7F)
	}
	s.out = utf8.AppendRune(s.out, r)
	return 1
}

func (s *state) control(c byte) {
	r := utf8.RuneError
	if s.g1.table() != nil {
		r = rune(c)
	}
	s.out = utf8.AppendRune(s.out, r)
}

// pairs returns the length of the pairs of bytes in the range that b begins with.
func pairs(b []byte, from, to byte) int {
	n := 0
	for n+1 < len(b) && from <= b[n] && b[n] <= to && from <= b[n+1] && b[n+1] <= to {
		n += 2
	}
	return n
}
