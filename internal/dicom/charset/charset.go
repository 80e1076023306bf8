// Package charset turns text of the repertoires of PS3.3 C.12.1.1.2 into UTF-8, code extensions by ISO 2022
// among them (PS3.5 6.1), and folds text for searching. It reads what real files hold: misspelt terms, text that
// breaks the rules of its term, escape sequences nobody declared.
package charset

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gantry/internal/dicom"
)

// Decoder turns text of one data set into UTF-8. It does not change, so all may use it at once.
// The zero value decodes the default repertoire.
type Decoder struct {
	whole    whole // a repertoire that is no part of ISO 2022, for text as a whole
	tryUTF8  bool  // text that is valid UTF-8 is taken for that
	romaji   bool  // the initial G0 is that of ISO_IR 13 instead of ASCII
	right    set   // the initial G1
	declared set   // a G1 for text that forgot its escape sequence
}

// UnknownError names values of Specific Character Set that are not understood.
type UnknownError struct{ Terms []string }

// Error returns `charset: Specific Character Set "X" is not known: text is decoded as far as it goes`.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("charset: Specific Character Set %.100q is not known: text is decoded as far as it goes",
		strings.Join(e.Terms, `\`))
}

// New returns a decoder for text under the values of Specific Character Set (0008,0005); none, or one that is empty,
// mean the default repertoire. The decoder is good for use even if there is an error, an *UnknownError: text
// under a sole unknown term is taken for UTF-8 if it is valid, else for ISO_IR 100.
func New(specific []string) (*Decoder, error) {
	d := new(Decoder)
	var unknown []string
	onlyASCIIBeside := true
	for i, value := range specific {
		t, ok := parseTerm(value)
		if !ok {
			unknown = append(unknown, value)
			continue
		}
		switch {
		case t.whole != wholeNone && (i == 0 || onlyASCIIBeside):
			d.whole = t.whole
		case t.whole == wholeUTF8:
			d.tryUTF8 = true
		}
		if t.whole == wholeNone && (t.right != setNone || t.left != setASCII) {
			onlyASCIIBeside = false
		}
		if i == 0 {
			d.romaji, d.right = t.left == setRomaji, t.right
		}
		if d.declared == setNone {
			d.declared = t.right
		}
	}
	if unknown == nil {
		return d, nil
	}
	d.tryUTF8 = true
	if d.declared == setNone {
		d.declared = setLatin1
	}
	return d, &UnknownError{unknown}
}

// Decode returns the text of a value, padding and delimiters included, in UTF-8. Bytes that mean nothing become U+FFFD.
// Code extensions begin anew at control characters, at the backslash where the VR has many values, and at "^" and "="
// in PN (PS3.5 6.1.2.5.3). A backslash in the result parts values.
func (d *Decoder) Decode(b []byte, vr dicom.VR) string {
	romaji := d.romaji && vr.IsText() && romajiDiffers(b, vr)
	if plain(b) && !romaji {
		return string(b)
	}
	switch {
	case d.whole != wholeNone && !switched(b):
		return d.whole.decode(b)
	case d.tryUTF8 && utf8.Valid(b):
		return string(b)
	}
	return d.decodeISO2022(b, delimiters(vr))
}

// Values returns the values of an element in UTF-8, without their padding: parted at backslashes if the VR
// has many values, nil if there is no byte.
func (d *Decoder) Values(b []byte, vr dicom.VR) []string {
	if len(b) == 0 {
		return nil
	}
	s := d.Decode(b, vr)
	if !vr.Multivalued() {
		return []string{trim(s, vr)}
	}
	values := strings.Split(s, `\`)
	for i, v := range values {
		values[i] = trim(v, vr)
	}
	return values
}

func trim(s string, vr dicom.VR) string {
	const padding = " \x00"
	if vr.Multivalued() {
		return strings.Trim(s, padding)
	}
	return strings.TrimRight(s, padding)
}

// plain reports whether all bytes are ASCII and none is the escape character.
func plain(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == escape {
			return false
		}
	}
	return true
}
