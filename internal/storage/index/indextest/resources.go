package indextest

import (
	"errors"
	"reflect"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

func testResources(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	put(t, x, n, Make("P", "1", "1", "2"), Make("P", "2", "1", "1"))
	view(t, x, func(r index.ReadTx) error {
		p, err := r.Patient(n.Patient)
		if err != nil || p.ID != n.Patient || p.Protected || !p.LastUpdate.Equal(n.Received) {
			t.Errorf("patient: %+v, %v", p, err)
		}
		st, err := r.Study(n.Study)
		if err != nil || st.ID != n.Study || st.Patient != n.Patient {
			t.Errorf("study: %+v, %v", st, err)
		}
		se, err := r.Series(n.Series)
		if err != nil || se.ID != n.Series || se.Study != n.Study || se.Patient != n.Patient || se.RemoteAET != "CT01" {
			t.Errorf("series: %+v, %v", se, err)
		}
		in, err := r.Instance(n.ID)
		if err != nil {
			return err
		}
		want := n.InstanceRow
		want.Key, want.Blob.Instance = in.Key, n.ID
		if !reflect.DeepEqual(*in, want) {
			t.Errorf("instance\n got %+v\nwant %+v", *in, want)
		}
		if b, err := r.Stored(n.ID); err != nil || b != want.Blob {
			t.Errorf("stored %+v, %v", b, err)
		}
		for id, want := range map[index.ID]index.Level{n.ID: index.Instance, n.Series: index.Series, n.Study: index.Study,
			n.Patient: index.Patient} {
			if l, err := r.Resource(id); err != nil || l != want {
				t.Errorf("resource %v: %v, %v", id, l, err)
			}
		}
		if _, err := r.Resource(index.ID{}); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("unknown resource: %v", err)
		}
		if _, err := r.Instance(n.Series); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("unknown instance: %v", err)
		}
		if s, err := r.ResourceStatistics(index.Patient, n.Patient); err != nil ||
			s != (index.Statistics{Patients: 1, Studies: 2, Series: 2, Instances: 3, Bytes: 3000, Plain: 3000}) {
			t.Errorf("statistics of the patient: %+v, %v", s, err)
		}
		return nil
	})
	if st := statistics(t, x); st != (index.Statistics{Patients: 1, Studies: 2, Series: 2, Instances: 3, Bytes: 3000, Plain: 3000}) {
		t.Errorf("statistics: %+v", st)
	}
}

func testTags(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	n.Tags = append(n.Tags, index.Tag{Tag: 0x7fe00001, Value: "日本語 \u2028 \x01 \U0001F600"})
	put(t, x, n)
	view(t, x, func(r index.ReadTx) error {
		p, err1 := r.Patient(n.Patient)
		st, err2 := r.Study(n.Study)
		se, err3 := r.Series(n.Series)
		in, err4 := r.Instance(n.ID)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		for _, c := range []struct{ got, want index.Tags }{{p.Tags, n.PatientTags}, {st.Tags, n.StudyTags},
			{se.Tags, n.SeriesTags}, {in.Tags, n.Tags}} {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("tags\n got %q\nwant %q", c.got, c.want)
			}
		}
		if v, ok := p.Tags.Get(dicom.TagPatientBirthDate); !ok || v != "" {
			t.Errorf("a tag that is present and empty: %q, %v", v, ok)
		}
		if _, ok := p.Tags.Get(dicom.TagPatientSex); ok {
			t.Error("an absent tag is present")
		}
		return nil
	})
}

func testReplace(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	a, b := Make("P", "1", "1", "1"), Make("P", "1", "1", "1")
	put(t, x, a)
	b.Blob.Seq, b.Blob.Size, b.SOPClassUID = 8, 500, dicom.MRImageStorage
	b.PatientTags[0].Value = "Corrected^Name"
	put(t, x, b)
	view(t, x, func(r index.ReadTx) error {
		in, err := r.Instance(a.ID)
		if err != nil || in.Blob.Seq != 8 || in.SOPClassUID != dicom.MRImageStorage {
			t.Errorf("replaced instance: %+v, %v", in, err)
		}
		p, err := r.Patient(a.Patient)
		if err != nil || p.Tags[0].Value != "Corrected^Name" {
			t.Errorf("patient of the only instance keeps its old name: %+v, %v", p, err)
		}
		return nil
	})
	put(t, x, Make("P", "2", "1", "1"))
	b.PatientTags[0].Value, b.StudyTags[0].Value = "Third^Name", "19990101"
	put(t, x, b)
	view(t, x, func(r index.ReadTx) error {
		p, err := r.Patient(a.Patient)
		if err != nil || p.Tags[0].Value != "Corrected^Name" {
			t.Errorf("patient of two studies takes a name from one: %+v, %v", p, err)
		}
		st, err := r.Study(a.Study)
		if err != nil || st.Tags[0].Value != "19990101" {
			t.Errorf("study: %+v, %v", st, err)
		}
		return nil
	})
	if st := statistics(t, x); st.Instances != 2 || st.Bytes != 1500 {
		t.Errorf("statistics: %+v", st)
	}
}

func testDelete(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	a, b, c := Make("P", "1", "1", "1"), Make("P", "1", "1", "2"), Make("P", "2", "1", "1")
	put(t, x, a, b, c)
	for _, step := range []struct {
		n         *index.NewInstance
		gone      int
		remaining *index.Resource
		left      index.Statistics
	}{
		{a, 1, &index.Resource{Level: index.Series, ID: a.Series}, index.Statistics{Patients: 1, Studies: 2, Series: 2, Instances: 2, Bytes: 2000, Plain: 2000}},
		{b, 3, &index.Resource{Level: index.Patient, ID: a.Patient}, index.Statistics{Patients: 1, Studies: 1, Series: 1, Instances: 1, Bytes: 1000, Plain: 1000}},
		{c, 4, nil, index.Statistics{}},
	} {
		update(t, x, func(tx index.Tx) error {
			r, err := tx.DeleteInstance(step.n.ID)
			if err != nil {
				return err
			}
			if len(r.Levels) != step.gone || !reflect.DeepEqual(r.Remaining, step.remaining) || r.Blob.Key != step.n.Blob.Key {
				t.Errorf("removed: %+v", r)
			}
			return nil
		})
		if st := statistics(t, x); st != step.left {
			t.Errorf("left: %+v, want %+v", st, step.left)
		}
	}
	err := x.Update(t.Context(), func(tx index.Tx) error { _, err := tx.DeleteInstance(a.ID); return err })
	if !errors.Is(err, index.ErrNotFound) {
		t.Errorf("deleting twice: %v", err)
	}
	put(t, x, a)
	if st := statistics(t, x); st.Instances != 1 || st.Patients != 1 {
		t.Errorf("stored again: %+v", st)
	}
}

func testPages(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	var all []index.ID
	for _, study := range []string{"1", "2"} {
		for _, number := range []string{"1", "2", "3", "4", "5"} {
			n := Make("P", study, "1", number)
			all = append(all, n.ID)
			put(t, x, n)
		}
	}
	p, _, series, _ := index.IDs("P", "1.2.826.0.1.3680043.1.2", "1.2.826.0.1.3680043.1.2.1", "")
	pages := map[string]struct {
		want []index.ID
		page func(r index.ReadTx, after int64) ([]index.Entry, error)
	}{
		"list": {all, func(r index.ReadTx, after int64) ([]index.Entry, error) { return r.List(index.Instance, after, 3) }},
		"children": {all[5:], func(r index.ReadTx, after int64) ([]index.Entry, error) {
			return r.Children(index.Series, series, after, 2)
		}},
		"patient": {all, func(r index.ReadTx, after int64) ([]index.Entry, error) {
			return rows(r.Instances(index.Patient, p, after, 4))
		}},
		"whole": {all, func(r index.ReadTx, after int64) ([]index.Entry, error) {
			return rows(r.Instances(0, index.ID{}, after, 100))
		}},
		"series": {all[5:], func(r index.ReadTx, after int64) ([]index.Entry, error) {
			return rows(r.Instances(index.Series, series, after, 1))
		}},
	}
	for name, c := range pages {
		var got []index.ID
		view(t, x, func(r index.ReadTx) error {
			for after := int64(0); ; {
				page, err := c.page(r, after)
				if err != nil || len(page) == 0 {
					return err
				}
				for _, e := range page {
					got, after = append(got, e.ID), e.Key
				}
			}
		})
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func rows(in []index.InstanceRow, err error) ([]index.Entry, error) {
	out := make([]index.Entry, len(in))
	for i := range in {
		out[i] = index.Entry{Key: in[i].Key, ID: in[i].ID}
	}
	return out, err
}

func testReferences(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	a, other := Make("P", "1", "1", "1"), Make("Q", "1", "1", "1")
	other.SOPClassUID = dicom.MRImageStorage
	put(t, x, a, other, Make("P", "1", "1", "2"))
	refs := []index.Reference{
		{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: a.SOPInstanceUID},
		{SOPClassUID: dicom.SecondaryCaptureImageStorage, SOPInstanceUID: a.SOPInstanceUID},
		{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3"},
	}
	found := make([]index.Found, len(refs))
	view(t, x, func(r index.ReadTx) error { return r.References(refs, found) })
	if !found[0].Present || found[0].Blob.Key != a.Blob.Key || found[0].Blob.Instance != a.ID || found[0].Patient != a.Patient {
		t.Errorf("present: %+v", found[0])
	}
	if found[1].Present || len(found[1].Classes) != 2 {
		t.Errorf("other class: %+v", found[1])
	}
	if found[2].Present || len(found[2].Classes) != 0 {
		t.Errorf("absent: %+v", found[2])
	}
}

func testIdentify(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	put(t, x, n)
	for value, want := range map[string][]index.Resource{
		"P":                                 {{Level: index.Patient, ID: n.Patient}},
		"p":                                 {{Level: index.Patient, ID: n.Patient}},
		"A1":                                nil, // an accession number names no resource
		"1.2.826.0.1.3680043.1.1":           {{Level: index.Study, ID: n.Study}},
		"1.2.826.0.1.3680043.1.1.1":         {{Level: index.Series, ID: n.Series}},
		string(n.SOPInstanceUID):            {{Level: index.Instance, ID: n.ID}},
		"1.2.826.0.1.3680043.1.1.1' OR 1=1": nil,
	} {
		view(t, x, func(r index.ReadTx) error {
			got, err := r.Identify(value)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %v, want %v", value, got, want)
			}
			return err
		})
	}
}
