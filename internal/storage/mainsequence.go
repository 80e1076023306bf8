package storage

import (
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/jsonout"
)

// maxSequence bounds the text that is kept of a sequence among the main DICOM tags; a larger one is left out.
const maxSequence = 4 << 10

// passSequence passes over what is no element; of a sequence that the index keeps it takes the text along.
func (p *plan) passSequence(h *header, e *codec.Header, r *codec.Reader) error {
	if e.Kind == codec.KindSequence && e.Depth == 0 {
		for _, w := range p.tags {
			if w.tag == e.Tag && w.sequence {
				return p.keepSequence(h, w, e, r)
			}
		}
	}
	return r.Skip()
}

// keepSequence keeps a main DICOM tag that is a sequence, as JSON: an array of objects whose members are the elements of
// an item under "gggg,eeee", texts and arrays; null is what has no text. It reads to the sequence's end.
func (p *plan) keepSequence(h *header, w wanted, e *codec.Header, r *codec.Reader) error {
	b := []byte{'['}
	comma := func() {
		if c := b[len(b)-1]; c != '[' && c != '{' {
			b = append(b, ',')
		}
	}
	for {
		x, err := r.Next()
		if err != nil {
			return err
		}
		fits := len(b) < maxSequence
		switch x.Kind {
		case codec.KindSequenceEnd:
			if b = append(b, ']'); x.Depth == e.Depth {
				if fits {
					start := len(h.arena)
					h.arena = append(h.arena, b...)
					h.values = append(h.values, value{w, dicom.VRSQ, start, len(h.arena)})
				}
				return nil
			}
		case codec.KindItem:
			comma()
			b = append(b, '{')
		case codec.KindItemEnd:
			b = append(b, '}')
		case codec.KindSequence, codec.KindElement:
			if !fits {
				if err := r.Skip(); err != nil {
					return err
				}
				continue
			}
			comma()
			b = append(b, '"')
			b = append(b, strings.ToLower(strings.Trim(x.Tag.String(), "()"))...)
			b = append(b, '"', ':')
			if x.Kind == codec.KindSequence {
				b = append(b, '[')
				continue
			}
			if b, err = p.appendElement(b, &x, r); err != nil {
				return err
			}
		default:
			if err := r.Skip(); err != nil {
				return err
			}
		}
	}
}

// appendElement writes the value of an element in an item.
func (p *plan) appendElement(b []byte, e *codec.Header, r *codec.Reader) ([]byte, error) {
	if e.Length > maxTagValue {
		return append(b, "null"...), r.Skip()
	}
	v, err := r.Value()
	if err != nil {
		return b, err
	}
	h := header{arena: v, bigEndian: e.BigEndian}
	text, ok := h.text(&value{vr: e.VR, end: len(v)}, string(v), p.decoderOf(r.Charset()))
	if !ok {
		return append(b, "null"...), nil
	}
	return jsonout.AppendString(b, strings.Trim(text, " \x00")), nil
}
