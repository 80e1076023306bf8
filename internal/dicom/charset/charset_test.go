package charset_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
)

// decode decodes under the values of Specific Character Set, joined by backslashes.
func decode(t *testing.T, specific, text string, vr dicom.VR) string {
	t.Helper()
	d, err := charset.New(strings.Split(specific, `\`))
	if err != nil {
		t.Fatal(err)
	}
	return d.Decode([]byte(text), vr)
}

func TestSingleRepertoires(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ specific, text, want string }{ // PS3.3 table C.12-2
		{"", "Smith^John", "Smith^John"},
		{"ISO_IR 100", "\xc4neas^R\xfcdiger", "Äneas^Rüdiger"},
		{"ISO_IR 101", "Wa\xb3\xeasa", "Wałęsa"},
		{"ISO_IR 109", "\xa6amrun", "Ĥamrun"},
		{"ISO_IR 110", "\xa9iauliai", "Šiauliai"},
		{"ISO_IR 144", "\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг"},
		{"ISO_IR 127", "\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"},
		{"ISO_IR 126", "\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"},
		{"ISO_IR 138", "\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"},
		{"ISO_IR 148", "\xddstanbul", "İstanbul"},
		{"ISO_IR 203", "\xa4 \xbc\xbd", "€ Œœ"},
		{"ISO_IR 13", "\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"},
		{"ISO_IR 166", "\xca\xc1\xaa\xd2\xc2", "สมชาย"},
		{"ISO_IR 192", "Wang^XiaoDong=王^小東=", "Wang^XiaoDong=王^小東="},
		{"GB18030", "Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东="},
		{"GB18030", "\x81\x30\x81\x30", "\u0080"}, // four bytes
		{"GBK", "\xcd\xf5^\xd0\xa1\xb6\xab", "王^小东"},
		{"GBK", "\x81\x5c\\\x81\x5e", "乗\\乛"}, // 5C and 5E as second bytes
		{"windows-1251", "\xcf\xb8\xf2\xf0", "Пётр"},
	} {
		if got := decode(t, c.specific, c.text, dicom.VRPN); got != c.want {
			t.Errorf("%s: %q, want %q", c.specific, got, c.want)
		}
	}
}

// PS3.5 H.3, I.2, J.1, K.2 and PS3.3 C.12.1.1.2
func TestCodeExtensions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ specific, text, want string }{
		{`\ISO 2022 IR 87`, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "Yamada^Tarou=山田^太郎=やまだ^たろう"},
		{`ISO 2022 IR 13\ISO 2022 IR 87`, "\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"},
		{`\ISO 2022 IR 149`, "Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf", "Hong^Gildong=洪^吉洞=홍^길동"},
		{`\ISO 2022 IR 58`, "Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="},
		{`\ISO 2022 IR 87\ISO 2022 IR 159`, "\x1b$(D\x30\x21\x1b(B", "丂"},
		{`ISO 2022 IR 100\ISO 2022 IR 144`, "\xc4\x1b-L\xbb\xee\x1b-A\xc4", "ÄЛюÄ"},
		{`ISO 2022 IR 6\ISO 2022 IR 126\ISO 2022 IR 127\ISO 2022 IR 138`, "\x1b-F\xc4 \x1b-G\xe2 \x1b-H\xf9", "Δ ق ש"},
		{`\ISO 2022 IR 101\ISO 2022 IR 109\ISO 2022 IR 110\ISO 2022 IR 148\ISO 2022 IR 166\ISO 2022 IR 203`, "\x1b-B\xb3\x1b-C\xa6\x1b-D\xa9\x1b-M\xdd\x1b-T\xca\x1b-b\xa4", "łĤŠİส€"},
		{`\ISO 2022 IR 13`, "\x1b)I\xd4\xcf", "ﾔﾏ"},
	} {
		if got := decode(t, c.specific, c.text, dicom.VRPN); got != c.want {
			t.Errorf("%s: %q, want %q", c.specific, got, c.want)
		}
	}
}

// PS3.5 6.1.2.5.3: where the initial sets come back.
func TestInitialSetsComeBack(t *testing.T) {
	t.Parallel()
	const specific = `ISO 2022 IR 100\ISO 2022 IR 144`
	for _, c := range []struct {
		vr         dicom.VR
		text, want string
	}{
		{dicom.VRPN, "\x1b-L\xbb^\xc4=\xc4", "Л^Ä=Ä"},
		{dicom.VRPN, "\x1b-L\xbb=\xc4", "Л=Ä"},
		{dicom.VRPN, "\x1b-L\xbb\\\xc4", `Л\Ä`},
		{dicom.VRLO, "\x1b-L\xbb\\\xc4", `Л\Ä`},
		{dicom.VRUC, "\x1b-L\xbb\\\xc4", `Л\Ä`},
		{dicom.VRLO, "\x1b-L\xbb^\xbb=\xbb", "Л^Л=Л"},
		{dicom.VRLT, "\x1b-L\xbb\\\xbb", `Л\Л`},
		{dicom.VRLT, "\x1b-L\xbb\r\n\xc4", "Л\r\nÄ"},
		{dicom.VRUT, "\x1b-L\xbb\f\xc4", "Л\fÄ"},
		{dicom.VRST, "\x1b-L\xbb\t\xc4", "Л\tÄ"},
		{dicom.VRST, "\x1b-L\xbb \xbb", "Л Л"},
	} {
		if got := decode(t, specific, c.text, c.vr); got != c.want {
			t.Errorf("%v %q: %q, want %q", c.vr, c.text, got, c.want)
		}
	}
}

// Bytes of delimiters are parts of characters while a set of two bytes is in G0.
func TestDelimitersInsideTwoByteCharacters(t *testing.T) {
	t.Parallel()
	d, _ := charset.New([]string{"", "ISO 2022 IR 87"})
	text := []byte("\x1b$B=U\\k^<\x1b(B\\\x1b$B=U\x1b(B^A")
	if got, want := d.Values(text, dicom.VRPN), []string{"春樣渕", "春^A"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	d, _ = charset.New([]string{"GBK"})
	if got := d.Values([]byte("\x81\x5c\\b"), dicom.VRLO); len(got) != 2 || got[1] != "b" {
		t.Errorf("%q", got)
	}
}

func TestTextThatBreaksTheRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, specific, text, want string }{
		{"escape sequence not declared", "ISO_IR 100", "\xc4 \x1b$B;3ED\x1b(B", "Ä 山田"},
		{"nor under the default repertoire", "", "\x1b$)C\xc8\xab", "홍"},
		{"nor under UTF-8", "ISO_IR 192", "\x1b$B;3ED\x1b(B", "山田"},
		{"escape sequence forgotten", `\ISO 2022 IR 149`, "\xc8\xab^\xb1\xe6", "홍^길"},
		{"or after a delimiter", `\ISO 2022 IR 100`, "\x1b-A\xc4^\xc4", "Ä^Ä"},
		{"sole value of two bytes", "ISO 2022 IR 149", "\xc8\xab", "홍"},
		{"not switched back before ^", `\ISO 2022 IR 87`, "\x1b$B;3ED^\x1b$BB@O:", "山田^太郎"},
		{"older escape sequence", `\ISO 2022 IR 87`, "\x1b$@;3ED\x1b(B", "山田"},
		{"two bytes in the other half", "", "\x1b$A\x55\x45\x1b(B \x1b$(C\x48\x2b\x1b(B", "张 홍"},
		{"unknown escape sequence", "ISO_IR 100", "a\x1b%Gb", "a\x1b%Gb"},
		{"escape at the end", "ISO_IR 100", "\xc4\x1b", "Ä\x1b"},
		{"escape sequence cut off", "ISO_IR 100", "\xc4\x1b$", "Ä\x1b$"},
		{"half a character", `\ISO 2022 IR 149`, "\x1b$)C\xc8", "\uFFFD"},
		{"half a character in G0", `\ISO 2022 IR 87`, "\x1b$B;", "\uFFFD"},
		{"code not in use", "ISO_IR 126", "\xff", "\uFFFD"},
		{"high byte under the default repertoire", "", "a\xc4b", "a\uFFFDb"},
		{"high byte under ISO_IR 6", "ISO_IR 6", "a\xc4b", "a\uFFFDb"},
		{"broken UTF-8", "ISO_IR 192", "a\xc4b\xe7\x8e", "a\uFFFDb\uFFFD\uFFFD"},
		{"broken GB18030", "GB18030", "a\xff", "a\uFFFD"},
		{"control character of the right half", "ISO_IR 100", "a\x85b", "a\u0085b"},
		{"and with two bytes", "ISO 2022 IR 149", "a\x85b", "a\uFFFDb"},
		{"UTF-8 among code extensions", `ISO 2022 IR 100\ISO_IR 192`, "王", "王"},
		{"and not UTF-8", `ISO 2022 IR 100\ISO_IR 192`, "\xc4", "Ä"},
		{"UTF-8 beside the default repertoire", `ISO 2022 IR 6\ISO_IR 192`, "王\xc4", "王\uFFFD"},
		{"GB18030 with code extensions", `GB18030\ISO 2022 IR 100`, "\xcd\xf5", "王"},
		{"empty value in the middle", `ISO 2022 IR 100\\ISO 2022 IR 144`, "\xc4", "Ä"},
	} {
		if got := decode(t, c.specific, c.text, dicom.VRPN); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// ISO_IR 13 has a yen sign and an overline where ASCII has backslash and tilde; the backslash still delimits.
func TestRomaji(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		vr         dicom.VR
		text, want string
	}{
		{dicom.VRLT, `a\b~`, "a¥b‾"},
		{dicom.VRLO, `a\b~`, `a\b‾`},
		{dicom.VRLO, `a\b`, `a\b`},
		{dicom.VRUR, `http://x/~a`, `http://x/~a`},
		{dicom.VRCS, `A\B`, `A\B`},
	} {
		if got := decode(t, "ISO_IR 13", c.text, c.vr); got != c.want {
			t.Errorf("%v: %q, want %q", c.vr, got, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	d, _ := charset.New([]string{"ISO_IR 100"})
	for _, c := range []struct {
		vr   dicom.VR
		text string
		want []string
	}{
		{dicom.VRLO, " \xc4 \\b\x00", []string{"Ä", "b"}},
		{dicom.VRLO, "", nil},
		{dicom.VRLO, `\`, []string{"", ""}},
		{dicom.VRLT, "  a\\b ", []string{`  a\b`}},
		{dicom.VRUI, "1.2\x00", []string{"1.2"}},
	} {
		if got := d.Values([]byte(c.text), c.vr); !slices.Equal(got, c.want) {
			t.Errorf("%v %q: %q, want %q", c.vr, c.text, got, c.want)
		}
	}
}

func TestUnknownTermsGiveAnErrorAndADecoder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ specific, text, want string }{
		{"KLINGON", "\xc4", "Ä"},
		{"KLINGON", "Ä", "Ä"},
		{"ISO_IR 999", "plain", "plain"},
		{"???", "plain", "plain"},
		{`ISO 2022 IR 144\KLINGON`, "\xbb", "Л"},
		{`KLINGON\ISO 2022 IR 144`, "\xbb", "Л"},
	} {
		d, err := charset.New(strings.Split(c.specific, `\`))
		var unknown *charset.UnknownError
		if !errors.As(err, &unknown) || len(unknown.Terms) != 1 || !strings.Contains(err.Error(), unknown.Terms[0]) {
			t.Errorf("%s: %v", c.specific, err)
		}
		if got := d.Decode([]byte(c.text), dicom.VRPN); got != c.want {
			t.Errorf("%s: %q, want %q", c.specific, got, c.want)
		}
	}
}

func TestASCIIDecodesWithOneAllocation(t *testing.T) {
	d, _ := charset.New([]string{"ISO_IR 100"})
	text := []byte("Smith^John")
	if n := testing.AllocsPerRun(100, func() { d.Decode(text, dicom.VRPN) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct{ name, specific, text string }{
		{"ASCII", "ISO_IR 100", "Smith^John"},
		{"Latin1", "ISO_IR 100", "\xc4neas^R\xfcdiger"},
		{"UTF8", "ISO_IR 192", "Wang^XiaoDong=王^小東="},
		{"Kanji", "ISO 2022 IR 87", "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			d, _ := charset.New([]string{c.specific})
			text := []byte(c.text)
			for b.Loop() {
				d.Decode(text, dicom.VRPN)
			}
		})
	}
}
