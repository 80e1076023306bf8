package jsonout_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gantry/internal/jsonout"
)

func TestTextIsThatOfMarshalIndent(t *testing.T) {
	t.Parallel()
	value := map[string]any{"A": []any{1, "x", nil, true}, "B": map[string]any{}, "C": []string{},
		"D": map[string]any{"Name": "Müller^<Änne>\u2028\x01\t\"\\", "Z": map[string]any{"Y": []int{1}}}}
	var want, got bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "   ")
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	w := jsonout.New(&got)
	w.Object()
	w.Key("A")
	w.Array()
	w.Int(1)
	w.String("x")
	w.Null()
	w.Bool(true)
	w.EndArray()
	w.Key("B")
	w.Object()
	w.EndObject()
	w.Key("C")
	w.Strings(nil)
	w.Key("D")
	w.Object()
	w.Key("Name")
	w.String("Müller^<Änne>\u2028\x01\t\"\\")
	w.Key("Z")
	w.Raw([]byte(`{"Y":[1]}`))
	w.EndObject()
	w.EndObject()
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("written\n%s\nwant\n%s", got.String(), want.String())
	}
}

func TestStringsAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", "\x00\x1f\x7f", "\b\f\n\r\t", "a\xffb", "é\u2029é", "山田", "<&>", "\U0001F600\ufffd"} {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := string(jsonout.AppendString(nil, s)); got != strings.TrimSpace(want.String()) {
			t.Errorf("%q: %s, want %s", s, got, want.String())
		}
	}
}

// failing takes so many bytes.
type failing struct{ left int }

var errGone = errors.New("the client is gone")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errGone
	}
	return len(p), nil
}

func TestListsGoOutAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	f := &failing{left: 100 << 10}
	w := jsonout.New(f)
	w.Array()
	for range 100_000 {
		w.String("0123456789")
	}
	w.EndArray()
	if err := w.End(); !errors.Is(err, errGone) {
		t.Errorf("error %v, want that of the writer", err)
	}
}

func TestBrokenRawValueIsAnError(t *testing.T) {
	t.Parallel()
	w := jsonout.New(&bytes.Buffer{})
	w.Raw([]byte(`{"a":`))
	if w.End() == nil {
		t.Error("no error")
	}
}
