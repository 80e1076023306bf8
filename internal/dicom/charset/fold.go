package charset

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns text in the form in which it is compared when searching: without difference of case, of Latin, Greek,
// Cyrillic, Hebrew and Arabic accents and points, and of full and half width. Equal texts have equal folds,
// and the fold of a fold is itself. ASCII stays ASCII, so "^", "=", "*" and "?" keep their meaning;
// split a pattern at its wildcards first if wide ones are not to become wildcards.
func Fold(s string) string {
	if isLowerASCII(s) {
		return s
	}
	if isASCII(s) {
		return strings.ToLower(s)
	}
	s = bare(norm.NFKD.String(strings.ToValidUTF8(s, "\uFFFD")))
	return norm.NFC.String(bare(norm.NFKD.String(s))) // again: lower case letters may come apart further
}

// bare returns decomposed text in lower case without accents.
func bare(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if isAccent(r) {
			continue
		}
		r = unicode.ToLower(unicode.ToUpper(r)) // by way of capitals the two small sigmas become one
		if base := unaccented(r); base != "" {
			b.WriteString(base)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isAccent tells the marks that may be missing in writing from those without which a word is another one,
// as the vowels of Thai and the voicing marks of kana.
func isAccent(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r <= 0x36F, 0x483 <= r && r <= 0x487, 0x1AB0 <= r && r <= 0x1AFF, 0x1DC0 <= r && r <= 0x1DFF,
		0x20D0 <= r && r <= 0x20FF, 0xFE20 <= r && r <= 0xFE2F:
		return true
	case 0x591 <= r && r <= 0x5C7, 0x610 <= r && r <= 0x61A, 0x64B <= r && r <= 0x65F, r == 0x670:
		return unicode.Is(unicode.Mn, r)
	case r == 0x640: // tatweel only stretches
		return true
	}
	return false
}

// unaccented returns the ASCII letters for small letters that Unicode does not take apart, and "" for others.
func unaccented(r rune) string {
	switch r {
	case 'ø':
		return "o"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'ħ':
		return "h"
	case 'ŧ':
		return "t"
	case 'ı':
		return "i"
	case 'ß':
		return "ss"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'þ':
		return "th"
	}
	return ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isLowerASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}
