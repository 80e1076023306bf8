package charset_test

import (
	"errors"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
)

// As seen in the field: the right term, another spelling of it, or another world's name.
func TestSpellingsOfTerms(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		text  string
		terms []string
	}{
		"é": {"\xe9", []string{"ISO_IR 100", "ISO-IR 100", "ISO_IR_100", "ISO IR 100", "ISOIR100", "iso_ir 100", " ISO_IR 100 ",
			"ISO_IR 100\x00", "ISO 2022 IR 100", "ISO_2022_IR_100", "ISO2022 IR 100", "2022 IR 100", "IR 100", "100",
			"latin1", "Latin-1", "ISO-8859-1", "ISO8859-1", "ISO_8859-1", "windows-1252"}},
		"щ": {"\xe9", []string{"ISO_IR 144", "ISO-8859-5", "Cyrillic"}},
		"й": {"\xe9", []string{"windows-1251", "CP1251"}},
		"王": {"\xcd\xf5", []string{"GB18030", "GBK", "ISO 2022 GBK", "ISO 2022 GB18030", "ISO_IR 58", "ISO 2022 IR 58", "ISO 2022 58", "GB2312"}},
		"小": {"小", []string{"ISO_IR 192", "ISO IR 192", "ISO 2022 IR 192", "UTF-8", "utf8", "ISO-10646-UTF-8"}},
		"홍": {"\xc8\xab", []string{"ISO 2022 IR 149", "ISO_IR 149", "ISO-2022-KR", "EUC-KR", "KSC5601"}},
		"山": {"\x1b$B;3", []string{"ISO 2022 IR 87", "ISO_IR 87", "ISO-2022-JP", "ISO 2022 IR 159"}},
		"ﾔ": {"\xd4", []string{"ISO_IR 13", "ISO 2022 IR 13", "Shift_JIS"}},
		"ส": {"\xca", []string{"ISO_IR 166", "TIS-620"}},
		"a": {"a", []string{"", " ", "ISO_IR 6", "ISO 2022 IR 6", "US-ASCII", "ASCII"}},
	} {
		for _, term := range c.terms {
			d, err := charset.New([]string{term})
			if err != nil {
				t.Error(err)
			}
			if got := d.Decode([]byte(c.text), dicom.VRLO); got != want {
				t.Errorf("%q: %q, want %q", term, got, want)
			}
		}
	}
}

func TestDefaultEncodingsOfOrthanc(t *testing.T) {
	t.Parallel()
	names := strings.Fields("Ascii Utf8 Latin1 Latin2 Latin3 Latin4 Latin5 Latin9 Cyrillic Windows1251 Arabic Greek " +
		"Hebrew Thai Japanese JapaneseKanji Chinese SimplifiedChinese Korean")
	for _, name := range names {
		term, err := charset.Default(name)
		if err != nil {
			t.Error(err)
		}
		if _, err := charset.New([]string{term}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if term, _ := charset.Default("LATIN1"); term != "ISO_IR 100" {
		t.Errorf("LATIN1: %q", term)
	}
	_, err := charset.Default("Klingon")
	var wrong *charset.NameError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "Latin1") {
		t.Errorf("%v", err)
	}
	for _, name := range names {
		if short := strings.TrimRight(name, "2345"); !strings.Contains(err.Error(), short) {
			t.Errorf("the error does not name %s", name)
		}
	}
}
