package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options say where the configuration comes from, weakest first.
type Options struct {
	Defaults []Setting // weaker than files
	Files    []string  // files, or folders whose *.json are read in name order
	Env      []string  // NAME=value as os.Environ gives it: for ${NAME} in files, and the options it sets
	Settings []Setting // flags
	// Keyword tells whether the dictionary of the standard has a keyword; nil: keywords are not checked.
	Keyword func(string) bool
}

// Setting is one option set outside of the files.
type Setting struct {
	Path   []string // option name, then the keys below it; empty: Value is a whole document
	Value  string   // JSON, or the bare text of a scalar; a list may be separated by commas
	Source string   // what an error names: "--dicom-port", "GANTRY_DICOM_PORT"
}

// Load joins defaults, files, environment and flags. Objects merge, everything else is replaced by the stronger source.
// The error holds every mistake that was found (see Errors).
func Load(o Options) (*Config, []Warning, error) {
	l := loader{root: &node{kind: kindObject}, lookup: lookup(o.Env)}
	for _, s := range o.Defaults {
		if err := l.setting(s); err != nil {
			return nil, l.warnings, err
		}
	}
	if err := l.files(o.Files); err != nil {
		return nil, l.warnings, err
	}
	settings, warnings := FromEnvironment(o.Env)
	l.warnings = append(l.warnings, warnings...)
	for _, s := range slices.Concat(settings, o.Settings) {
		if err := l.setting(s); err != nil {
			return nil, l.warnings, err
		}
	}
	c := Default()
	d := decoder{warnings: l.warnings}
	if err := d.config(l.root, c, o.Keyword); err != nil {
		return nil, d.warnings, err
	}
	return c, append(d.warnings, c.exposure()...), c.validate()
}

type loader struct {
	root     *node
	lookup   func(string) (string, bool)
	warnings []Warning
}

func lookup(environ []string) func(string) (string, bool) {
	values := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		values[name] = value
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
}

func (l *loader) files(paths []string) error {
	var errs []error
	for _, path := range paths {
		names, err := expand(path)
		errs = append(errs, err)
		for _, name := range names {
			errs = append(errs, l.file(name))
		}
	}
	return errors.Join(errs...)
}

// expand returns the files a path stands for: itself, or the *.json of a folder in name order.
func expand(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &Error{Place: path, Message: "cannot be read: " + cause(err)}
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return nil, &Error{Place: path, Message: "cannot be read: " + cause(err)}
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.EqualFold(filepath.Ext(e.Name()), ".json") {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	return names, nil
}

func cause(err error) string {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

func (l *loader) file(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return &Error{Place: name, Message: "cannot be read: " + cause(err)}
	}
	return l.document(name, text, true)
}

func (l *loader) document(source string, text []byte, lines bool) error {
	p := parser{source: source, text: text, lines: lines, lookup: l.lookup, warnings: &l.warnings}
	n, err := p.parse()
	if err != nil {
		return err
	}
	if n.kind != kindObject {
		return &Error{Place: n.place.String(), Message: "an object with options is expected, not " + n.kind.String()}
	}
	rename(n)
	l.root = merge(l.root, n)
	return nil
}

func rename(root *node) {
	for i := range root.members {
		root.members[i].key = renamed(root.members[i].key)
	}
}

// setting lays one variable or flag over the tree.
func (l *loader) setting(s Setting) error {
	if len(s.Path) == 0 {
		return l.document(s.Source, []byte(s.Value), false)
	}
	n, err := l.settingValue(s)
	if err != nil {
		return err
	}
	for _, key := range slices.Backward(s.Path) {
		n = &node{kind: kindObject, place: place{source: s.Source}, members: []member{{key, n}}}
	}
	l.root = merge(l.root, n)
	return nil
}

// settingValue reads JSON where an option has structure, and leaves scalars to be read as what is due.
func (l *loader) settingValue(s Setting) (*node, error) {
	loose := &node{kind: kindLoose, place: place{source: s.Source}, text: s.Value}
	text := strings.TrimSpace(s.Value)
	structured := !Scalar(s.Path[0]) && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["))
	switch {
	case structured && (s.Path[0] != "RegisteredUsers" || len(s.Path) == 1): // a password may begin with a brace
		p := parser{source: s.Source, text: []byte(text), warnings: &l.warnings}
		return p.parse()
	case isList(s.Path):
		return commaList(loose), nil
	}
	return loose, nil
}

// isList tells whether the path names a list of strings.
func isList(path []string) bool {
	switch c := Default(); {
	case len(path) == 1:
		_, ok := field(c, path[0]).(*[]string)
		return ok
	case len(path) == 2:
		_, ok := field(c, path[0]).(*map[string][]string)
		return ok
	}
	return false
}

func commaList(n *node) *node {
	list := &node{kind: kindArray, place: n.place}
	for _, part := range strings.Split(n.text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list.items = append(list.items, &node{kind: kindLoose, place: n.place, text: part})
		}
	}
	return list
}
