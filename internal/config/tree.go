package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tailscale/hujson"
)

type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindLoose // bare text from a variable, a flag or a substitution: read as whatever is due
	kindArray
	kindObject
)

// String names the kind as an error shows it.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "text", "an array", "an object"}[k]
}

// place is where a value was written.
type place struct {
	source string // file, variable or flag
	line   int    // 0 outside of files
}

func (p place) String() string {
	if p.line == 0 {
		return p.source
	}
	return fmt.Sprintf("%s:%d", p.source, p.line)
}

// node is a JSON value that knows where it was written. Objects keep the order and the case of their keys.
type node struct {
	kind    kind
	place   place
	text    string // of scalars: decoded strings, literals as written
	members []member
	items   []*node
}

type member struct {
	key   string
	value *node
}

func (n *node) get(key string) *node {
	for _, m := range n.members {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func (n *node) set(key string, v *node) {
	for i := range n.members {
		if n.members[i].key == key {
			n.members[i].value = v
			return
		}
	}
	n.members = append(n.members, member{key, v})
}

// merge lays over onto base: objects merge, everything else is replaced.
func merge(base, over *node) *node {
	if base == nil || base.kind != kindObject || over.kind != kindObject {
		return over
	}
	for _, m := range over.members {
		base.set(m.key, merge(base.get(m.key), m.value))
	}
	return base
}

// parser turns one document into nodes.
type parser struct {
	source   string
	text     []byte
	lines    bool
	lookup   func(string) (string, bool)
	warnings *[]Warning

	offset, line int // where the line count stands
}

func (p *parser) parse() (*node, error) {
	text := bytes.TrimPrefix(p.text, []byte("\xef\xbb\xbf"))
	v, err := hujson.Parse(text)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "hujson: ")
		return nil, &Error{Place: p.source, Message: "not the JSON expected: " + reason}
	}
	p.text, p.line = text, 1
	return p.value(v), nil
}

func (p *parser) place(offset int) place {
	if !p.lines {
		return place{source: p.source}
	}
	p.line += bytes.Count(p.text[p.offset:offset], []byte("\n"))
	p.offset = offset
	return place{source: p.source, line: p.line}
}

func (p *parser) value(v hujson.Value) *node {
	n := &node{place: p.place(v.StartOffset)}
	switch t := v.Value.(type) {
	case *hujson.Object:
		n.kind = kindObject
		p.members(n, t)
	case *hujson.Array:
		n.kind = kindArray
		for _, e := range t.Elements {
			n.items = append(n.items, p.value(e))
		}
	case hujson.Literal:
		p.literal(n, t)
	}
	return n
}

func (p *parser) members(n *node, o *hujson.Object) {
	at := make(map[string]int, len(o.Members))
	for _, m := range o.Members {
		name, _ := m.Name.Value.(hujson.Literal)
		key, _ := p.substitute(name.String(), n.place)
		value := p.value(m.Value)
		if i, twice := at[key]; twice {
			p.warn(value.place, key, "given twice in one object, the last one counts")
			n.members[i].value = value
			continue
		}
		at[key] = len(n.members)
		n.members = append(n.members, member{key, value})
	}
}

func (p *parser) literal(n *node, l hujson.Literal) {
	n.text = string(l)
	switch l.Kind() {
	case 'n':
		n.kind = kindNull
	case 't', 'f':
		n.kind = kindBool
	case '0':
		n.kind = kindNumber
	default:
		var replaced bool
		n.kind = kindString
		if n.text, replaced = p.substitute(l.String(), n.place); replaced {
			n.kind = kindLoose
		}
	}
}

func (p *parser) warn(at place, option, message string) {
	*p.warnings = append(*p.warnings, Warning{Place: at.String(), Option: option, Message: message})
}

// substitute replaces ${NAME} and ${NAME:-default} by environment variables, and says whether there were any.
func (p *parser) substitute(s string, at place) (string, bool) {
	if p.lookup == nil || !strings.Contains(s, "${") {
		return s, false
	}
	var b strings.Builder
	found := false
	for {
		before, rest, ok := strings.Cut(s, "${")
		expr, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(s)
			return b.String(), found
		}
		b.WriteString(before)
		b.WriteString(p.variable(expr, at))
		found, s = true, after
	}
}

func (p *parser) variable(expr string, at place) string {
	name, fallback, hasFallback := strings.Cut(expr, ":-")
	if value, ok := p.lookup(name); ok && (value != "" || !hasFallback) {
		return value
	}
	if !hasFallback {
		p.warn(at, "", "environment variable "+name+" is not set: ${"+name+"} is empty")
	}
	return fallback
}
