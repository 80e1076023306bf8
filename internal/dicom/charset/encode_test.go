package charset_test

import (
	"errors"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
)

func TestEncodeIsReadBack(t *testing.T) {
	t.Parallel()
	for term, text := range map[string]string{
		"": "Smith^John", "ISO_IR 100": "Äneas^Rüdiger", "ISO_IR 101": "Wałęsa", "ISO_IR 109": "Ĥamrun", "ISO_IR 110": "Šiauliai",
		"ISO_IR 144": "Люкceмбypг", "ISO_IR 127": "قباني", "ISO_IR 126": "Διονυσιος", "ISO_IR 138": "שרון", "ISO_IR 148": "İstanbul",
		"ISO_IR 203": "€ Œœ", "ISO_IR 13": "ﾔﾏﾀﾞ^¥‾", "ISO_IR 166": "สมชาย", "ISO_IR 192": "王^小東", "GB18030": "王^小东 ᠠ", "GBK": "王^小东",
		"windows-1251": "Пётр",
	} {
		b, err := charset.Encode(term, text)
		if err != nil {
			t.Errorf("%s: %v", term, err)
		}
		d, _ := charset.New([]string{term})
		if got := d.Decode(b, dicom.VRLT); got != text {
			t.Errorf("%s: %q, want %q", term, got, text)
		}
	}
}

func TestEncodeOfWhatARepertoireLacks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ term, text, want string }{
		{"ISO_IR 100", "a王b小", "a?b?"},
		{"ISO_IR 6", "éa§", "?a?"},
		{"GBK", "aᠠb\U0001F600", "a?b?"},
		{"ISO_IR 13", "山~", "??"},
		{"windows-1251", "Πа王", "?\xe0?"},
	} {
		b, err := charset.Encode(c.term, c.text)
		var missing *charset.EncodeError
		if !errors.As(err, &missing) || missing.Count != 2 || missing.Error() == "" || string(b) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.term, b, err, c.want)
		}
	}
	for _, term := range []string{"ISO 2022 IR 87", "ISO 2022 IR 149", "ISO 2022 IR 58", "ISO 2022 IR 159"} {
		if _, err := charset.Encode(term, "a"); !errors.Is(err, charset.ErrNoEncoder) {
			t.Errorf("%s: %v", term, err)
		}
	}
	var unknown *charset.UnknownError
	if _, err := charset.Encode("KLINGON", "a"); !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
	if b, err := charset.Encode("ISO_IR 192", "a\xff"); err != nil || string(b) != "a\uFFFD" {
		t.Errorf("%q, %v", b, err)
	}
}
