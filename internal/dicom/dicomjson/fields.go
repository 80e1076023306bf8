package dicomjson

import (
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/jsonout"
)

// fields writes what stands behind the key of an element: an object with name, type and value in the full form, the
// value alone in the others.
func (t *tagWriter) fields(l *level, h codec.Header, name string, creatorName []byte) error {
	full := t.o.Format == Full
	inner := l.depth
	fields := 0
	if full {
		inner++
		t.buf = append(t.buf, '{')
		t.key(inner, &fields, "Name")
		t.buf = jsonout.AppendString(t.buf, name)
		if h.Tag.IsPrivate() && !h.Tag.IsPrivateCreator() && h.Kind != codec.KindSequence {
			if by := l.creatorOf(h.Tag); by != "" {
				t.key(inner, &fields, "PrivateCreator")
				t.buf = jsonout.AppendString(t.buf, by)
			}
		}
	}
	if err := t.typeAndValue(inner, &fields, h, creatorName); err != nil {
		return err
	}
	if full {
		t.newLine(inner)
		t.buf = append(t.buf, '}')
	}
	return nil
}

func (t *tagWriter) typeAndValue(depth int, fields *int, h codec.Header, creatorName []byte) error {
	if h.Kind == codec.KindSequence {
		t.typed(depth, fields, "Sequence")
		return t.sequence(depth, h)
	}
	release, err := t.hold(h)
	if err != nil {
		return err
	}
	defer release()
	kind, text, err := t.leaf(h, creatorName)
	if err != nil {
		return err
	}
	t.typed(depth, fields, kind)
	if kind == "String" {
		t.buf = jsonout.AppendString(t.buf, text)
	} else {
		t.buf = append(t.buf, "null"...)
	}
	return nil
}

// typed writes the field Type and the key of the value, where the form has them.
func (t *tagWriter) typed(depth int, fields *int, kind string) {
	if t.o.Format != Full {
		return
	}
	t.key(depth, fields, "Type")
	t.buf = append(t.buf, '"')
	t.buf = append(t.buf, kind...)
	t.buf = append(t.buf, '"')
	t.key(depth, fields, "Value")
}

// sequence writes the items of a sequence as an array.
func (t *tagWriter) sequence(depth int, sequence codec.Header) error {
	t.buf = append(t.buf, '[')
	items := 0
	for {
		h, err := t.r.Next()
		if err != nil {
			return err
		}
		if h.Kind == codec.KindSequenceEnd && h.Depth == sequence.Depth {
			break
		}
		if items > 0 {
			t.buf = append(t.buf, ',')
		}
		items++
		t.newLine(depth + 1)
		if err := t.object(depth + 1); err != nil {
			return err
		}
	}
	if items > 0 {
		t.newLine(depth)
	}
	t.buf = append(t.buf, ']')
	return nil
}

// leaf returns the type and the text of an element without items.
func (t *tagWriter) leaf(h codec.Header, creatorName []byte) (kind, text string, err error) {
	if h.Kind == codec.KindFragments {
		return "Null", "", skip(t.r, h)
	}
	if !t.shown(h) {
		return "Null", "", t.r.Skip()
	}
	if t.surelyTooLong(h) {
		return "TooLong", "", t.r.Skip()
	}
	value := creatorName
	if value == nil {
		if value, err = t.r.Value(); err != nil {
			return "", "", err
		}
	}
	kind, text = t.valueText(h, value)
	return kind, text, nil
}

// hold asks for the memory of a value that is going to be read.
func (t *tagWriter) hold(h codec.Header) (release func(), err error) {
	if !t.shown(h) || t.surelyTooLong(h) {
		return func() {}, nil
	}
	return holdValue(h, t.o.Hold)
}

// shown reports whether the value of an element may be given as text. Of unknown VR are only standard elements, where
// the dictionary knows better, and private creators.
func (t *tagWriter) shown(h codec.Header) bool {
	switch {
	case h.VR != dicom.VRUN:
		return h.VR.IsString() || numberSize(h.VR) > 0
	case h.Tag.IsPrivate():
		return h.Tag.IsPrivateCreator()
	}
	return t.o.Dictionary.VRFor(h.Tag).IsString()
}

// longestRead is the size of a value in bytes up to which its text is looked at to tell whether it is too long.
const longestRead = 64 << 10

// surelyTooLong tells by its size that the text of a value will be left out, so that it is never in memory.
func (t *tagWriter) surelyTooLong(h codec.Header) bool {
	if _, whole := t.o.Whole[h.Tag]; whole || t.o.MaximumLength == 0 {
		return false
	}
	return h.Length > max(longestRead, 8*uint32(t.o.MaximumLength))
}

func (t *tagWriter) valueText(h codec.Header, value []byte) (kind, text string) {
	switch {
	case numberSize(h.VR) > 0:
		t.value = appendNumbers(t.value[:0], value, h.VR, h.BigEndian)
		text = string(t.value)
	case h.VR == dicom.VRUN:
		if !isASCII(value) {
			return "Null", ""
		}
		text = string(trimNULs(value))
	default:
		text = trim(t.texts.decode(value, t.r.Charset(), h.VR))
	}
	if _, whole := t.o.Whole[h.Tag]; !whole && t.o.MaximumLength > 0 && len(text) > t.o.MaximumLength {
		return "TooLong", ""
	}
	return "String", text
}

// keyOf is the key of an element in the form that is written.
func (t *tagWriter) keyOf(tag dicom.Tag, name string) string {
	if t.o.Format == Simplified {
		return name
	}
	t.value = appendTag(t.value[:0], tag)
	return string(t.value)
}

// key begins an entry of an object.
func (t *tagWriter) key(depth int, entries *int, key string) {
	if *entries > 0 {
		t.buf = append(t.buf, ',')
	}
	*entries++
	t.newLine(depth + 1)
	t.buf = jsonout.AppendString(t.buf, key)
	t.buf = append(t.buf, ": "...)
}

func (t *tagWriter) newLine(depth int) {
	t.buf = append(t.buf, '\n')
	for range depth {
		t.buf = append(t.buf, "   "...)
	}
}
