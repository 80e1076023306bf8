package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode"
)

// WriteJSON appends the job as Orthanc's GET /jobs/{id} shows it, with the lines after the first indented like those of
// [json.Indent]; in one line if indent is "". Attempts and NextAttempt are additions of this program. It is written by
// hand because a list of thousands of jobs is mostly this.
func (i *Info) WriteJSON(b *bytes.Buffer, prefix, indent string) error {
	w := fieldWriter{b: b, prefix: prefix, indent: indent}
	b.WriteByte('{')
	if i.Attempt > 0 {
		w.number("Attempts", i.Attempt)
	}
	if i.State.Ended() {
		w.time("CompletionTime", i.Changed)
	}
	if err := w.value("Content", i.Content); err != nil {
		return fmt.Errorf("jobs: content of a %s: %w", i.Kind, err)
	}
	w.time("CreationTime", i.Created)
	w.key("EffectiveRuntime")
	b.Write(strconv.AppendFloat(b.AvailableBuffer(), i.Runtime.Round(time.Millisecond).Seconds(), 'f', -1, 64))
	w.number("ErrorCode", int(i.ErrorCode))
	w.text("ErrorDescription", i.ErrorCode.Describe())
	w.text("ErrorDetails", i.ErrorDetails)
	if len(i.ErrorPayload) > 0 {
		if err := w.value("ErrorPayload", i.ErrorPayload); err != nil {
			return fmt.Errorf("jobs: error payload of %s: %w", i.ID, err)
		}
	}
	if eta, ok := i.arrival(); ok {
		w.time("EstimatedTimeOfArrival", eta)
	}
	w.text("ID", i.ID)
	if i.State == Retry {
		w.time("NextAttempt", i.NextAttempt)
	}
	w.number("Priority", i.Priority)
	w.number("Progress", i.Progress())
	w.text("State", string(i.State))
	w.time("Timestamp", i.Taken)
	w.text("Type", i.Kind)
	if len(i.UserData) > 0 {
		if err := w.value("UserData", i.UserData); err != nil {
			return fmt.Errorf("jobs: user data of %s: %w", i.ID, err)
		}
	}
	w.newline("")
	b.WriteByte('}')
	return nil
}

// fieldWriter writes the fields of a JSON object.
type fieldWriter struct {
	b              *bytes.Buffer
	prefix, indent string
	more           bool
}

func (w *fieldWriter) newline(indent string) {
	if w.indent != "" {
		w.b.WriteByte('\n')
		w.b.WriteString(w.prefix)
		w.b.WriteString(indent)
	}
}

func (w *fieldWriter) key(name string) {
	if w.more {
		w.b.WriteByte(',')
	}
	w.more = true
	w.newline(w.indent)
	w.b.WriteByte('"')
	w.b.WriteString(name)
	w.b.WriteString(`":`)
	if w.indent != "" {
		w.b.WriteByte(' ')
	}
}

func (w *fieldWriter) number(name string, n int) {
	w.key(name)
	w.b.Write(strconv.AppendInt(w.b.AvailableBuffer(), int64(n), 10))
}

func (w *fieldWriter) time(name string, t time.Time) {
	w.key(name)
	w.b.WriteByte('"')
	w.b.Write(t.UTC().AppendFormat(w.b.AvailableBuffer(), TimeFormat+".000000"))
	w.b.WriteByte('"')
}

func (w *fieldWriter) text(name, text string) {
	w.key(name)
	for _, r := range text {
		if r < ' ' || r > unicode.MaxASCII || r == '"' || r == '\\' {
			quoted, _ := json.Marshal(text) // a string has a form in JSON
			w.b.Write(quoted)
			return
		}
	}
	w.b.WriteByte('"')
	w.b.WriteString(text)
	w.b.WriteByte('"')
}

// value writes any JSON; text that is JSON already is only laid out.
func (w *fieldWriter) value(name string, value any) error {
	w.key(name)
	raw, ok := value.(json.RawMessage)
	if !ok && value != nil {
		var err error
		if raw, err = json.Marshal(value); err != nil {
			return err
		}
	}
	switch {
	case len(raw) == 0 || string(raw) == "null":
		w.b.WriteString("{}")
		return nil
	case w.indent == "":
		return json.Compact(w.b, raw)
	}
	return json.Indent(w.b, raw, w.prefix+w.indent, w.indent)
}
