package dicomjson

import (
	"strings"

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
