package dicomjson

import (
	"io"
	"math"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/jsonout"
)

// WriteModel writes a data set in the DICOM JSON Model (PS3.18 F.2). The Reader stands before the data set. Binary
// values are given inline. Of the options Charset and Hold count.
func WriteModel(w io.Writer, r *codec.Reader, o Options) error {
	m := &jsonModel{gathered: gathered{w: w}, texts: texts{fallback: o.Charset}}
	m.buf = append(m.buf, '{')
	m.open = append(m.open, 0)
	if err := walk(r, m, o.Hold); err != nil {
		return err
	}
	m.buf = append(m.buf, '}')
	return m.flush()
}

// jsonModel writes the DICOM JSON Model.
type jsonModel struct {
	gathered
	texts texts
	open  []int // entries written so far, by open object
	item  bool  // the array of a sequence has been begun
}

func (m *jsonModel) begin(h codec.Header, _ string) {
	m.comma()
	m.buf = append(m.buf, '\n', '"')
	m.buf = appendHexTag(m.buf, h.Tag)
	m.buf = append(m.buf, `": {"vr": "`...)
	m.buf = append(m.buf, vrName(h)...)
	m.buf = append(m.buf, '"')
	m.item = false
}

func (m *jsonModel) end(h codec.Header) {
	if h.Kind == codec.KindSequence && m.item {
		m.buf = append(m.buf, ']')
	}
	m.buf = append(m.buf, '}')
	m.item = true
}

func (m *jsonModel) comma() {
	last := len(m.open) - 1
	if m.open[last] > 0 {
		m.buf = append(m.buf, ',')
	}
	m.open[last]++
}

func (m *jsonModel) beginItem(number int) {
	if number == 0 {
		m.buf = append(m.buf, `, "Value": [`...)
	} else {
		m.buf = append(m.buf, ", "...)
	}
	m.buf = append(m.buf, '{')
	m.open = append(m.open, 0)
}

func (m *jsonModel) endItem() {
	m.buf = append(m.buf, '}')
	m.open = m.open[:len(m.open)-1]
	m.item = true
}

func (m *jsonModel) values(h codec.Header, value, charset []byte) {
	list := valuesOf(h, value, charset, &m.texts)
	if len(list) == 0 {
		return
	}
	m.buf = append(m.buf, `, "Value": [`...)
	for i, text := range list {
		if i > 0 {
			m.buf = append(m.buf, ", "...)
		}
		m.value(h.VR, text)
	}
	m.buf = append(m.buf, ']')
}

// value writes one value in the form of its VR (PS3.18 F.2.3); an empty one among others is null (F.2.5).
func (m *jsonModel) value(vr dicom.VR, text string) {
	switch {
	case text == "":
		m.buf = append(m.buf, "null"...)
	case vr == dicom.VRPN:
		m.name(text)
	case vr == dicom.VRIS && isInteger(text), numberSize(vr) > 0 && vr != dicom.VRAT && isFinite(text):
		m.buf = append(m.buf, strings.TrimPrefix(text, "+")...)
	default:
		m.buf = jsonout.AppendString(m.buf, text)
	}
}

// name writes the component groups of a person's name (PS3.18 F.2.2, PS3.5 6.2.1.1).
func (m *jsonModel) name(text string) {
	m.buf = append(m.buf, '{')
	written := 0
	for i, group := range strings.SplitN(text, "=", 3) {
		if group == "" {
			continue
		}
		if written > 0 {
			m.buf = append(m.buf, ", "...)
		}
		written++
		m.buf = jsonout.AppendString(m.buf, nameGroups[i])
		m.buf = append(m.buf, ": "...)
		m.buf = jsonout.AppendString(m.buf, group)
	}
	m.buf = append(m.buf, '}')
}

var nameGroups = [3]string{"Alphabetic", "Ideographic", "Phonetic"}

// valuesOf splits a value of text or numbers. One that is empty as a whole has none.
func valuesOf(h codec.Header, value, charset []byte, t *texts) []string {
	if numberSize(h.VR) > 0 {
		text := string(appendNumbers(nil, value, h.VR, h.BigEndian))
		if h.VR == dicom.VRAT {
			text = strings.ToUpper(strings.ReplaceAll(text, ",", ""))
		}
		if text == "" {
			return nil
		}
		return strings.Split(text, "\\")
	}
	text := trim(t.decode(value, charset, h.VR))
	switch {
	case text == "":
		return nil
	case singleText(h.VR):
		return []string{text}
	}
	if h.VR == dicom.VRPN && strings.Trim(text, "^= ") == "" {
		return nil
	}
	list := strings.Split(text, "\\")
	for i, one := range list {
		list[i] = padded(h.VR, one)
	}
	return list
}

// padded takes the spaces off a value where they mean nothing (PS3.5 6.2).
func padded(vr dicom.VR, text string) string {
	switch vr {
	case dicom.VRUC:
		return strings.TrimRight(text, " ")
	case dicom.VRLO, dicom.VRSH, dicom.VRPN:
		return strings.TrimRight(text, " ")
	}
	return strings.Trim(text, " \x00")
}

func isInteger(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

// isFinite reports whether JSON has a number for a value.
func isFinite(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// vrName is the VR of an element; one that is none of the standard's is UN.
func vrName(h codec.Header) string {
	if h.Kind == codec.KindSequence {
		return "SQ"
	}
	if !h.VR.Known() {
		return "UN"
	}
	return h.VR.String()
}

// appendHexTag writes a tag as eight upper-case digits (PS3.18 F.2.2).
func appendHexTag(to []byte, t dicom.Tag) []byte {
	const digits = "0123456789ABCDEF"
	for shift := 28; shift >= 0; shift -= 4 {
		to = append(to, digits[uint32(t)>>shift&0xf])
	}
	return to
}

func (m *jsonModel) binary(r io.Reader) error { return m.base64(r, `, "InlineBinary": "`, `"`) }
