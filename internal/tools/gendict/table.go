package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// readTable reads a table of tab separated columns whose first line names them.
func readTable(path string, columns []string) ([][]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gendict: %w", err)
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	var rows [][]string
	for i, line := range lines {
		fields := strings.Split(line, "\t")
		if len(fields) != len(columns) {
			return nil, fmt.Errorf("gendict: %s line %d: %d columns, want %d", path, i+1, len(fields), len(columns))
		}
		if i > 0 {
			rows = append(rows, fields)
		} else if !slices.Equal(fields, columns) {
			return nil, fmt.Errorf("gendict: %s: columns are %q, want %q", path, fields, columns)
		}
	}
	return rows, nil
}

// source is Go source text being written.
type source struct{ bytes.Buffer }

func (s *source) printf(format string, a ...any) { fmt.Fprintf(s, format, a...) }

// text writes a string constant of lines as a raw string, so that a difference between two versions can be read.
func (s *source) text(name string, lines *lines) error {
	if strings.ContainsAny(lines.String(), "`\r") {
		return fmt.Errorf("%s: a raw string cannot hold a back quote or carriage return", name)
	}
	s.printf("\nconst %s = `%s`\n", name, lines.String())
	return nil
}

// numbers writes an array of small numbers, many to a line.
func (s *source) numbers(name string, values []int) {
	s.printf("\nvar %s = [...]uint16{", name)
	for i, v := range values {
		if i%16 == 0 {
			s.printf("\n")
		}
		s.printf("%d, ", v)
	}
	s.printf("\n}\n")
}

// lines gathers the text that rows point into.
type lines struct{ strings.Builder }

// add appends a line of tab separated fields and returns its offset.
func (l *lines) add(fields ...string) int {
	offset := l.Len()
	l.WriteString(strings.Join(fields, "\t") + "\n")
	return offset
}

// interned numbers the distinct strings it is given.
type interned struct {
	values []string
	index  map[string]int
}

func (n *interned) of(s string) (int, error) {
	if i, ok := n.index[s]; ok {
		return i, nil
	}
	if n.index == nil {
		n.index = make(map[string]int)
	}
	i := len(n.values)
	if i > 0xFF {
		return 0, fmt.Errorf("more than 256 different values, %q is one more", s)
	}
	n.values = append(n.values, s)
	n.index[s] = i
	return i, nil
}

func (s *source) strings(name string, values []string) {
	s.printf("\nvar %s = [...]string{\n", name)
	for _, v := range values {
		s.printf("%q,\n", v)
	}
	s.printf("}\n")
}
