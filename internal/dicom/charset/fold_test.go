package charset_test

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"gantry/internal/dicom/charset"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"smith^john", "smith^john"},
		{"SMITH^John=*?", "smith^john=*?"},
		{"Müller", "muller"},
		{"MU\u0308LLER", "muller"},
		{"Straße", "strasse"},
		{"Søren Łukasz Đorđe Œuvre Þór", "soren lukasz dorde oeuvre thor"},
		{"İstanbul Iğdır", "istanbul igdir"},
		{"Ἀθηνᾶ", "αθηνα"},
		{"Σίσυφος", "σισυφοσ"},
		{"ЁЛКА", "елка"},
		{"ﾔﾏﾀﾞ", "ヤマダ"},
		{"ヤマタ", "ヤマタ"}, // another word: the voicing mark counts
		{"Ｗａｎｇ", "wang"},
		{"สมชาย ที่", "สมชาย ที่"},
		{"홍길동", "홍길동"},
		{"مُحَمَّد أحمد", "محمد احمد"},
		{"שָׁלוֹם", "שלום"},
		{"a\xffb", "a\uFFFDb"},
	} {
		if got := charset.Fold(c.text); got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.text, got, c.want)
		}
	}
}

func TestFoldOfAFoldIsItself(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= utf8.MaxRune; r++ {
		once := charset.Fold(string(r))
		if twice := charset.Fold(once); twice != once {
			t.Errorf("%U: %q, then %q", r, once, twice)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		once := charset.Fold(rapid.String().Draw(t, "text"))
		if twice := charset.Fold(once); twice != once {
			t.Errorf("%q, then %q", once, twice)
		}
	})
}
