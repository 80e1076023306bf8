package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

func (d *decoder) userNumber(n *node, path string, o option) int {
	number := d.integer(n, path)
	d.check(n, path, inRange(number, o.min, o.max))
	return number
}

// contentType decodes a number or [number, MIME type].
func (d *decoder) contentType(n *node, path string, o option) ContentType {
	if n.kind != kindArray {
		return ContentType{Number: d.userNumber(n, path, o)}
	}
	if len(n.items) != 2 {
		d.mismatch(n, path, "a number or [number, MIME type]")
		return ContentType{}
	}
	return ContentType{Number: d.userNumber(n.items[0], path+"[0]", o), MIME: d.text(n.items[1], path+"[1]", option{check: isMIME})}
}

// isMIME refuses what must not stand in a header.
func isMIME(s string) string {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return fmt.Sprintf("a MIME type such as application/pdf is expected, not %q", s)
		}
	}
	return notEmpty(s)
}

// MarshalJSON writes the shorter form where it says all.
func (t ContentType) MarshalJSON() ([]byte, error) {
	if t.MIME == "" {
		return json.Marshal(t.Number)
	}
	return json.Marshal([]any{t.Number, t.MIME})
}

// validateUserTypes refuses two names for one number.
func (c *Config) validateUserTypes() error {
	content := map[string]int{}
	for name, t := range c.UserContentType {
		content[name] = t.Number
	}
	for option, names := range map[string]map[string]int{"UserMetadata": c.UserMetadata, "UserContentType": content} {
		of := map[int]string{}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if other, taken := of[names[name]]; taken {
				return &Error{Option: option + "." + name, Message: fmt.Sprintf("has the number %d of %s; choose another", names[name], other)}
			}
			of[names[name]] = name
		}
	}
	return nil
}
