package dicom_test

import (
	"errors"
	"testing"

	"gantry/internal/dicom"
)

func TestParseTag(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0040,A730", "(0040,A730)", "0040A730", "0040a730", "(0040,a730)"} {
		if tag, err := dicom.ParseTag(s); err != nil || tag != 0x0040A730 {
			t.Errorf("ParseTag(%q) = %v, %v", s, tag, err)
		}
	}
	for _, s := range []string{"", "0040,A73", "0040,A7300", "(0040,A730", "(0040A730)", "0040-A730", "+040A730", "0x40A730", "0040_A730", "PatientName"} {
		if tag, err := dicom.ParseTag(s); !errors.Is(err, dicom.ErrTag) {
			t.Errorf("ParseTag(%q) = %v, %v; want ErrTag", s, tag, err)
		}
	}
}

func TestTagParts(t *testing.T) {
	t.Parallel()
	tag := dicom.NewTag(0x0029, 0x10AB)
	if tag.Group() != 0x0029 || tag.Element() != 0x10AB || tag.String() != "(0029,10AB)" {
		t.Errorf("%04X %04X %v", tag.Group(), tag.Element(), tag)
	}
}

// PS3.5 7.2, 7.8
func TestKindsOfTags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag                           dicom.Tag
		private, creator, groupLength bool
		owner                         dicom.Tag // 0: none
	}{
		{tag: dicom.TagPatientName},
		{tag: 0x00080000, groupLength: true},
		{tag: 0x00290000, private: true, groupLength: true},
		{tag: 0x00290001, private: true},
		{tag: 0x0029000F, private: true},
		{tag: 0x00290010, private: true, creator: true},
		{tag: 0x002900FF, private: true, creator: true},
		{tag: 0x00290100, private: true},
		{tag: 0x00290FFF, private: true},
		{tag: 0x00291000, private: true, owner: 0x00290010},
		{tag: 0x0029FFAB, private: true, owner: 0x002900FF},
		{tag: 0x00281001},
	} {
		if c.tag.IsPrivate() != c.private || c.tag.IsPrivateCreator() != c.creator || c.tag.IsGroupLength() != c.groupLength {
			t.Errorf("%v: private %v, creator %v, group length %v", c.tag, c.tag.IsPrivate(), c.tag.IsPrivateCreator(), c.tag.IsGroupLength())
		}
		if owner, ok := c.tag.Creator(); owner != c.owner || ok != (c.owner != 0) {
			t.Errorf("%v: owner %v, %v", c.tag, owner, ok)
		}
	}
}
