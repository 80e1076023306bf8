package dicom_test

import (
	"slices"
	"testing"

	"gantry/internal/dicom"
)

func TestSetKeepsTheOrderOfTags(t *testing.T) {
	t.Parallel()
	var d dicom.Dataset
	d.SetString(dicom.TagPatientID, dicom.VRLO, "4711")
	d.SetUID(dicom.TagSOPInstanceUID, "1.2.3")
	d.SetUint16(dicom.TagRows, 512)
	d.SetItems(dicom.TagReferencedSOPSequence, new(dicom.Dataset), new(dicom.Dataset))
	d.SetString(dicom.TagPatientID, dicom.VRLO, "4712") // in place of the first
	var tags []dicom.Tag
	for _, e := range d.Elements {
		tags = append(tags, e.Tag)
	}
	want := []dicom.Tag{dicom.TagSOPInstanceUID, dicom.TagReferencedSOPSequence, dicom.TagPatientID, dicom.TagRows}
	if !slices.Equal(tags, want) {
		t.Errorf("%v, want %v", tags, want)
	}
	if d.String(dicom.TagPatientID) != "4712" || d.UID(dicom.TagSOPInstanceUID) != "1.2.3" || len(d.Items(dicom.TagReferencedSOPSequence)) != 2 {
		t.Errorf("%+v", d)
	}
	d.Remove(dicom.TagPatientID)
	if d.Get(dicom.TagPatientID) != nil || len(d.Elements) != 3 {
		t.Error("element not removed")
	}
}

// PS3.5 6.2: padding to an even length, with NUL for UI and space for other strings.
func TestSetStringPads(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		vr     dicom.VR
		values []string
		want   string
	}{
		{dicom.VRUI, []string{"1.2.3"}, "1.2.3\x00"},
		{dicom.VRLO, []string{"abc"}, "abc "},
		{dicom.VRLO, []string{"abc", "de"}, `abc\de`},
		{dicom.VRLO, nil, ""},
	} {
		var d dicom.Dataset
		d.SetString(dicom.TagImageType, c.vr, c.values...)
		if got := string(d.Get(dicom.TagImageType).Value); got != c.want {
			t.Errorf("%v %q: %q, want %q", c.vr, c.values, got, c.want)
		}
	}
}

func TestStringsLoseTheirPadding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		vr     dicom.VR
		value  string
		want   string
		values []string
	}{
		{dicom.VRUI, "1.2.3\x00", "1.2.3", []string{"1.2.3"}},
		{dicom.VRUI, "1.2.3 ", "1.2.3", []string{"1.2.3"}},
		{dicom.VRCS, ` ORIGINAL \PRIMARY `, `ORIGINAL \PRIMARY`, []string{"ORIGINAL", "PRIMARY"}},
		{dicom.VRLT, `  leading\kept `, `  leading\kept`, []string{`  leading\kept`}},
		{dicom.VRLO, "", "", nil},
		{dicom.VRLO, " ", "", []string{""}},
		{dicom.VRUN, `a\b `, `a\b`, []string{"a", "b"}},
	} {
		d := dicom.Dataset{Elements: []dicom.Element{{Tag: dicom.TagImageType, VR: c.vr, Value: []byte(c.value)}}}
		if got := d.String(dicom.TagImageType); got != c.want {
			t.Errorf("%v %q: %q, want %q", c.vr, c.value, got, c.want)
		}
		if got := d.Strings(dicom.TagImageType); !slices.Equal(got, c.values) {
			t.Errorf("%v %q: %q, want %q", c.vr, c.value, got, c.values)
		}
	}
}

func TestNumbersInBothByteOrders(t *testing.T) {
	t.Parallel()
	for _, big := range []bool{false, true} {
		d := dicom.Dataset{BigEndian: big}
		d.SetUint16(dicom.TagRows, 0x0102)
		d.SetUint32(dicom.TagCommandGroupLength, 0x01020304)
		d.SetTags(dicom.TagOffendingElement, dicom.TagPatientName, dicom.TagPatientID)
		if v, ok := d.Uint16(dicom.TagRows); !ok || v != 0x0102 {
			t.Errorf("big endian %v: %04X", big, v)
		}
		if v, ok := d.Uint32(dicom.TagCommandGroupLength); !ok || v != 0x01020304 {
			t.Errorf("big endian %v: %08X", big, v)
		}
		if v := d.Tags(dicom.TagOffendingElement); !slices.Equal(v, []dicom.Tag{dicom.TagPatientName, dicom.TagPatientID}) {
			t.Errorf("big endian %v: %v", big, v)
		}
		if first := d.Get(dicom.TagRows).Value[0]; (first == 1) != big {
			t.Errorf("big endian %v: first byte %d", big, first)
		}
	}
}

func TestAbsentAndShortElements(t *testing.T) {
	t.Parallel()
	d := dicom.Dataset{Elements: []dicom.Element{{Tag: dicom.TagRows, VR: dicom.VRUS, Value: []byte{1}}}}
	for _, tag := range []dicom.Tag{dicom.TagRows, dicom.TagColumns} {
		if _, ok := d.Uint16(tag); ok {
			t.Errorf("%v has a number", tag)
		}
		if _, ok := d.Uint32(tag); ok {
			t.Errorf("%v has a number", tag)
		}
		if d.Tags(tag) != nil || d.Items(tag) != nil {
			t.Errorf("%v has tags or items", tag)
		}
	}
	if d.String(dicom.TagColumns) != "" || d.Strings(dicom.TagColumns) != nil || d.UID(dicom.TagColumns) != "" {
		t.Error("an absent element has a value")
	}
}
