package dicomjson

import (
	"errors"
	"io"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
)

// WriteTags writes the tags of a data set as one JSON object in the form of Orthanc's routes
// /instances/{id}/tags and /simplified-tags. The Reader stands before the data set; pixel data is passed over. The
// error is that of the Reader or of w; what was written before it is no whole JSON.
func WriteTags(w io.Writer, r *codec.Reader, o Options) error {
	t := &tagWriter{w: w, r: r, o: o, texts: texts{fallback: o.Charset}}
	t.buf = make([]byte, 0, flushAt+4<<10)
	if err := t.object(0); err != nil {
		return err
	}
	return t.flush()
}

// WriteMeta writes the file meta information (group 0002) in the same forms, as /instances/{id}/header gives it.
func WriteMeta(w io.Writer, meta *dicom.Dataset, o Options) error {
	encoded, err := codec.Marshal(meta, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		return err
	}
	r := codec.NewReaderBytes(encoded, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian), codec.Limits{})
	return WriteTags(w, r, o)
}

// tagWriter writes the objects of a data set and of its items.
type tagWriter struct {
	w     io.Writer
	r     *codec.Reader
	o     Options
	texts texts
	buf   []byte // JSON that is not written yet
	value []byte // text of numbers
	// holding counts the entries around this one that may still be replaced: nothing can be handed on meanwhile.
	holding int
}

// errPixelData ends a data set at its pixel data.
var errPixelData = errors.New("dicomjson: pixel data")

// object writes a data set, or an item, up to its end.
func (t *tagWriter) object(depth int) error {
	level := level{depth: depth}
	t.buf = append(t.buf, '{')
	for {
		h, err := t.r.Next()
		if errors.Is(err, io.EOF) && depth == 0 || err == nil && h.Kind == codec.KindItemEnd {
			break
		}
		if err != nil {
			return err
		}
		if err := t.element(&level, h); errors.Is(err, errPixelData) {
			break
		} else if err != nil {
			return err
		}
		if len(t.buf) >= flushAt && t.holding == 0 {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	t.writeHeld(&level)
	if level.entries > 0 {
		t.newLine(depth)
	}
	t.buf = append(t.buf, '}')
	return nil
}

// level is what is known about the data set or item that is being written.
type level struct {
	depth    int
	entries  int
	creators []creator
	held     []held
}

// creator is a private block and who has reserved it (PS3.5 7.8.1).
type creator struct {
	block dicom.Tag // group and block number, as in (gggg,bb00)
	name  string
}

func (l *level) creatorOf(t dicom.Tag) string {
	for i := len(l.creators) - 1; i >= 0; i-- {
		if l.creators[i].block == t&^0xff {
			return l.creators[i].name
		}
	}
	return ""
}

// element writes one element, or passes over it.
func (t *tagWriter) element(l *level, h codec.Header) error {
	var creatorName []byte
	if h.Tag.IsPrivateCreator() {
		value, err := t.r.Value()
		if err != nil {
			return err
		}
		creatorName = value
		l.noteCreator(h, trim(t.texts.decode(value, t.r.Charset(), dicom.VRLO)))
	}
	if l.depth == 0 && t.o.Only != nil && !t.o.Only(h.Tag) {
		return skip(t.r, h)
	}
	if err := t.entry(l, h, creatorName); err != nil {
		return err
	}
	if h.Tag == dicom.TagPixelData && l.depth == 0 && !t.o.PastPixelData {
		return errPixelData
	}
	return nil
}

// noteCreator remembers who has reserved a block. One of unknown VR names no creator in Orthanc's tags.
func (l *level) noteCreator(h codec.Header, name string) {
	if h.VR == dicom.VRLO {
		l.creators = append(l.creators, creator{dicom.NewTag(h.Tag.Group(), h.Tag.Element()<<8), name})
	}
}

// entry writes key and value. The simplified form may have a key twice among private elements, and the last one
// counts: those wait for the end of their object.
func (t *tagWriter) entry(l *level, h codec.Header, creatorName []byte) error {
	name := t.nameOf(l, h.Tag)
	mayRepeat := h.Tag.IsPrivate() || h.Tag.IsGroupLength() || name == unknownName
	if t.o.Format != Simplified || !mayRepeat {
		t.key(l.depth, &l.entries, t.keyOf(h.Tag, name))
		return t.fields(l, h, name, creatorName)
	}
	written := t.buf
	t.buf = nil
	t.holding++
	err := t.fields(l, h, name, creatorName)
	t.holding--
	l.hold(name, t.buf)
	t.buf = written
	return err
}

// held is an entry of the simplified form that a later one of the same key may replace.
type held struct {
	key  string
	json []byte
}

func (l *level) hold(key string, json []byte) {
	for i := range l.held {
		if l.held[i].key == key {
			l.held[i].json = json
			return
		}
	}
	l.held = append(l.held, held{key, json})
}

func (t *tagWriter) writeHeld(l *level) {
	for _, h := range l.held {
		t.key(l.depth, &l.entries, h.key)
		t.buf = append(t.buf, h.json...)
	}
}

func (t *tagWriter) nameOf(l *level, tag dicom.Tag) string {
	var entry dict.Entry
	var known bool
	switch {
	case tag.IsGroupLength() && tag.IsPrivate():
		return "PrivateGroupLength"
	case tag.IsGroupLength() && tag.Group() > 0x0002:
		return "GenericGroupLength"
	case tag.IsPrivateCreator():
		return "PrivateCreator"
	case tag.IsPrivate():
		entry, known = t.o.Dictionary.LookupPrivate(l.creatorOf(tag), tag)
	default:
		entry, known = t.o.Dictionary.Lookup(tag)
	}
	switch {
	case !known, entry.Keyword == "RetiredBlank": // the standard has forgotten what it was
		return unknownName
	case entry.Keyword != "" && entry.Retired && tag != tagOtherPatientIDs:
		return retiredPrefix + entry.Keyword
	case entry.Keyword != "":
		return entry.Keyword
	case entry.Name != "":
		return keyword(entry.Name)
	}
	return unknownName
}

// keyword makes of a private element's name a word in the manner of the standard's keywords: "Series contrast" is
// SeriesContrast.
func keyword(name string) string {
	word := make([]byte, 0, len(name))
	begins := true
	for _, b := range []byte(name) {
		switch {
		case b >= 'a' && b <= 'z' && begins:
			word = append(word, b-'a'+'A')
			begins = false
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9':
			word = append(word, b)
			begins = false
		default:
			begins = true
		}
	}
	if len(word) == 0 {
		return unknownName
	}
	return string(word)
}

// flush hands what is written so far to w.
func (t *tagWriter) flush() error {
	_, err := t.w.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}
