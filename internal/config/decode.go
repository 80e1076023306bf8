package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// decoder fills a Config from a tree. It goes on after a mistake, so that all of them are reported at once.
type decoder struct {
	errs     []error
	warnings []Warning
}

func (d *decoder) fail(n *node, option, format string, args ...any) {
	d.errs = append(d.errs, &Error{Place: n.place.String(), Option: option, Message: fmt.Sprintf(format, args...)})
}

func (d *decoder) warn(n *node, option, message string) {
	d.warnings = append(d.warnings, Warning{Place: n.place.String(), Option: option, Message: message})
}

// mismatch reports a value of the wrong type.
func (d *decoder) mismatch(n *node, option, due string) {
	found := n.kind.String()
	switch n.kind {
	case kindBool, kindNumber:
		found += " (" + n.text + ")"
	case kindArray:
		found += fmt.Sprintf(" of %d", len(n.items))
	case kindString, kindLoose:
		found += fmt.Sprintf(" (%q)", n.text)
	}
	d.fail(n, option, "%s is expected here, not %s", due, found)
}

// config decodes the root object into c.
func (d *decoder) config(root *node, c *Config, keyword func(string) bool) error {
	options := map[string]option{}
	for _, s := range table() {
		for _, o := range s.options {
			options[o.name] = o
		}
	}
	target := reflect.ValueOf(c).Elem()
	for _, m := range root.members {
		o, ok := options[m.key]
		if !ok {
			d.unknown(m)
			continue
		}
		d.value(m.value, o, o.name, target.FieldByName(o.name))
	}
	d.extraTags(root, c, keyword)
	return errors.Join(d.errs...)
}

// value decodes one option, or one part of it: path names it in errors.
func (d *decoder) value(n *node, o option, path string, v reflect.Value) {
	if n.kind == kindNull {
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *bool:
		*target = d.boolean(n, path)
	case **bool:
		b := d.boolean(n, path)
		*target = &b
	case *int:
		*target = d.integer(n, path)
		d.check(n, path, inRange(*target, o.min, o.max))
	case *string:
		*target = d.text(n, path, o)
	case *OverwriteMode:
		*target = d.overwrite(n, path, o)
	case *[]string:
		*target = d.list(n, path, o)
	case *map[string]string:
		decodeMap(d, n, path, target, func(e *node, path string) string { return d.text(e, path, option{check: o.check}) })
	case *map[string][]string:
		decodeMap(d, n, path, target, func(e *node, path string) []string { return d.list(e, path, option{}) })
	case *map[string]int:
		decodeMap(d, n, path, target, func(e *node, path string) int { return d.userNumber(e, path, o) })
	case *map[string]ContentType:
		decodeMap(d, n, path, target, func(e *node, path string) ContentType { return d.contentType(e, path, o) })
	case *map[string]Modality:
		decodeMap(d, n, path, target, d.modality)
	case *map[string]DictionaryEntry:
		decodeMap(d, n, path, target, d.dictionaryEntry)
	}
}

func decodeMap[T any](d *decoder, n *node, path string, target *map[string]T, element func(*node, string) T) {
	if n.kind != kindObject {
		d.mismatch(n, path, "an object")
		return
	}
	*target = make(map[string]T, len(n.members))
	for _, m := range n.members {
		if m.value.kind != kindNull {
			(*target)[m.key] = element(m.value, path+"."+m.key)
		}
	}
}

func (d *decoder) boolean(n *node, path string) bool {
	if n.kind == kindBool || n.kind == kindLoose {
		switch strings.ToLower(n.text) {
		case "true":
			return true
		case "false":
			return false
		}
	}
	d.mismatch(n, path, "true or false")
	return false
}

func (d *decoder) integer(n *node, path string) int {
	if n.kind == kindNumber || n.kind == kindLoose {
		if i, err := strconv.Atoi(strings.TrimSpace(n.text)); err == nil {
			return i
		}
	}
	d.mismatch(n, path, "a whole number")
	return 0
}

func (d *decoder) text(n *node, path string, o option) string {
	if n.kind != kindString && n.kind != kindLoose {
		d.mismatch(n, path, "a string")
		return ""
	}
	if o.oneOf != nil {
		d.check(n, path, isOneOf(n.text, o.oneOf))
	}
	if o.check != nil {
		d.check(n, path, o.check(n.text))
	}
	return n.text
}

func (d *decoder) check(n *node, path, due string) {
	if due != "" {
		d.errs = append(d.errs, &RangeError{&Error{Place: n.place.String(), Option: path, Message: due}})
	}
}

// overwrite takes Orthanc's older booleans too.
func (d *decoder) overwrite(n *node, path string, o option) OverwriteMode {
	if n.kind == kindBool || n.kind == kindLoose {
		switch strings.ToLower(n.text) {
		case "true":
			return OverwriteAlways
		case "false":
			return OverwriteNever
		}
	}
	return OverwriteMode(d.text(n, path, o))
}

func (d *decoder) list(n *node, path string, o option) []string {
	if n.kind != kindArray {
		d.mismatch(n, path, "an array of strings")
		return nil
	}
	list := make([]string, 0, len(n.items))
	for i, e := range n.items {
		list = append(list, d.text(e, fmt.Sprintf("%s[%d]", path, i), o))
	}
	return list
}

// dictionaryEntry decodes [VR, name, minimum, maximum, private creator].
func (d *decoder) dictionaryEntry(n *node, path string) DictionaryEntry {
	e := DictionaryEntry{Minimum: 1, Maximum: 1}
	if n.kind != kindArray || len(n.items) < 2 || len(n.items) > 5 {
		d.mismatch(n, path, "[VR, name, minimum, maximum, private creator] with at least the first two")
		return e
	}
	e.VR = d.text(n.items[0], path+"[0]", option{check: isVR})
	e.Name = d.text(n.items[1], path+"[1]", option{check: notEmpty})
	for i, target := range []*int{&e.Minimum, &e.Maximum} {
		if len(n.items) > i+2 {
			*target = d.integer(n.items[i+2], fmt.Sprintf("%s[%d]", path, i+2))
		}
	}
	if len(n.items) == 5 {
		e.PrivateCreator = d.text(n.items[4], path+"[4]", option{})
	}
	d.check(n, path, e.wrong(path[strings.IndexByte(path, '.')+1:]))
	return e
}
