package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/tw"
)

// writeTable writes a result for people: a header and rows, without frames, so that it can be cut and pasted.
func writeTable(w io.Writer, header []string, rows [][]string) error {
	var b bytes.Buffer
	table := tablewriter.NewTable(&b,
		tablewriter.WithRendition(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}),
		tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithTrimSpace(tw.On),
	)
	table.Header(header)
	if err := table.Bulk(rows); err != nil {
		return err
	}
	if err := table.Render(); err != nil {
		return err
	}
	for line := range bytes.Lines(b.Bytes()) {
		if _, err := fmt.Fprintf(w, "%s\n", bytes.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// separation is how many columns stand between two cells.
const separation = 2

// leastCell is how much of a cell is left at the least.
const leastCell = 8

// printTable writes a table to standard output. Where that is a terminal too narrow for it, cells of the columns with the
// names in mayCut are shortened, the longest first, so that a row stays a line if that is possible.
func printTable(env *Env, header []string, rows [][]string, mayCut ...string) error {
	if columns, terminal := env.columns(); terminal {
		rows = fitRows(header, rows, columns, mayCut)
	}
	return writeTable(env.Stdout, header, rows)
}

// tableWidth is how many columns header and rows take.
func tableWidth(header []string, rows [][]string) int {
	total := -separation
	for i, name := range header {
		widest := twwidth.Width(name)
		for _, row := range rows {
			widest = max(widest, twwidth.Width(row[i]))
		}
		total += widest + separation
	}
	return total
}

// columns is the width of standard output, if it is a terminal.
func (e *Env) columns() (int, bool) {
	if e.Terminal == nil {
		return 0, false
	}
	return e.Terminal(e.Stdout)
}

// fitRows shortens cells so that rows and header fit into so many columns.
func fitRows(header []string, rows [][]string, columns int, mayCut []string) [][]string {
	widths, least, total := make([]int, len(header)), make([]int, len(header)), -separation
	for i, name := range header {
		widths[i], least[i] = twwidth.Width(name), max(twwidth.Width(name), leastCell)
		for _, row := range rows {
			widths[i] = max(widths[i], twwidth.Width(row[i]))
		}
		total += widths[i] + separation
		if !slices.Contains(mayCut, name) {
			least[i] = widths[i]
		}
	}
	for ; total > columns; total-- {
		widest := -1
		for i := range widths {
			if widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	fitted := make([][]string, len(rows))
	for i, row := range rows {
		fitted[i] = make([]string, len(row))
		for j, cell := range row {
			fitted[i][j] = cut(cell, widths[j])
		}
	}
	return fitted
}

// cut shortens a text to some columns of a terminal, of which East Asian characters take two.
func cut(text string, columns int) string {
	if columns < 1 || twwidth.Width(text) <= columns {
		return text
	}
	return twwidth.Truncate(text, columns, "…")
}
