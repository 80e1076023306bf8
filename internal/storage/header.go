package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
	"gantry/internal/storage/index"
)

// maxTagValue bounds the bytes of one main tag that the index keeps; longer ones are left out, as Orthanc does.
const maxTagValue = 256

// maxPatientID bounds the bytes of a PatientID. A long one is left out of the index, but it is what tells patients apart.
const maxPatientID = 16 << 10

// wanted is a tag to read from every header, and the levels that keep it (bit n: index.Level n).
type wanted struct {
	tag      dicom.Tag
	levels   uint8
	sequence bool
}

// plan says what is read of a data set. Of it the assumed character set alone changes after it was made.
type plan struct {
	tags       []wanted // ascending
	main       [index.Instance + 1][]dicom.Tag
	limits     codec.Limits
	signatures [index.Instance + 1]string // the tags of each level, "" for Orthanc's
	charset    atomic.Pointer[string]     // assumed where a data set names none
	readers    sync.Pool

	mu       sync.Mutex
	decoders map[string]*charset.Decoder
}

func newPlan(o Options) *plan {
	p := &plan{limits: o.Limits, decoders: map[string]*charset.Decoder{}}
	p.charset.Store(&o.DefaultCharset)
	p.readers.New = func() any { return &header{reader: codec.NewReaderBytes(nil, dicom.TransferSyntax{}, o.Limits)} }
	extra := [...][]dicom.Tag{index.Patient: o.ExtraMainTags.Patient, index.Study: o.ExtraMainTags.Study,
		index.Series: o.ExtraMainTags.Series, index.Instance: o.ExtraMainTags.Instance}
	p.want(0, dicom.TagSpecificCharacterSet, dicom.TagSOPClassUID, dicom.TagBitsAllocated)
	for l := index.Patient; l <= index.Instance; l++ {
		p.main[l] = append(index.MainTags(l), extra[l]...)
		slices.Sort(p.main[l])
		p.main[l] = slices.Compact(p.main[l])
		p.want(1<<l, p.main[l]...)
		if len(extra[l]) > 0 {
			p.signatures[l] = index.Signature(p.main[l])
		}
	}
	slices.SortFunc(p.tags, func(a, b wanted) int { return int(int64(a.tag) - int64(b.tag)) })
	return p
}

func (p *plan) want(levels uint8, tags ...dicom.Tag) {
	for _, t := range tags {
		if i := slices.IndexFunc(p.tags, func(w wanted) bool { return w.tag == t }); i >= 0 {
			p.tags[i].levels |= levels
		} else {
			p.tags = append(p.tags, wanted{t, levels, dict.VRFor(t) == dicom.VRSQ})
		}
	}
}

// value is an element of a header; its bytes lie in the header's arena.
type value struct {
	wanted
	vr         dicom.VR
	start, end int
}

// header is what a data set says about itself before its pixel data. It is pooled.
type header struct {
	reader    *codec.Reader
	values    []value
	arena     []byte
	bigEndian bool

	pixelAt   int64 // offset of the pixel data element in the data set, -1 without
	pixelVR   dicom.VR
	pixelTag  dicom.Tag
	pixelEnd  int64 // where it ends, 0 if that is not known
	truncated bool

	pixelStart   int64 // of its value
	encapsulated bool
	longID       bool // the PatientID is too long even to be told from others
}

func (p *plan) get() *header {
	h := p.readers.Get().(*header) //nolint:forcetypeassert // the pool holds nothing else
	h.reset()
	return h
}

func (h *header) reset() {
	h.values, h.arena = h.values[:0], h.arena[:0]
	h.pixelAt, h.pixelVR, h.pixelEnd, h.truncated = -1, dicom.VRNone, 0, false
	h.pixelTag, h.pixelStart, h.encapsulated, h.longID = 0, 0, false, false
}

func (p *plan) put(h *header) { p.readers.Put(h) }

// read walks r up to the pixel data, or to its end.
func (p *plan) read(h *header, r *codec.Reader) error {
	next, padded := 0, false
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			h.truncated = r.Truncated() && !padded
			return nil
		}
		if err != nil {
			return err
		}
		if e.Tag == dicom.TagPixelData || e.Tag == dicom.TagFloatPixelData || e.Tag == dicom.TagDoubleFloatPixelData {
			h.notePixels(&e)
			return nil
		}
		if e.Kind == codec.KindPadding && e.Depth == 0 && e.Length < 8 {
			b, err := r.Value()
			if err != nil {
				return err
			}
			padded = len(bytes.Trim(b, "\x00")) == 0 // zeros, rather than the beginning of an element
			continue
		}
		if e.Kind != codec.KindElement {
			if err := p.passSequence(h, &e, r); err != nil {
				return err
			}
			continue
		}
		if next > 0 && e.Tag < p.tags[next-1].tag {
			next = 0 // out of order: it happens
		}
		for next < len(p.tags) && p.tags[next].tag < e.Tag {
			next++
		}
		if e.Tag == dicom.TagPatientID && e.Length > maxPatientID {
			h.longID = true
		}
		if next < len(p.tags) && p.tags[next].tag == e.Tag && !p.tags[next].sequence && (e.Length <= maxTagValue ||
			e.Tag == dicom.TagPatientID && e.Length <= maxPatientID) {
			if err := h.keep(p.tags[next], &e, r); err != nil {
				return err
			}
		}
	}
}

func (h *header) notePixels(e *codec.Header) {
	h.pixelAt, h.pixelVR, h.pixelTag, h.pixelStart = e.Offset, e.VR, e.Tag, e.ValueOffset
	h.encapsulated = e.Kind == codec.KindFragments
	if e.Kind == codec.KindElement && !e.Undefined() {
		h.pixelEnd = e.ValueOffset + int64(e.Length)
	}
}

func (h *header) keep(w wanted, e *codec.Header, r *codec.Reader) error {
	b, err := r.Value()
	if err != nil {
		return err
	}
	start := len(h.arena)
	h.arena = append(h.arena, b...)
	h.bigEndian = e.BigEndian
	h.values = append(h.values, value{w, e.VR, start, len(h.arena)})
	return nil
}

// raw gives the bytes of a value without padding; nil if it is absent.
func (h *header) raw(t dicom.Tag) []byte {
	for i := range h.values {
		if v := &h.values[i]; v.tag == t {
			return bytes.Trim(h.arena[v.start:v.end], " \x00")
		}
	}
	return nil
}

func (h *header) uid(t dicom.Tag) string { return index.CleanUID(string(h.raw(t))) }

// instance fills in what a header tells of an instance. offset is where the data set begins in the stored file.
func (p *plan) instance(h *header, n *index.NewInstance, offset, size int64) error {
	study, series, sop := h.uid(dicom.TagStudyInstanceUID), h.uid(dicom.TagSeriesInstanceUID), h.uid(dicom.TagSOPInstanceUID)
	for _, c := range [...]struct {
		value string
		tag   dicom.Tag
		name  string
	}{{study, dicom.TagStudyInstanceUID, "StudyInstanceUID"}, {series, dicom.TagSeriesInstanceUID, "SeriesInstanceUID"},
		{sop, dicom.TagSOPInstanceUID, "SOPInstanceUID"}} {
		if c.value == "" {
			return &BadObjectError{Tag: c.tag, Name: c.name, Reason: "a required tag is missing or empty", Missing: true}
		}
	}
	if h.longID {
		return &BadObjectError{Tag: dicom.TagPatientID, Name: "PatientID",
			Reason: fmt.Sprintf("a value is longer than %d bytes", maxPatientID)}
	}
	patient := p.texts(h, n)
	n.Patient, n.Study, n.Series, n.ID = index.IDs(patient, study, series, sop)
	n.SOPInstanceUID = dicom.UID(sop)
	if class := h.uid(dicom.TagSOPClassUID); class != "" {
		n.SOPClassUID = dicom.UID(class)
	}
	n.IndexInSeries = indexInSeries(n.Tags)
	if h.pixelAt >= 0 && !dicom.LookupTransferSyntax(n.TransferSyntax).Deflated {
		n.PixelDataAt, n.PixelDataVR = offset+h.pixelAt, h.pixelVR
		n.UnusualVR = h.pixelVR != h.usualPixelVR(n.TransferSyntax)
		h.truncated = h.truncated || h.pixelEnd > 0 && offset+h.pixelEnd > size
	}
	n.Truncated = h.truncated
	return nil
}

// usualPixelVR is the VR that pixel data have as a rule (PS3.5 8.2 and A.4).
func (h *header) usualPixelVR(ts dicom.UID) dicom.VR {
	switch {
	case ts == dicom.ImplicitVRLittleEndian:
		return dicom.VROW
	case dicom.LookupTransferSyntax(ts).Encapsulated:
		return h.pixelVR // OB by definition, whatever is written there
	}
	bits := uint16(16)
	for i := range h.values {
		if v := &h.values[i]; v.tag == dicom.TagBitsAllocated && v.end-v.start == 2 {
			bits = binary.LittleEndian.Uint16(h.arena[v.start:])
			if h.bigEndian {
				bits = binary.BigEndian.Uint16(h.arena[v.start:])
			}
		}
	}
	if bits > 8 {
		return dicom.VROW
	}
	return dicom.VROB
}

// texts turns the values into UTF-8, each once, sorts them by level, and returns the PatientID for the ids.
func (p *plan) texts(h *header, n *index.NewInstance) (patientID string) {
	decoder := p.decoder(h)
	all := string(h.arena) // one piece of memory that all plain values share
	tags := make(index.Tags, 0, 2*len(h.values))
	lists := [...]*index.Tags{index.Patient: &n.PatientTags, index.Study: &n.StudyTags, index.Series: &n.SeriesTags,
		index.Instance: &n.Tags}
	slices.SortStableFunc(h.values, func(a, b value) int { return int(int64(a.tag) - int64(b.tag)) })
	for l := index.Patient; l <= index.Instance; l++ {
		first := len(tags)
		for i := range h.values {
			v := &h.values[i]
			if v.levels&(1<<l) == 0 || i > 0 && h.values[i-1].tag == v.tag {
				continue
			}
			text, ok := h.text(v, all, decoder)
			if !ok {
				continue
			}
			if v.tag == dicom.TagPatientID {
				patientID = text
				if v.vr != dicom.VRUN { // Orthanc takes bytes of unknown VR as they are
					patientID = index.CleanPatientID(text)
				}
			}
			if v.end-v.start > maxTagValue && v.vr != dicom.VRSQ {
				continue
			}
			if text = strings.Trim(text, "\x00"); v.vr != dicom.VRUN { // Orthanc takes bytes of unknown VR as they are
				text = strings.Trim(text, " \x00")
			}
			tags = append(tags, index.Tag{Tag: v.tag, Value: text})
		}
		*lists[l] = tags[first:len(tags):len(tags)]
	}
	return patientID
}

// text is a value in UTF-8; ok is false for a VR that has no text.
func (h *header) text(v *value, all string, d *charset.Decoder) (string, bool) {
	switch {
	case v.vr == dicom.VRSQ: // JSON, see keepSequence
		return all[v.start:v.end], true
	case v.vr.IsText():
		if s := all[v.start:v.end]; plain(s) {
			return s, true
		}
		return d.Decode(h.arena[v.start:v.end], v.vr), true
	case v.vr.IsString(), v.vr == dicom.VRUN:
		s := all[v.start:v.end]
		if !utf8.ValidString(s) {
			return d.Decode(h.arena[v.start:v.end], dicom.VRLO), true
		}
		return s, true
	}
	return number(h.arena[v.start:v.end], v.vr, h.bigEndian)
}

// plain reports whether a text means the same in every repertoire: ASCII without escape sequences.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == 0x1b {
			return false
		}
	}
	return true
}

// number writes binary numbers as decimal text, several parted by backslashes.
func number(b []byte, vr dicom.VR, bigEndian bool) (string, bool) {
	width := vr.Width()
	if !vr.IsBinary() || width < 2 || len(b)%width != 0 || len(b) > 1024 {
		return "", false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if bigEndian {
		order = binary.BigEndian
	}
	var out []byte
	for ; len(b) > 0; b = b[width:] {
		if len(out) > 0 {
			out = append(out, '\\')
		}
		switch vr {
		case dicom.VRUS:
			out = strconv.AppendUint(out, uint64(order.Uint16(b)), 10)
		case dicom.VRSS:
			out = strconv.AppendInt(out, int64(int16(order.Uint16(b))), 10)
		case dicom.VRUL:
			out = strconv.AppendUint(out, uint64(order.Uint32(b)), 10)
		case dicom.VRSL:
			out = strconv.AppendInt(out, int64(int32(order.Uint32(b))), 10)
		case dicom.VRFL:
			out = strconv.AppendFloat(out, float64(math.Float32frombits(order.Uint32(b))), 'g', -1, 32)
		case dicom.VRFD:
			out = strconv.AppendFloat(out, math.Float64frombits(order.Uint64(b)), 'g', -1, 64)
		case dicom.VRUV:
			out = strconv.AppendUint(out, order.Uint64(b), 10)
		case dicom.VRSV:
			out = strconv.AppendInt(out, int64(order.Uint64(b)), 10)
		default:
			return "", false
		}
	}
	return string(out), true
}

// decoder finds the decoder for a header's Specific Character Set; the few in use are kept.
func (p *plan) decoder(h *header) *charset.Decoder {
	return p.decoderOf(h.raw(dicom.TagSpecificCharacterSet))
}

// SetDefaultCharset changes Options.DefaultCharset for what is read from now on.
func (s *Store) SetDefaultCharset(term string) { s.plan.charset.Store(&term) }

// decoderOf finds the decoder for a Specific Character Set.
func (p *plan) decoderOf(set []byte) *charset.Decoder {
	if len(set) == 0 {
		set = []byte(*p.charset.Load())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.decoders[string(set)]; d != nil {
		return d
	}
	var terms []string
	for term := range strings.SplitSeq(string(set), `\`) {
		terms = append(terms, strings.Trim(term, " \x00"))
	}
	d, _ := charset.New(terms) // an unknown term is no reason to refuse an object; the decoder does its best
	if len(p.decoders) >= 64 {
		clear(p.decoders)
	}
	p.decoders[string(set)] = d
	return d
}

// indexInSeries is Instance Number, or else Image Index, where that is a whole number (Orthanc's metadata of that name).
func indexInSeries(tags index.Tags) string {
	for _, t := range [...]dicom.Tag{dicom.TagInstanceNumber, 0x00541330} {
		if v, ok := tags.Get(t); ok {
			if _, err := strconv.ParseUint(v, 10, 32); err == nil {
				return v
			}
		}
	}
	return ""
}

// badData wraps what the codec says about received bytes.
func badData(err error) error {
	if err == nil {
		return nil
	}
	var bad *BadObjectError
	if errors.As(err, &bad) {
		return err
	}
	return &BadObjectError{Reason: "the data set cannot be read", Err: fmt.Errorf("%w", err)}
}
