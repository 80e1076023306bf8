package charset

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// set is a set of graphic characters that ISO 2022 places in the left (G0) or right (G1) half of the code table.
// Its codes are taken without their highest bit, 20 to 7F.
type set uint8

const (
	setNone set = iota
	setASCII
	setRomaji   // ISO-IR 14, JIS X 0201
	setKatakana // ISO-IR 13, JIS X 0201
	setLatin1
	setLatin2
	setLatin3
	setLatin4
	setLatin5
	setLatin9
	setCyrillic
	setArabic
	setGreek
	setHebrew
	setThai
	setKanji              // ISO-IR 87, JIS X 0208: two bytes to a character from here on
	setSupplementaryKanji // ISO-IR 159, JIS X 0212
	setHangul             // ISO-IR 149, KS X 1001
	setHanzi              // ISO-IR 58, GB 2312
)

// double reports whether characters have two bytes.
func (s set) double() bool { return s >= setKanji }

// table returns the code table whose right half is the set, nil when there is none.
func (s set) table() *charmap.Charmap {
	switch s {
	case setLatin1:
		return charmap.ISO8859_1
	case setLatin2:
		return charmap.ISO8859_2
	case setLatin3:
		return charmap.ISO8859_3
	case setLatin4:
		return charmap.ISO8859_4
	case setLatin5:
		return charmap.ISO8859_9
	case setLatin9:
		return charmap.ISO8859_15
	case setCyrillic:
		return charmap.ISO8859_5
	case setArabic:
		return charmap.ISO8859_6
	case setGreek:
		return charmap.ISO8859_7
	case setHebrew:
		return charmap.ISO8859_8
	case setThai:
		return charmap.Windows874 // the same from A0 on
	}
	return nil
}

// decode returns the character of a code without its highest bit in a set of one byte to a character.
func (s set) decode(c byte) rune {
	switch s {
	case setNone:
		return utf8.RuneError
	case setRomaji:
		switch c {
		case '\\':
			return '¥'
		case '~':
			return '‾'
		}
		return rune(c)
	case setKatakana:
		if c < 0x21 || c > 0x5F {
			return utf8.RuneError
		}
		return '｡' + rune(c) - 0x21
	}
	if t := s.table(); t != nil {
		return t.DecodeByte(c | 0x80)
	}
	return rune(c)
}

// appendPairs appends to dst the characters of codes of two bytes each, their highest bits ignored.
func (s set) appendPairs(dst, codes []byte) []byte {
	enc, lead := s.pairs()
	src := make([]byte, 0, len(codes)*3/2)
	for i := 0; i+1 < len(codes); i += 2 {
		src = append(src, lead...)
		src = append(src, codes[i]|0x80, codes[i+1]|0x80)
	}
	from := len(dst)
	dst = appendDecoded(dst, enc, src)
	if s == setKanji {
		return standardKanji(dst, from)
	}
	return dst
}

// pairs returns the encoding that has the set as its codes A1A1 to FEFE, after a lead.
func (s set) pairs() (encoding.Encoding, string) {
	switch s {
	case setSupplementaryKanji:
		return japanese.EUCJP, "\x8F"
	case setHangul:
		return korean.EUCKR, ""
	case setHanzi:
		return simplifiedchinese.GBK, ""
	}
	return japanese.EUCJP, ""
}

// standardKanji replaces, from an offset on, the characters that Microsoft's table of JIS X 0208 has
// in place of the standard's.
func standardKanji(b []byte, from int) []byte {
	tail := string(b[from:])
	b = b[:from]
	for _, r := range tail {
		switch r {
		case '～':
			r = '〜'
		case '∥':
			r = '‖'
		case '－':
			r = '−'
		case '￠':
			r = '¢'
		case '￡':
			r = '£'
		case '￢':
			r = '¬'
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
