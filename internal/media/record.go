package media

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

const (
	tagContentSequence      dicom.Tag = 0x0040A730
	tagVerificationDateTime dicom.Tag = 0x0040A030
	tagVerifyingObservers   dicom.Tag = 0x0040A073
	tagRelationshipType     dicom.Tag = 0x0040A010
	lastRecordTag           dicom.Tag = 0x30100034
)

// recordMemory bounds what the records of one object may take of it; a report with a larger tree goes without the part
// of it that its record could have.
const recordMemory = 8 << 20

// record is what the directory says of an object.
type record struct {
	kind     *recordKind
	class    dicom.UID
	instance dicom.UID
	syntax   dicom.UID
	received time.Time
	values   *dicom.Dataset // what the object has of what its records need
	number   int            // within the parent, where the object has none
}

// readRecord reads the header of an object.
func readRecord(e *entry) (*record, error) {
	o := e.object
	r := &record{kind: kindOf(o.SOPClassUID), class: o.SOPClassUID, instance: o.SOPInstanceUID, syntax: o.TransferSyntax,
		received: o.Received, values: &dicom.Dataset{}}
	wanted := map[dicom.Tag]bool{dicom.TagSpecificCharacterSet: true}
	for _, list := range [][]key{patientKeys, studyKeys, extendedSeriesKeys, r.kind.keys} {
		for _, k := range list {
			wanted[k.tag] = true
		}
	}
	for _, t := range append(dates, times...) {
		wanted[t] = true
	}
	wanted[tagVerifyingObservers] = wanted[tagVerificationDateTime]
	err := r.collect(o.Reader(), wanted)
	var tooMuch *codec.LimitError
	if errors.As(err, &tooMuch) {
		err = nil // what came before is there
	}
	return r, err
}

func (r *record) collect(data io.Reader, wanted map[dicom.Tag]bool) error {
	limits := codec.DefaultLimits()
	limits.MaxMemory = recordMemory
	f, err := codec.OpenFile(data, limits)
	if err != nil {
		return err
	}
	if r.syntax == "" {
		r.syntax = f.TransferSyntax.UID
	}
	r.values.BigEndian = f.TransferSyntax.BigEndian
	for {
		h, err := f.Next()
		if errors.Is(err, io.EOF) || err == nil && h.Tag > lastRecordTag {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Kind == codec.KindPadding {
			continue
		}
		if !wanted[h.Tag] || h.Kind == codec.KindFragments {
			if err := f.Skip(); err != nil {
				return err
			}
			continue
		}
		e, err := f.Element()
		if err != nil {
			return err
		}
		r.take(e)
	}
}

// take keeps an element; of the content of a report what its record may have (PS3.3 F.5.12).
func (r *record) take(e dicom.Element) {
	switch e.Tag {
	case tagContentSequence:
		e.Items = conceptModifiers(e.Items)
		if len(e.Items) == 0 {
			return
		}
	case tagVerifyingObservers:
		var last string
		for _, item := range e.Items {
			last = max(last, item.String(tagVerificationDateTime))
		}
		if last != "" {
			r.values.SetString(tagVerificationDateTime, dicom.VRDT, last)
		}
		return
	}
	r.values.Elements = append(r.values.Elements, e)
}

func conceptModifiers(items []*dicom.Dataset) []*dicom.Dataset {
	var kept []*dicom.Dataset
	for _, item := range items {
		if item.String(tagRelationshipType) == "HAS CONCEPT MOD" {
			kept = append(kept, item)
		}
	}
	return kept
}

// encode gives the attributes of a record, with the character set of the object where text needs one.
func (r *record) encode(keys []key) ([]byte, error) {
	ds := &dicom.Dataset{BigEndian: r.values.BigEndian}
	for _, k := range keys {
		if e := r.values.Get(k.tag); e != nil && !isEmpty(e) {
			ds.Elements = append(ds.Elements, *e)
			continue
		}
		if k.use != optional {
			ds.Elements = append(ds.Elements, r.substitute(k))
		}
	}
	body, err := codec.Marshal(ds, explicitLittleEndian)
	if err != nil || !needsCharset(ds) {
		return body, err
	}
	set := r.values.Get(dicom.TagSpecificCharacterSet)
	if set == nil || isEmpty(set) {
		return body, nil
	}
	head, err := codec.Marshal(&dicom.Dataset{Elements: []dicom.Element{*set}}, explicitLittleEndian)
	return append(head, body...), err
}

func isEmpty(e *dicom.Element) bool {
	return len(e.Items) == 0 && len(bytes.Trim(e.Value, " \x00")) == 0 && (e.VR.IsString() || len(e.Value) == 0)
}

// needsCharset reports whether there is text outside the default repertoire.
func needsCharset(ds *dicom.Dataset) bool {
	for i := range ds.Elements {
		e := &ds.Elements[i]
		for _, item := range e.Items {
			if needsCharset(item) {
				return true
			}
		}
		if e.VR.IsString() && bytes.ContainsFunc(e.Value, func(c rune) bool { return c >= 0x80 || c == 0x1B }) {
			return true
		}
	}
	return false
}

// Where a date or a time is looked for if the one that is due is missing, the nearest first.
var (
	dates = []dicom.Tag{0x00080023, 0x00080022, 0x00080021, 0x00080020, 0x00080012}
	times = []dicom.Tag{0x00080033, 0x00080032, 0x00080031, 0x00080030, 0x00080013}
)

// substitute is what stands for an attribute that the object does not have.
func (r *record) substitute(k key) dicom.Element {
	value := ""
	switch k.use {
	case aDate:
		value = r.firstOf(dates, r.received.UTC().Format("20060102"))
	case aTime:
		value = r.firstOf(times, r.received.UTC().Format("150405"))
	case aNumber:
		value = strconv.Itoa(r.number)
	case aLabel:
		value = "UNKNOWN"
	case aPatientID:
		value = "UNKNOWN" + strconv.Itoa(r.number)
	case aModality:
		value = "OT"
	}
	ds := &dicom.Dataset{}
	if k.vr == dicom.VRSQ {
		ds.SetItems(k.tag)
	} else {
		ds.SetString(k.tag, k.vr, value)
	}
	return ds.Elements[0]
}

func (r *record) firstOf(tags []dicom.Tag, otherwise string) string {
	for _, t := range tags {
		if v := r.values.String(t); v != "" {
			return v
		}
	}
	return otherwise
}
