package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"
)

// mask stands in the place of a password.
const mask = "********"

// WriteEffective writes every option with its value as JSON, passwords masked.
func WriteEffective(w io.Writer, c *Config) error {
	shown := *c
	shown.RegisteredUsers = maps.Clone(c.RegisteredUsers)
	for user := range shown.RegisteredUsers {
		shown.RegisteredUsers[user] = mask
	}
	shown.StorageCommitmentHandlerHeaders = maps.Clone(c.StorageCommitmentHandlerHeaders)
	for name := range shown.StorageCommitmentHandlerHeaders {
		shown.StorageCommitmentHandlerHeaders[name] = mask
	}
	if shown.StorageCommitmentHandlerPassword != "" {
		shown.StorageCommitmentHandlerPassword = mask
	}
	var b strings.Builder
	b.WriteString("{")
	separator := "\n"
	for _, name := range optionNames() {
		value, err := encode(field(&shown, name))
		if err != nil {
			return err
		}
		if value == "null" {
			continue
		}
		fmt.Fprintf(&b, "%s  %q: %s", separator, name, value)
		separator = ",\n"
	}
	b.WriteString("\n}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteDefaults writes a commented configuration file that sets every option to its default.
func WriteDefaults(w io.Writer) error {
	c := Default()
	var b strings.Builder
	b.WriteString("// Configuration of gantry, with every option at its default: keep the lines you change, drop the rest.\n")
	b.WriteString("// Comments are allowed, \"${NAME:-default}\" in a string is replaced from the environment.\n{")
	for _, s := range table() {
		fmt.Fprintf(&b, "\n  // ---- %s ----\n", s.title)
		for _, o := range s.options {
			writeDefault(&b, o, c)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func writeDefault(b *strings.Builder, o option, c *Config) {
	if o.doc != "" {
		fmt.Fprintf(b, "\n  // %s\n", strings.ReplaceAll(o.doc, "\n", "\n  // "))
	}
	value, err := encode(field(c, o.name))
	if err != nil || value == "null" {
		fmt.Fprintf(b, "  // %q: false,\n", o.name)
		return
	}
	fmt.Fprintf(b, "  %q: %s,\n", o.name, value)
}

// encode writes a value indented as a member of the root object.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if list, ok := v.(*[]string); !ok || len(*list) > 3 {
		e.SetIndent("  ", "  ")
	}
	err := e.Encode(v)
	return strings.TrimSpace(b.String()), err
}

// MarshalJSON writes the array form.
func (e DictionaryEntry) MarshalJSON() ([]byte, error) {
	array := []any{e.VR, e.Name, e.Minimum, e.Maximum}
	if e.PrivateCreator != "" {
		array = append(array, e.PrivateCreator)
	}
	return json.Marshal(array)
}
