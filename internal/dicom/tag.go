package dicom

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Tag names a data element: the group in the upper, the element in the lower sixteen bits (PS3.5 7.1).
// Tags compare and sort as data elements do in a data set.
type Tag uint32

// ErrTag is what errors of ParseTag wrap.
var ErrTag = errors.New("not a tag")

// NewTag returns the tag (group,element).
func NewTag(group, element uint16) Tag { return Tag(group)<<16 | Tag(element) }

// ParseTag reads "0008,0018", "(0008,0018)" or "00080018", in either case of the hexadecimal digits.
func ParseTag(s string) (Tag, error) {
	h := s
	if len(h) == 11 && h[0] == '(' && h[10] == ')' {
		h = h[1:10]
	}
	if len(h) == 9 && h[4] == ',' {
		h = h[:4] + h[5:]
	}
	v, err := strconv.ParseUint(h, 16, 32)
	if err != nil || len(h) != 8 || strings.ContainsAny(h, "+-_") {
		return 0, fmt.Errorf("dicom: %w: %.40q: write it as gggg,eeee in hexadecimal", ErrTag, s)
	}
	return Tag(v), nil
}

// Group returns the group number.
func (t Tag) Group() uint16 { return uint16(t >> 16) }

// Element returns the element number.
func (t Tag) Element() uint16 { return uint16(t) }

// String returns the tag as the standard writes it, "(0008,0018)".
func (t Tag) String() string {
	return string(t.Append(make([]byte, 0, 11)))
}

// Append appends the text of String to b.
func (t Tag) Append(b []byte) []byte {
	const digits = "0123456789ABCDEF"
	b = append(b, '(')
	for shift := 28; shift >= 0; shift -= 4 {
		if shift == 12 {
			b = append(b, ',')
		}
		b = append(b, digits[t>>shift&0xF])
	}
	return append(b, ')')
}

// IsPrivate reports whether the group number is odd (PS3.5 7.8).
func (t Tag) IsPrivate() bool { return t&0x00010000 != 0 }

// IsPrivateCreator reports whether the element reserves a block of its private group, (gggg,0010-00FF) (PS3.5 7.8.1).
func (t Tag) IsPrivateCreator() bool {
	e := t.Element()
	return t.IsPrivate() && 0x0010 <= e && e <= 0x00FF
}

// IsGroupLength reports whether the element number is 0000 (PS3.5 7.2).
func (t Tag) IsGroupLength() bool { return t.Element() == 0 }

// Creator returns the tag of the element that names the owner of a private element's block,
// and false when t is not an element of such a block.
func (t Tag) Creator() (Tag, bool) {
	if !t.IsPrivate() || t.Element() < 0x1000 {
		return 0, false
	}
	return t&0xFFFF0000 | t&0xFF00>>8, true
}
