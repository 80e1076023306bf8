package cli

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// On a narrow terminal what may be cut is, the longest first, and a row stays a line; elsewhere nothing is cut.
func TestTableFitsTheTerminal(t *testing.T) {
	t.Parallel()
	header := []string{"ID", "NAME", "DESCRIPTION"}
	rows := [][]string{
		{"66c8e41e", "山田^太郎^山田^太郎^山田^太郎", "胸部CT"},
		{"5b506ca3", "Very Long Family Name That Goes On^Given Names", "Chest with contrast, follow-up"},
	}
	for _, test := range []struct {
		columns  int
		terminal bool
		widest   int
	}{{40, true, 40}, {60, true, 60}, {200, true, 88}, {40, false, 88}, {10, true, 31}} {
		var b bytes.Buffer
		env := &Env{Stdout: &b, Terminal: func(io.Writer) (int, bool) { return test.columns, test.terminal }}
		if err := printTable(env, header, rows, "NAME", "DESCRIPTION"); err != nil {
			t.Fatal(err)
		}
		var widths []int
		for line := range strings.Lines(b.String()) {
			widths = append(widths, twwidth.Width(strings.TrimRight(line, "\n")))
		}
		if slices.Max(widths) != test.widest || len(widths) != 3 || !strings.Contains(b.String(), "66c8e41e") {
			t.Errorf("%d columns, terminal %v: widths %v, want %d\n%s", test.columns, test.terminal, widths, test.widest, b.String())
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{{"abc", 4, "abc"}, {"abcd", 4, "abcd"}, {"abcde", 4, "abc…"}, {"山田太郎", 8, "山田太郎"}, {"山田太郎", 5, "山田…"}, {"山田太郎", 6, "山田…"}, {"", 4, ""}} {
		if got := cut(test.text, test.columns); got != test.want {
			t.Errorf("%q in %d: %q, want %q", test.text, test.columns, got, test.want)
		}
	}
}
