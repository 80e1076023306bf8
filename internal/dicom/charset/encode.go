package charset

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// ErrNoEncoder is returned for repertoires that this package reads but does not write:
// those with two bytes to a character and code extensions.
var ErrNoEncoder = errors.New("charset: this repertoire is read but not written: choose ISO_IR 192")

// EncodeError tells of characters that a repertoire does not have. A question mark stands in their place.
type EncodeError struct {
	Term  string
	First rune // the first of them
	Count int
}

// Error names the first character and the term.
func (e *EncodeError) Error() string {
	return fmt.Sprintf("charset: %q and %d more characters are not in %s", e.First, e.Count-1, e.Term)
}

// Encode turns UTF-8 text into the repertoire of one term of Specific Character Set, or what Default returns.
// With an *EncodeError the bytes are good for use, with an *UnknownError or ErrNoEncoder there are none.
func Encode(term, text string) ([]byte, error) {
	t, ok := parseTerm(term)
	switch {
	case !ok:
		return nil, &UnknownError{[]string{term}}
	case t.right.double() || t.escaped:
		return nil, ErrNoEncoder
	case t.whole == wholeUTF8:
		return []byte(validUTF8([]byte(text))), nil
	}
	encode, missing := encodeSingle, EncodeError{Term: term}
	if t.whole != wholeNone {
		encode = encodeWhole
	}
	b := encode(t, text, &missing)
	if missing.Count > 0 {
		return b, &missing
	}
	return b, nil
}

func (e *EncodeError) add(r rune) {
	if e.Count == 0 {
		e.First = r
	}
	e.Count++
}

func encodeSingle(t term, text string, missing *EncodeError) []byte {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		c, ok := t.encode(r)
		if !ok {
			missing.add(r)
			c = '?'
		}
		out = append(out, c)
	}
	return out
}

// encode returns the code of a character in the left or right half.
func (t term) encode(r rune) (byte, bool) {
	switch {
	case t.left == setRomaji && r == '¥':
		return '\\', true
	case t.left == setRomaji && r == '‾':
		return '~', true
	case r < 0x80:
		return byte(r), t.left != setRomaji || r != '~'
	case t.right == setKatakana && '｡' <= r && r <= 'ﾟ':
		return byte(r - '｡' + 0xA1), true
	}
	table := t.right.table()
	if table == nil {
		return 0, false
	}
	c, ok := table.EncodeRune(r)
	return c, ok && c >= 0xA0
}

func encodeWhole(t term, text string, missing *EncodeError) []byte {
	var out []byte
	encoder := encoding.Encoder{Transformer: t.whole.encoding().NewEncoder()}
	var buf [256]byte
	for src := []byte(text); len(src) > 0; {
		nDst, nSrc, err := encoder.Transform(buf[:], src, true)
		out = append(out, buf[:nDst]...)
		src = src[nSrc:]
		if err != nil && !errors.Is(err, transform.ErrShortDst) && len(src) > 0 {
			r, n := utf8.DecodeRune(src)
			missing.add(r)
			out = append(out, '?')
			src = src[n:]
		}
	}
	return out
}
