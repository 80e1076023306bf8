package charset

import (
	"errors"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// whole is a repertoire for text as a whole, without code extensions (PS3.5 6.1.2.5.4), or one that
// DICOM does not know but files and options name.
type whole uint8

const (
	wholeNone whole = iota
	wholeUTF8
	wholeGB18030
	wholeGBK
	wholeWindows1251
	wholeWindows1252
	wholeShiftJIS
)

// encoding returns the table of the repertoire, nil for UTF-8.
func (w whole) encoding() encoding.Encoding {
	switch w {
	case wholeGB18030:
		return simplifiedchinese.GB18030
	case wholeGBK:
		return simplifiedchinese.GBK
	case wholeWindows1251:
		return charmap.Windows1251
	case wholeWindows1252:
		return charmap.Windows1252
	case wholeShiftJIS:
		return japanese.ShiftJIS
	}
	return nil
}

func (w whole) decode(b []byte) string {
	if enc := w.encoding(); enc != nil {
		return string(appendDecoded(nil, enc, b))
	}
	return validUTF8(b)
}

// appendDecoded appends src in UTF-8. The decoders of x/text put U+FFFD for what they do not know.
func appendDecoded(dst []byte, enc encoding.Encoding, src []byte) []byte {
	decoder := enc.NewDecoder()
	for len(src) > 0 {
		dst = slices.Grow(dst, utf8.UTFMax+len(src)*3/2)
		nDst, nSrc, err := decoder.Transform(dst[len(dst):cap(dst)], src, true)
		dst = dst[:len(dst)+nDst]
		src = src[nSrc:]
		if nSrc == 0 || err != nil && !errors.Is(err, transform.ErrShortDst) { // no decoder does that: it must not loop
			dst = utf8.AppendRune(dst, utf8.RuneError)
			src = src[min(1, len(src)):]
		}
	}
	return dst
}

// validUTF8 returns b with U+FFFD for every byte that is no part of a character.
func validUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return string(out)
}
