package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// planOf gives SQLite's plan for the first page of a search.
func planOf(t *testing.T, x *Index, f *index.Find) string {
	t.Helper()
	q, err := newFindQuery(f)
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	query := "EXPLAIN QUERY PLAN " + q.page(index.Cursor{}, 100, 0)
	err = x.View(t.Context(), func(tx index.ReadTx) error {
		return tx.(*readTx).c.eachTransient(query, q.args, func(s *sqlite.Stmt) error {
			plan = append(plan, s.ColumnText(3))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// emptyIndex is an index without rows.
func emptyIndex(t *testing.T) *Index {
	t.Helper()
	x, err := Open(t.Context(), Options{File: filepath.Join(t.TempDir(), "index.db"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func TestSearchesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	x := emptyIndex(t)
	is := func(level index.Level, tag dicom.Tag, values ...string) index.Criterion {
		return index.Criterion{Level: level, Tag: tag, Match: index.Match{Kind: index.Equal, Values: values}}
	}
	like := func(level index.Level, tag dicom.Tag, pattern string) index.Criterion {
		return index.Criterion{Level: level, Tag: tag, Match: index.Match{Kind: index.Wild, Values: []string{pattern}}}
	}
	date := is(index.Study, dicom.TagStudyDate)
	date.Kind, date.Low, date.High = index.Between, "2020", "2021"
	for name, c := range map[string]struct {
		level    index.Level
		criteria []index.Criterion
		want     []string // what the plan has to say
	}{
		"patient id":          {index.Study, []index.Criterion{is(index.Patient, dicom.TagPatientID, "p")}, []string{"patients_by_patient_id (patient_id_folded=?", "studies_by_patient"}},
		"patient ids":         {index.Patient, []index.Criterion{is(index.Patient, dicom.TagPatientID, "p", "q")}, []string{"patients_by_patient_id (patient_id_folded=?"}},
		"accession number":    {index.Study, []index.Criterion{is(index.Study, dicom.TagAccessionNumber, "a")}, []string{"studies_by_accession_number (accession_number_folded=?"}},
		"study uid":           {index.Instance, []index.Criterion{is(index.Study, dicom.TagStudyInstanceUID, "1")}, []string{"studies_by_uid", "series_by_study", "instances_by_series"}},
		"series uids":         {index.Series, []index.Criterion{is(index.Series, dicom.TagSeriesInstanceUID, "1", "2")}, []string{"series_by_uid (series_uid=?"}},
		"instance of a study": {index.Study, []index.Criterion{is(index.Instance, dicom.TagSOPInstanceUID, "1")}, []string{"instances_by_uid (sop_uid=?"}},
		"name begins":         {index.Patient, []index.Criterion{like(index.Patient, dicom.TagPatientName, "Mü*")}, []string{"patients_by_name (patient_name_folded>? AND patient_name_folded<?"}},
		"name holds":          {index.Study, []index.Criterion{like(index.Patient, dicom.TagPatientName, "*x*")}, []string{"studies_by_patient"}},
		"accession begins":    {index.Study, []index.Criterion{like(index.Study, dicom.TagAccessionNumber, "A*1")}, []string{"studies_by_accession_number (accession_number_folded>? AND"}},
		"dates":               {index.Study, []index.Criterion{date}, []string{"studies_by_date (study_date>? AND study_date<?)"}},
	} {
		plan := planOf(t, x, &index.Find{Level: c.level, Criteria: c.criteria})
		for _, want := range c.want {
			if !strings.Contains(plan, want) {
				t.Errorf("%s: no %q in the plan\n%s", name, want, plan)
			}
		}
	}
}

// A row's value of a level above is read once, not by a search of its own wherever it is compared.
func TestSortingByLevelsAboveJoinsThem(t *testing.T) {
	t.Parallel()
	x := emptyIndex(t)
	for level := index.Study; level <= index.Instance; level++ {
		plan := planOf(t, x, &index.Find{Level: level, Order: []index.Order{{Level: index.Patient, Tag: dicom.TagPatientName}}})
		if strings.Contains(plan, "SUBQUERY") || !strings.Contains(plan, "SEARCH patients USING INTEGER PRIMARY KEY") {
			t.Errorf("%v: the plan\n%s", level, plan)
		}
	}
}
