package charset_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
)

// FuzzDecode: whatever the term and the bytes, the text is valid UTF-8 of bounded size, control characters stay,
// and ASCII without an escape character is not touched unless the repertoire says so.
func FuzzDecode(f *testing.F) {
	for _, specific := range []string{"", "ISO_IR 100", "ISO_IR 13", "ISO_IR 192", "GB18030", "GBK", "Shift_JIS", "KLINGON",
		`\ISO 2022 IR 87\ISO 2022 IR 159`, `ISO 2022 IR 13\ISO 2022 IR 149\ISO 2022 IR 58`, `ISO 2022 IR 100\ISO_IR 192`} {
		for _, text := range []string{"Smith^John", "\xc4neas\\~", "\x1b$B;3ED\x1b(B^\x1b$(D\x30\x21", "\x1b$)C\xfb\xf3=\x1b$)A\xd5", "王\r\n\x81\x30\x81\x30", "\x1b\x1b-L\xbb\x1b"} {
			f.Add(specific, []byte(text), uint16(dicom.VRPN))
			f.Add(specific, []byte(text), uint16(dicom.VRLT))
		}
	}
	f.Fuzz(func(t *testing.T, specific string, text []byte, vr uint16) {
		d, _ := charset.New(strings.Split(specific, `\`))
		got := d.Decode(text, dicom.VR(vr))
		if !utf8.ValidString(got) || len(got) > 4*len(text) {
			t.Errorf("%q under %q: %q", text, specific, got)
		}
		if strings.Count(got, "\n") != strings.Count(string(text), "\n") {
			t.Errorf("%q under %q: %q: lines were lost", text, specific, got)
		}
		charset.Fold(got)
		d.Values(text, dicom.VR(vr))
	})
}
