package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
)

// Values come out as text in UTF-8, by VR and character set, whatever the order of the elements.
func TestHeaderValues(t *testing.T) {
	t.Parallel()
	uids := []dicom.Element{
		{Tag: dicom.TagSOPInstanceUID, VR: dicom.VRUI, Value: []byte("1.2.3\x00")},
		{Tag: dicom.TagStudyInstanceUID, VR: dicom.VRUI, Value: []byte("1.2 ")},
		{Tag: dicom.TagSeriesInstanceUID, VR: dicom.VRUI, Value: []byte("1.2.4\x00")},
	}
	for name, c := range map[string]struct {
		elements []dicom.Element
		tag      dicom.Tag
		want     string
		absent   bool
	}{
		"Latin 1": {[]dicom.Element{{Tag: dicom.TagSpecificCharacterSet, VR: dicom.VRCS, Value: []byte("ISO_IR 100")},
			{Tag: dicom.TagPatientName, VR: dicom.VRPN, Value: []byte("M\xfcller^\xc4nne ")}}, dicom.TagPatientName, "Müller^Änne", false},
		"assumed where none is named (Latin 2)": {[]dicom.Element{{Tag: dicom.TagPatientName, VR: dicom.VRPN, Value: []byte("\xb1")}},
			dicom.TagPatientName, "ą", false},
		"numbers in binary": {[]dicom.Element{{Tag: dicom.TagNumberOfSlices, VR: dicom.VRUS, Value: []byte{1, 1, 2, 0}}},
			dicom.TagNumberOfSlices, `257\2`, false},
		"present and empty": {[]dicom.Element{{Tag: dicom.TagAccessionNumber, VR: dicom.VRSH}}, dicom.TagAccessionNumber, "", false},
		"unknown VR":        {[]dicom.Element{{Tag: dicom.TagModality, VR: dicom.VRUN, Value: []byte("CT")}}, dicom.TagModality, "CT", false},
		"too long to keep": {[]dicom.Element{{Tag: dicom.TagImageComments, VR: dicom.VRLT, Value: bytes.Repeat([]byte("x"), 258)}},
			dicom.TagImageComments, "", true},
	} {
		ds := &dicom.Dataset{}
		for _, e := range append(c.elements, uids...) {
			ds.Set(e)
		}
		for _, ts := range []dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.DeflatedExplicitVRLittleEndian} {
			if ts == dicom.ImplicitVRLittleEndian && name == "unknown VR" {
				continue
			}
			tags, err := headerOf(ds, ts)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got, ok := tags.Get(c.tag); got != c.want || ok == c.absent {
				t.Errorf("%s: %q, %v, want %q", name, got, ok, c.want)
			}
		}
	}
}

// headerOf gives the tags of all levels of a data set.
func headerOf(ds *dicom.Dataset, uid dicom.UID) (index.Tags, error) {
	ts := dicom.LookupTransferSyntax(uid)
	b, err := codec.Marshal(ds, ts)
	if err != nil {
		return nil, err
	}
	p := newPlan(Options{DefaultCharset: "ISO_IR 101"})
	h := p.get()
	h.reader.Reset(bytes.NewReader(b), ts, codec.Limits{})
	if err := p.read(h, h.reader); err != nil {
		return nil, err
	}
	n := &index.NewInstance{}
	err = p.instance(h, n, 0, int64(len(b)))
	return append(append(append(n.Tags, n.SeriesTags...), n.StudyTags...), n.PatientTags...), err
}

func TestExtraMainTags(t *testing.T) {
	t.Parallel()
	p := newPlan(Options{ExtraMainTags: ExtraTags{Series: []dicom.Tag{dicom.TagPatientPosition, dicom.TagModality}}})
	want := len(index.MainTags(index.Series)) + 1
	if len(p.main[index.Series]) != want {
		t.Errorf("%d tags of a series, want %d", len(p.main[index.Series]), want)
	}
}

// Whatever is cut off or wrong, the answer is an error that says what is the matter.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x08\x00\x18\x00UI\x06\x001.2.3\x00"))
	f.Add([]byte("\x08\x00\x05\x00CS\x0a\x00ISO_IR 100\x10\x00\x10\x00PN\x04\x00\xfc\xfc^A"))
	p := newPlan(Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h := p.get()
		defer p.put(h)
		h.reader.ResetBytes(b, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian), codec.Limits{})
		if p.read(h, h.reader) != nil {
			return
		}
		var bad *BadObjectError
		if err := p.instance(h, &index.NewInstance{}, 0, int64(len(b))); err != nil && !errors.As(err, &bad) {
			t.Errorf("%T %v", err, err)
		}
	})
}

// BenchmarkHeader reads headers of a real CT image, as Put does: parsed, decoded, ids made.
func BenchmarkHeader(b *testing.B) {
	file, err := os.ReadFile(filepath.Join(testkit.Samples(b), "CT_small.dcm"))
	if err != nil {
		b.Fatal(err)
	}
	f, err := codec.OpenFileBytes(file, codec.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	dataset, p := file[f.DatasetOffset:], newPlan(Options{})
	b.ReportAllocs()
	for b.Loop() {
		h := p.get()
		h.reader.ResetBytes(dataset, f.TransferSyntax, codec.Limits{})
		if err := p.read(h, h.reader); err != nil {
			b.Fatal(err)
		}
		if err := p.instance(h, &index.NewInstance{}, 0, int64(len(dataset))); err != nil {
			b.Fatal(err)
		}
		p.put(h)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "headers/s")
}
