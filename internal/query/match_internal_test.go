package query

import (
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

func TestConditionsAreReadByTheRulesOfMatching(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		vr      dicom.VR
		text    string
		kind    index.Kind // 0: asks nothing
		matches []string
		not     []string
	}{
		{dicom.VRPN, "", 0, nil, nil}, // PS3.4 C.2.2.2.3
		{dicom.VRPN, "Müller^Änne", index.Equal, []string{"MULLER^ANNE", "müller^änne"}, []string{"Müller", "Müller^Änne^"}}, // C.2.2.2.1
		{dicom.VRUI, `1.2\1.3`, index.Equal, []string{"1.2", "1.3"}, []string{"1.2.3", ""}},                                  // C.2.2.2.2
		{dicom.VRCS, `ORIGINAL\PRIMARY`, index.Equal, []string{`ORIGINAL\PRIMARY`, `DERIVED\PRIMARY\AXIAL`}, []string{`DERIVED\SECONDARY`, ""}},
		{dicom.VRPN, "*", index.Present, []string{"", "x"}, nil},
		{dicom.VRPN, "mu*^a?ne", index.Wild, []string{"Müller^Änne", "mu^anne"}, []string{"Müller^Ane", "xmu^anne"}}, // C.2.2.2.4
		{dicom.VRLO, "*[a]*", index.Wild, []string{"x[A]y"}, []string{"a"}},
		{dicom.VRLO, "a*b*c", index.Wild, []string{"abc", "axbxbc"}, []string{"abcd", "acb"}},
		{dicom.VRLO, "山?", index.Wild, []string{"山田"}, []string{"山", "山田山"}},
		{dicom.VRDA, "20200101-20201231", index.Between, []string{"20200101", "20200615", "20201231"}, []string{"20191231", "20210101"}}, // C.2.2.2.5
		{dicom.VRDA, "-20200101", index.Between, []string{"", "19990101", "20200101"}, []string{"20200102"}},
		{dicom.VRTM, "10-", index.Between, []string{"10", "101530.5", "235959"}, []string{"095959"}},
		{dicom.VRDA, "-", 0, nil, nil},
		{dicom.VRLO, "a-b", index.Equal, []string{"A-B"}, []string{"a"}},
	} {
		m, ok, err := NewMatch(0x00100010, c.vr, c.text, false)
		if err != nil || ok != (c.kind != 0) || ok && m.Kind != c.kind {
			t.Errorf("%v %q: kind %d, %v, %v", c.vr, c.text, m.Kind, ok, err)
			continue
		}
		for _, v := range c.matches {
			if !matches(&m, v) {
				t.Errorf("%v %q does not match %q", c.vr, c.text, v)
			}
		}
		for _, v := range c.not {
			if matches(&m, v) {
				t.Errorf("%v %q matches %q", c.vr, c.text, v)
			}
		}
	}
}

func TestCaseCountsWhenAskedTo(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"Éric", "É?ic", "É*"} {
		m, _, err := NewMatch(0x00100010, dicom.VRPN, pattern, true)
		if err != nil || !matches(&m, "Éric") || matches(&m, "éric") || matches(&m, "Eric") {
			t.Errorf("%q tells case and accents not apart (%v)", pattern, err)
		}
	}
}

func TestSomeVRsHaveNoWildcards(t *testing.T) {
	t.Parallel()
	for _, vr := range []dicom.VR{dicom.VRUI, dicom.VRDA, dicom.VRIS, dicom.VRUS, dicom.VRSQ, dicom.VRAS} {
		if _, _, err := NewMatch(dicom.TagStudyInstanceUID, vr, "1.2*", false); err == nil {
			t.Errorf("%v takes wildcards", vr)
		}
	}
	if _, _, err := NewMatch(dicom.TagStudyDate, dicom.VRDA, "2020-*", false); err == nil {
		t.Error("a range of dates takes wildcards")
	}
	if _, _, err := NewMatch(0x00081140, dicom.VRSQ, "x", false); err == nil {
		t.Error("a sequence takes a text")
	}
}

func TestSequencesMatchByOneItem(t *testing.T) {
	t.Parallel()
	tags, err := parseTags([]byte(`{"0008,1140": [{"0008,1150": "1", "0008,1155": "2"}, {"0008,1150": "3", "0008,1155": "4"}],
		"0010,0010": "x"}`))
	if err != nil {
		t.Fatal(err)
	}
	is := func(tag dicom.Tag, v string) Condition {
		return Condition{Tag: tag, Match: index.Match{Kind: index.Equal, Values: []string{v}}}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1", "2", true}, {"3", "4", true}, {"1", "4", false}} {
		condition := []Condition{{Tag: 0x00081140, Items: []Condition{is(0x00081150, c.a), is(0x00081155, c.b)}}}
		if got := holds(condition, tags); got != c.want {
			t.Errorf("one item with %s and %s: %v", c.a, c.b, got)
		}
	}
	if holds([]Condition{is(0x00081140, "1")}, tags) || holds([]Condition{{Tag: 0x00100010, Items: []Condition{is(1, "x")}}}, tags) {
		t.Error("a sequence is matched as a text, or a text as a sequence")
	}
}

// A pattern of many stars must not take forever.
func TestManyStarsEnd(t *testing.T) {
	t.Parallel()
	pattern, value := "", ""
	for range 2000 {
		pattern += "*a"
		value += "a"
	}
	if wild(pattern+"b", value, true) {
		t.Error("matches")
	}
}
