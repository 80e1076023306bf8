package dicomjson

import (
	"strings"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
)

// texts turns the text values of one data set into UTF-8. It keeps the decoders of the repertoires it has met.
type texts struct {
	fallback string // defined term where the data set names none
	last     string
	decoder  *charset.Decoder
	ready    bool
}

// decode returns a value as UTF-8. What the repertoire cannot read becomes U+FFFD, an unknown repertoire is read as
// far as it goes.
func (t *texts) decode(value, specific []byte, vr dicom.VR) string {
	if plain(value) {
		return string(value)
	}
	if specific == nil {
		specific = []byte(t.fallback)
	}
	if !t.ready || string(specific) != t.last {
		t.last = string(specific)
		t.decoder, _ = charset.New(strings.Split(t.last, "\\")) // the error comes with the best there is
		t.ready = true
	}
	return t.decoder.Decode(value, vr)
}

// plain reports whether a value is the same in every repertoire.
func plain(value []byte) bool {
	for _, b := range value {
		if b >= 0x80 || b == 0x1b || b == '\\' || b == '~' {
			return false
		}
	}
	return true
}

// trim takes the padding off a text (PS3.5 6.2); white space in front of it stays, as in Orthanc.
func trim(s string) string { return strings.TrimRight(s, " \x00") }

// appendString writes a JSON string.
func appendString(to []byte, s string) []byte {
	to = append(to, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if b >= 0x20 && b != '"' && b != '\\' {
				i++
				continue
			}
			to = append(to, s[from:i]...)
			to = appendEscape(to, b)
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			to = append(to, s[from:i]...)
			to = append(to, "\uFFFD"...)
			from = i + 1
		}
		i += size
	}
	to = append(to, s[from:]...)
	return append(to, '"')
}

func appendEscape(to []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(to, '\\', b)
	case '\n':
		return append(to, '\\', 'n')
	case '\r':
		return append(to, '\\', 'r')
	case '\t':
		return append(to, '\\', 't')
	}
	return append(to, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&0xf])
}
