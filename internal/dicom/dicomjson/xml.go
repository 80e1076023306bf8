package dicomjson

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
)

const (
	xmlHead = `<?xml version="1.0" encoding="utf-8"?>
<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM" ` +
		`xsi:schemaLocation="http://dicom.nema.org/PS3.19/models/NativeDICOM" ` +
		`xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`
	xmlEnd = "\n</NativeDicomModel>\n"
)

// WriteXML writes a data set in the Native DICOM Model (PS3.19 A.1). The Reader stands before the data set. Binary
// values are given inline. Of the options Charset and Hold count.
func WriteXML(w io.Writer, r *codec.Reader, o Options) error {
	m := &xmlModel{gathered: gathered{w: w, buf: []byte(xmlHead)}, texts: texts{fallback: o.Charset}}
	if err := walk(r, m, o.Hold); err != nil {
		return err
	}
	m.buf = append(m.buf, xmlEnd...)
	return m.flush()
}

// xmlModel writes the Native DICOM Model.
type xmlModel struct {
	gathered
	texts texts
	depth int
}

func (m *xmlModel) begin(h codec.Header, creator string) {
	m.depth++
	m.newLine()
	m.buf = append(m.buf, `<DicomAttribute tag="`...)
	m.buf = appendHexTag(m.buf, h.Tag)
	m.buf = append(m.buf, `" vr="`...)
	m.buf = append(m.buf, vrName(h)...)
	m.buf = append(m.buf, '"')
	if entry, known := dict.Lookup(h.Tag); known && entry.Keyword != "" {
		m.attribute("keyword", entry.Keyword)
	}
	if creator != "" {
		m.attribute("privateCreator", creator)
	}
	m.buf = append(m.buf, '>')
}

func (m *xmlModel) end(codec.Header) {
	m.newLine()
	m.buf = append(m.buf, "</DicomAttribute>"...)
	m.depth--
}

func (m *xmlModel) beginItem(number int) {
	m.depth++
	m.newLine()
	m.buf = append(m.buf, `<Item number="`...)
	m.buf = strconv.AppendInt(m.buf, int64(number+1), 10)
	m.buf = append(m.buf, `">`...)
}

func (m *xmlModel) endItem() {
	m.newLine()
	m.buf = append(m.buf, "</Item>"...)
	m.depth--
}

func (m *xmlModel) values(h codec.Header, value, charset []byte) {
	m.depth++
	for i, text := range valuesOf(h, value, charset, &m.texts) {
		if text == "" {
			continue // the number of the next one tells
		}
		m.newLine()
		name := "Value"
		if h.VR == dicom.VRPN {
			name = "PersonName"
		}
		m.buf = append(m.buf, '<')
		m.buf = append(m.buf, name...)
		m.attribute("number", strconv.Itoa(i+1))
		m.buf = append(m.buf, '>')
		if h.VR == dicom.VRPN {
			m.name(text)
		} else {
			m.buf = appendXML(m.buf, text)
		}
		m.buf = append(m.buf, "</"...)
		m.buf = append(m.buf, name...)
		m.buf = append(m.buf, '>')
	}
	m.depth--
}

var nameComponents = [5]string{"FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"}

// name writes the component groups and components of a person's name (PS3.19 A.1.5).
func (m *xmlModel) name(text string) {
	for i, group := range strings.SplitN(text, "=", 3) {
		if group == "" {
			continue
		}
		m.buf = append(m.buf, '<')
		m.buf = append(m.buf, nameGroups[i]...)
		m.buf = append(m.buf, '>')
		for j, component := range strings.SplitN(group, "^", 5) {
			if component == "" {
				continue
			}
			m.buf = append(m.buf, '<')
			m.buf = append(m.buf, nameComponents[j]...)
			m.buf = append(m.buf, '>')
			m.buf = appendXML(m.buf, component)
			m.buf = append(m.buf, "</"...)
			m.buf = append(m.buf, nameComponents[j]...)
			m.buf = append(m.buf, '>')
		}
		m.buf = append(m.buf, "</"...)
		m.buf = append(m.buf, nameGroups[i]...)
		m.buf = append(m.buf, '>')
	}
}

func (m *xmlModel) attribute(name, value string) {
	m.buf = append(m.buf, ' ')
	m.buf = append(m.buf, name...)
	m.buf = append(m.buf, `="`...)
	m.buf = appendXML(m.buf, value)
	m.buf = append(m.buf, '"')
}

func (m *xmlModel) newLine() {
	m.buf = append(m.buf, '\n')
	for range m.depth {
		m.buf = append(m.buf, "  "...)
	}
}

// appendXML writes text for XML; characters that XML has no form for become U+FFFD.
func appendXML(to []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '<':
			to = append(to, "&lt;"...)
		case r == '>':
			to = append(to, "&gt;"...)
		case r == '&':
			to = append(to, "&amp;"...)
		case r == '"':
			to = append(to, "&quot;"...)
		case r == '\r':
			to = append(to, "&#13;"...)
		case r < 0x20 && r != '\n' && r != '\t', r == 0xFFFE, r == 0xFFFF:
			to = append(to, "\uFFFD"...)
		default:
			to = utf8.AppendRune(to, r)
		}
	}
	return to
}

func (m *xmlModel) binary(r io.Reader) error { return m.base64(r, "<InlineBinary>", "</InlineBinary>") }
