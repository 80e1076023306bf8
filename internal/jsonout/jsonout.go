// Package jsonout writes JSON as a stream, indented by three spaces as Orthanc's answers are. It takes no memory for
// each element, so that lists of any length go out as they are read from the index.
package jsonout

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf8"
)

// flushAt is how many bytes are gathered before they are handed on.
const flushAt = 32 << 10

// indent stands before each member, once for every container around it.
const indent = "   "

// Writer writes one JSON value. Its methods are called in the order of the text; what they cannot write is remembered
// and returned by Flush, and all later calls do nothing.
type Writer struct {
	w     io.Writer
	buf   []byte
	stack []bool // for each open container: it has a member
	named bool   // a key was written, its value comes next
	err   error
}

// New returns a Writer that writes to w.
func New(w io.Writer) *Writer { return &Writer{w: w, buf: make([]byte, 0, 2<<10)} }

// Flush hands on what is gathered and returns the first error.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.w.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

// Err is the first error so far.
func (w *Writer) Err() error { return w.err }

// End ends the text with a line break and flushes it.
func (w *Writer) End() error {
	w.buf = append(w.buf, '\n')
	return w.Flush()
}

// next makes room for a value or a key: the comma and the line break before it.
func (w *Writer) next() {
	if w.named {
		w.named = false
		return
	}
	if n := len(w.stack); n > 0 {
		if w.stack[n-1] {
			w.buf = append(w.buf, ',')
		}
		w.stack[n-1] = true
		w.line()
	}
	if len(w.buf) >= flushAt {
		_ = w.Flush() // remembered
	}
}

func (w *Writer) line() {
	w.buf = append(w.buf, '\n')
	for range w.stack {
		w.buf = append(w.buf, indent...)
	}
}

// Object begins an object.
func (w *Writer) Object() { w.begin('{') }

// EndObject ends it.
func (w *Writer) EndObject() { w.end('}') }

// Array begins an array.
func (w *Writer) Array() { w.begin('[') }

// EndArray ends it.
func (w *Writer) EndArray() { w.end(']') }

func (w *Writer) begin(c byte) {
	w.next()
	w.buf = append(w.buf, c)
	w.stack = append(w.stack, false)
}

func (w *Writer) end(c byte) {
	n := len(w.stack) - 1
	filled := w.stack[n]
	w.stack = w.stack[:n]
	if filled {
		w.line()
	}
	w.buf = append(w.buf, c)
}

// Key writes the name of the member whose value comes next.
func (w *Writer) Key(name string) {
	w.next()
	w.buf = append(AppendString(w.buf, name), ':', ' ')
	w.named = true
}

// String writes a text.
func (w *Writer) String(s string) {
	w.next()
	w.buf = AppendString(w.buf, s)
}

// Int writes a whole number.
func (w *Writer) Int(n int64) {
	w.next()
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	w.next()
	w.buf = strconv.AppendBool(w.buf, v)
}

// Null writes null.
func (w *Writer) Null() {
	w.next()
	w.buf = append(w.buf, "null"...)
}

// Strings writes an array of texts.
func (w *Writer) Strings(list []string) {
	w.Array()
	for _, s := range list {
		w.String(s)
	}
	w.EndArray()
}

// Raw writes a value that is JSON already, indented anew.
func (w *Writer) Raw(value []byte) {
	w.next()
	prefix := bytes.Repeat([]byte(indent), len(w.stack))
	var b bytes.Buffer
	if err := json.Indent(&b, value, string(prefix), indent); err != nil {
		if w.err == nil {
			w.err = err
		}
		return
	}
	w.buf = append(w.buf, b.Bytes()...)
}

// Value writes any value as encoding/json does; it is for small ones.
func (w *Writer) Value(v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil && w.err == nil {
		w.err = err
		return
	}
	w.Raw(bytes.TrimSpace(b.Bytes()))
}

const digits = "0123456789abcdef"

// AppendString appends a text with its quotes, as encoding/json writes it without escapes for HTML.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		var r rune
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
			if (r != utf8.RuneError || size != 1) && r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
		}
		b = append(b, s[from:i]...)
		i += size
		from = i
		b = appendEscape(b, c, r)
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, c byte, r rune) []byte {
	switch {
	case r == '\u2028' || r == '\u2029':
		return append(b, `\u202`+digits[r&15:r&15+1]...)
	case c >= utf8.RuneSelf:
		return append(b, `\ufffd`...)
	case c == '"' || c == '\\':
		return append(b, '\\', c)
	case c == '\n':
		return append(b, `\n`...)
	case c == '\r':
		return append(b, `\r`...)
	case c == '\t':
		return append(b, `\t`...)
	case c == '\b':
		return append(b, `\b`...)
	case c == '\f':
		return append(b, `\f`...)
	}
	return append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
