package dicom

import (
	"encoding/binary"
	"strings"
)

// padding is what surrounds values without being part of them: spaces by the standard, NUL for UI,
// and by many writers for other strings too.
const padding = " \x00"

// String returns the value of an element without its padding, "" when it is absent. Bytes outside ASCII
// are as they came: package charset turns them into UTF-8. Leading spaces count in LT, ST and UT only.
func (d *Dataset) String(t Tag) string {
	e := d.Get(t)
	if e == nil {
		return ""
	}
	return trim(string(e.Value), e.VR)
}

// Strings returns the values of an element without their padding, nil when it is absent or empty. Values are
// parted at backslashes, which is not right for text in a multi-byte repertoire that has that byte
// in its characters: package charset knows.
func (d *Dataset) Strings(t Tag) []string {
	e := d.Get(t)
	if e == nil || len(e.Value) == 0 {
		return nil
	}
	if e.VR.IsString() && !e.VR.Multivalued() {
		return []string{trim(string(e.Value), e.VR)}
	}
	values := strings.Split(string(e.Value), `\`)
	for i, v := range values {
		values[i] = trim(v, e.VR)
	}
	return values
}

func trim(s string, vr VR) string {
	switch vr {
	case VRLT, VRST, VRUT:
		return strings.TrimRight(s, padding)
	}
	return strings.Trim(s, padding)
}

// UID returns the value of an element as a UID, "" when it is absent.
func (d *Dataset) UID(t Tag) UID { return UID(d.String(t)) }

// Uint16 returns the first number of a US element (or the bits of an SS element), and false when there is none.
func (d *Dataset) Uint16(t Tag) (uint16, bool) {
	e := d.Get(t)
	if e == nil || len(e.Value) < 2 {
		return 0, false
	}
	return d.order().Uint16(e.Value), true
}

// Uint32 returns the first number of a UL element (or the bits of an SL element), and false when there is none.
func (d *Dataset) Uint32(t Tag) (uint32, bool) {
	e := d.Get(t)
	if e == nil || len(e.Value) < 4 {
		return 0, false
	}
	return d.order().Uint32(e.Value), true
}

// Tags returns the tags that an AT element lists.
func (d *Dataset) Tags(t Tag) []Tag {
	e := d.Get(t)
	if e == nil {
		return nil
	}
	var tags []Tag
	for v := e.Value; len(v) >= 4; v = v[4:] {
		tags = append(tags, NewTag(d.order().Uint16(v), d.order().Uint16(v[2:])))
	}
	return tags
}

// SetString sets an element to the values given, joined by backslashes and padded to an even length.
func (d *Dataset) SetString(t Tag, vr VR, values ...string) {
	b := []byte(strings.Join(values, `\`))
	if len(b)%2 == 1 {
		b = append(b, vr.PadByte())
	}
	d.Set(Element{Tag: t, VR: vr, Value: b})
}

// SetUID sets a UI element.
func (d *Dataset) SetUID(t Tag, uid UID) { d.SetString(t, VRUI, string(uid)) }

// SetUint16 sets a US element.
func (d *Dataset) SetUint16(t Tag, v uint16) {
	d.Set(Element{Tag: t, VR: VRUS, Value: d.order().AppendUint16(nil, v)})
}

// SetUint32 sets a UL element.
func (d *Dataset) SetUint32(t Tag, v uint32) {
	d.Set(Element{Tag: t, VR: VRUL, Value: d.order().AppendUint32(nil, v)})
}

// SetTags sets an AT element.
func (d *Dataset) SetTags(t Tag, tags ...Tag) {
	var b []byte
	for _, v := range tags {
		b = d.order().AppendUint16(b, v.Group())
		b = d.order().AppendUint16(b, v.Element())
	}
	d.Set(Element{Tag: t, VR: VRAT, Value: b})
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (d *Dataset) order() byteOrder {
	if d.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
