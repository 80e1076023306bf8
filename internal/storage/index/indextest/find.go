package indextest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// filled has patients "0" to "4" with two studies of two series of three instances each.
func filled(t *testing.T, open Opener) index.Index {
	t.Helper()
	x := open(t, t.TempDir())
	for p := range 5 {
		for st := range 2 {
			for se := range 2 {
				for i := range 3 {
					n := Make(fmt.Sprint("P", p), fmt.Sprint(10*p+st), fmt.Sprint(se), fmt.Sprint(i+1))
					n.PatientTags[0].Value = []string{"Müller^Änne", "MULLER^ANNE", "[x]^y", "", "Öl"}[p]
					n.SeriesTags[0].Value = []string{"CT", "MR"}[se]
					n.StudyTags[0].Value = fmt.Sprintf("202%d010%d", p, st+1)
					put(t, x, n)
				}
			}
		}
	}
	return x
}

func crit(level index.Level, tag dicom.Tag, kind index.Kind, values ...string) index.Criterion {
	return index.Criterion{Level: level, Tag: tag, Match: index.Match{Kind: kind, Values: values}}
}

func sensitive(c index.Criterion) index.Criterion {
	c.CaseSensitive = true
	return c
}

func findAll(t *testing.T, x index.Index, f *index.Find, page int) (keys []int64) {
	t.Helper()
	view(t, x, func(r index.ReadTx) error {
		for after := (index.Cursor{}); ; {
			got, next, err := r.Find(f, after, page)
			if err != nil {
				return err
			}
			keys, after = append(keys, got...), next
			if len(got) < page {
				break
			}
		}
		n, err := r.Count(f)
		if int(n) != len(keys) {
			t.Errorf("count %d, found %d", n, len(keys))
		}
		return err
	})
	return keys
}

func testFind(t *testing.T, open Opener) {
	x := filled(t, open)
	n := Make("P1", "10", "0", "1")
	between := crit(index.Study, dicom.TagStudyDate, index.Between)
	between.Low, between.High = "20210102", "20220101"
	for name, c := range map[string]struct {
		level    index.Level
		criteria []index.Criterion
		want     int
	}{
		"all":                    {index.Series, nil, 20},
		"folded":                 {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Equal, "muller^anne")}, 2},
		"case":                   {index.Patient, []index.Criterion{sensitive(crit(index.Patient, dicom.TagPatientName, index.Equal, "MULLER^ANNE"))}, 1},
		"list":                   {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientID, index.Equal, "p0", "P3", "x")}, 2},
		"prefix":                 {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Wild, "MÜ*")}, 2},
		"prefix with case":       {index.Patient, []index.Criterion{sensitive(crit(index.Patient, dicom.TagPatientName, index.Wild, "Mü*"))}, 1},
		"inner":                  {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Wild, "*^?nn*")}, 2},
		"brackets":               {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Wild, "[x]*")}, 1},
		"no brackets":            {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Wild, "[a-z]?*")}, 0},
		"there":                  {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Present)}, 5},
		"from above":             {index.Instance, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Wild, "mu*"), crit(index.Series, dicom.TagModality, index.Equal, "mr")}, 12},
		"from below":             {index.Patient, []index.Criterion{crit(index.Instance, dicom.TagSOPInstanceUID, index.Equal, string(n.SOPInstanceUID))}, 1},
		"from below, no index":   {index.Study, []index.Criterion{crit(index.Instance, dicom.TagInstanceNumber, index.Equal, "3")}, 10},
		"other tags":             {index.Instance, []index.Criterion{crit(index.Instance, dicom.TagInstanceCreationDate, index.Equal, "20261120")}, 60},
		"range":                  {index.Study, []index.Criterion{between}, 2},
		"modalities":             {index.Study, []index.Criterion{crit(index.Study, index.TagModalitiesInStudy, index.Equal, "ct"), crit(index.Study, index.TagModalitiesInStudy, index.Equal, "MR")}, 10},
		"classes":                {index.Study, []index.Criterion{crit(index.Study, index.TagSOPClassesInStudy, index.Equal, "1.2")}, 0},
		"number of series":       {index.Study, []index.Criterion{crit(index.Study, index.TagNumberOfStudyRelatedSeries, index.Equal, "2")}, 10},
		"number of instances":    {index.Patient, []index.Criterion{crit(index.Patient, index.TagNumberOfPatientRelatedInstances, index.Equal, "12")}, 5},
		"text that looks as SQL": {index.Patient, []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Equal, "x' OR 1=1 --")}, 0},
	} {
		if got := len(findAll(t, x, &index.Find{Level: c.level, Criteria: c.criteria}, 7)); got != c.want {
			t.Errorf("%s: %d found, want %d", name, got, c.want)
		}
	}
	within := &index.Find{Level: index.Instance, Within: []index.Resource{{Level: index.Study, ID: n.Study}}}
	if got := len(findAll(t, x, within, 4)); got != 6 {
		t.Errorf("%d instances in a study, want 6", got)
	}
	meta := &index.Find{Level: index.Instance, Metadata: []index.MetadataCriterion{{Number: index.MetaRemoteAET,
		Match: index.Match{Kind: index.Wild, Values: []string{"ct*"}}}, {Number: index.MetaIndexInSeries,
		Match: index.Match{Kind: index.Equal, Values: []string{"2"}}}}}
	if got := len(findAll(t, x, meta, 100)); got != 20 {
		t.Errorf("%d instances by metadata, want 20", got)
	}
}

func testFindLabels(t *testing.T, open Opener) {
	x := filled(t, open)
	a, b := Make("P0", "0", "0", "1"), Make("P1", "10", "0", "1")
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.AddLabel(index.Study, a.Study, "one"), tx.AddLabel(index.Study, a.Study, "two"),
			tx.AddLabel(index.Study, b.Study, "two"), tx.AddLabel(index.Patient, a.Patient, "one"))
	})
	for _, c := range []struct {
		labels []string
		rule   index.LabelRule
		want   int
	}{{[]string{"one"}, index.AllLabels, 1}, {[]string{"two"}, index.AllLabels, 2}, {[]string{"two", "one", "two"}, index.AllLabels, 1},
		{[]string{"one", "two"}, index.AnyLabel, 2}, {[]string{"one", "two"}, index.NoLabel, 8},
		{nil, index.NoLabel, 8}, {nil, index.AnyLabel, 10}, {[]string{"x"}, index.AllLabels, 0}} {
		if got := len(findAll(t, x, &index.Find{Level: index.Study, Labels: c.labels, LabelRule: c.rule}, 3)); got != c.want {
			t.Errorf("%v by rule %d: %d found, want %d", c.labels, c.rule, got, c.want)
		}
	}
}

// Pages of any size give all results once, in the order asked for.
func testFindOrder(t *testing.T, open Opener) {
	x := filled(t, open)
	for _, order := range [][]index.Order{nil,
		{{Level: index.Study, Tag: dicom.TagStudyDate, Desc: true}},
		{{Level: index.Patient, Tag: dicom.TagPatientName}, {Level: index.Study, Tag: dicom.TagStudyDate, Desc: true}},
		{{Level: index.Study, Tag: dicom.TagStudyDescription}, {Level: index.Patient, Tag: dicom.TagPatientID, Desc: true}},
		{{Level: index.Study, Metadata: index.MetaLastUpdate}}, {{Level: index.Study, Tag: dicom.TagStudyDate, As: index.AsFloat}}} {
		f := &index.Find{Level: index.Study, Order: order}
		whole := findAll(t, x, f, 100)
		if len(whole) != 10 {
			t.Fatalf("%v: %d found", order, len(whole))
		}
		for _, size := range []int{1, 3, 10} {
			if got := findAll(t, x, f, size); !slices.Equal(got, whole) {
				t.Errorf("%v in pages of %d: %v, want %v", order, size, got, whole)
			}
		}
		view(t, x, func(r index.ReadTx) error {
			at, err := r.Skip(f, 4)
			if err != nil {
				return err
			}
			got, _, err := r.Find(f, at, 2)
			if !slices.Equal(got, whole[4:6]) {
				t.Errorf("%v behind four: %v, want %v", order, got, whole[4:6])
			}
			if _, err := r.Skip(f, 11); !errors.Is(err, index.ErrNotFound) {
				t.Errorf("%v: skipped more than there are: %v", order, err)
			}
			return err
		})
	}
}

// Places in a list are found again after deletions.
func testSkip(t *testing.T, open Opener) {
	x := filled(t, open)
	f := &index.Find{Level: index.Instance}
	check := func() {
		t.Helper()
		whole := findAll(t, x, f, 100)
		view(t, x, func(r index.ReadTx) error {
			for _, n := range []int{30, 10, 31, 29, 5} {
				at, err := r.Skip(f, n)
				if err != nil {
					return err
				}
				if got, _, err := r.Find(f, at, 1); err != nil || !slices.Equal(got, whole[n:n+1]) {
					t.Errorf("behind %d: %v (%v), want %v", n, got, err, whole[n])
				}
			}
			return nil
		})
	}
	check()
	derive(t, x, func(tx index.Tx) error { _, err := tx.DeleteInstance(Make("P0", "0", "0", "1").ID); return err })
	check()
	put(t, x, Make("P9", "99", "0", "1"))
	check()
}

func testRecords(t *testing.T, open Opener) {
	x := filled(t, open)
	n := Make("P1", "10", "0", "1")
	update(t, x, func(tx index.Tx) error { return tx.AddLabel(index.Study, n.Study, "seen") })
	var got []index.Record
	view(t, x, func(r index.ReadTx) error {
		key, err := r.Key(index.Study, n.Study)
		if err != nil {
			return err
		}
		got, err = r.Records(index.Study, []int64{key, 4711}, index.WantTags|index.WantParent|index.WantChildren|index.WantLabels|index.WantUpdate|
			index.WantCounts|index.WantModalities|index.WantClasses|index.WantInstance|index.WantMetadata)
		return err
	})
	if len(got) != 1 {
		t.Fatalf("%d records, want 1: the other key has none", len(got))
	}
	r := got[0]
	name, _ := r.Above[index.Patient].Get(dicom.TagPatientName)
	if r.ID != n.Study || r.Parent != n.Patient || len(r.Children) != 2 || r.Children[0] != n.Series ||
		!reflect.DeepEqual(r.Labels, []string{"seen"}) || name != "MULLER^ANNE" || !r.LastUpdate.Equal(made) ||
		r.Counts.Series != 2 || r.Counts.Instances != 6 || !reflect.DeepEqual(r.Modalities, []string{"CT", "MR"}) ||
		!reflect.DeepEqual(r.Classes, []string{string(dicom.CTImageStorage)}) || r.Instance == nil || r.Instance.Study != n.Study {
		t.Errorf("record %+v", r)
	}
}

// A study whose objects say something else of the patient than the patient's row is shown and found as they say.
func testOwnPatient(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	first, second := Make("", "1", "1", "1"), Make("", "2", "1", "1")
	second.PatientTags[0].Value = "Other^Name"
	put(t, x, first, second)
	find := func(name string) int {
		return len(findAll(t, x, &index.Find{Level: index.Study, Criteria: []index.Criterion{
			crit(index.Patient, dicom.TagPatientName, index.Equal, name)}}, 10))
	}
	if find("müller^änne") != 1 || find("other^name") != 1 {
		t.Errorf("%d and %d studies found by their patients' names, want one each", find("müller^änne"), find("other^name"))
	}
	both := &index.Find{Level: index.Series, Criteria: []index.Criterion{crit(index.Patient, dicom.TagPatientName, index.Equal,
		"other^name"), crit(index.Study, dicom.TagStudyDate, index.Equal, "20261121")}}
	if got := len(findAll(t, x, both, 10)); got != 1 {
		t.Errorf("%d series found by their patient and their study, want 1", got)
	}
	view(t, x, func(r index.ReadTx) error {
		key, err := r.Key(index.Study, second.Study)
		if err != nil {
			return err
		}
		records, err := r.Records(index.Study, []int64{key}, index.WantTags)
		if len(records) == 1 {
			if name, _ := records[0].Above[index.Patient].Get(dicom.TagPatientName); name != "Other^Name" {
				t.Errorf("patient of the second study is %q", name)
			}
		}
		return err
	})
	second.PatientTags[0].Value = first.PatientTags[0].Value
	put(t, x, second)
	if find("müller^änne") != 2 || find("other^name") != 0 {
		t.Error("the name of a study's patient stays after the study's only object was replaced")
	}
}
