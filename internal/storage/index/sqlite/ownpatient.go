package sqlite

import (
	"slices"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// A study keeps the patient's tags as its own objects have them where these are not those of the patient's row: names
// change, and many patients share an empty PatientID. They are what is shown and searched of the patient at the level of
// the study and below.

// ownPatient notes what a study says of its patient, if it says something else than the patient's row.
func (t *tx) ownPatient(study, patient int64, tags index.Tags) error {
	var known index.Tags
	err := t.c.one("SELECT "+tables[index.Patient].selection()+" FROM patients WHERE pk=?", []arg{num(patient)},
		func(s *sqlite.Stmt) (err error) { known, err = tables[index.Patient].scanTags(s, 0); return err })
	if err != nil {
		return err
	}
	if slices.Equal(known, tags) {
		return t.c.exec("UPDATE studies SET patient_tags=NULL WHERE pk=? AND patient_tags IS NOT NULL", num(study))
	}
	return t.c.exec("UPDATE studies SET patient_tags=? WHERE pk=?", text(allTags(tags)), num(study))
}

// allTags writes tags as JSON, those with a column of their own, too; no tags are an empty object.
func allTags(tags index.Tags) string {
	var b []byte
	for _, t := range tags {
		b = appendTag(b, t)
	}
	if b == nil {
		return "{}"
	}
	return string(append(b, '}'))
}

// scanOwnPatient replaces the tags of the patient's row by those of the study, if it has its own.
func scanOwnPatient(s *sqlite.Stmt, i int, tags *index.Tags) (err error) {
	if s.ColumnIsNull(i) {
		return nil
	}
	if own := s.ColumnText(i); own == "{}" {
		*tags = nil
	} else {
		*tags, err = parseTags(own)
	}
	return err
}

// ofPatient is the condition on studies that asks for their patient: for its row, or for what the study itself says.
// Beside other conditions on studies it is asked of each study that meets those; else it leads to the studies.
func (q *findQuery) ofPatient() string {
	row := "(SELECT pk FROM patients WHERE " + and(q.atAndAbove(index.Patient)) + ")"
	beside := slices.ContainsFunc(q.find.Criteria, func(c index.Criterion) bool {
		_, counted := computed[c.Tag]
		return c.Level == index.Study && !counted // counting is dear: as late as can be
	})
	study := "s"
	if beside {
		study = "studies"
	}
	var own []string
	for i := range q.find.Criteria {
		c := &q.find.Criteria[i]
		if c.Level != index.Patient {
			continue
		}
		if _, counted := computed[c.Tag]; counted {
			return "studies.patient IN " + row
		}
		own = append(own, q.match(&c.Match, operand{plain: jsonTag(study+".patient_tags", c.Tag)}))
	}
	for _, r := range q.find.Within {
		if r.Level == index.Patient {
			own = append(own, study+".patient=(SELECT pk FROM patients WHERE id="+q.bind(idOf(r.ID))+")")
		}
	}
	if beside {
		return "CASE WHEN studies.patient_tags IS NULL THEN studies.patient IN " + row + " ELSE " + and(own) + " END"
	}
	return "studies.pk IN (SELECT s.pk FROM studies AS s WHERE s.patient_tags IS NULL AND s.patient IN " + row +
		" UNION ALL SELECT s.pk FROM studies AS s" +
		" WHERE s.patient_tags IS NOT NULL AND " + and(own) + ")"
}

// asksPatient tells whether there are criteria on the patient's tags.
func (q *findQuery) asksPatient() bool {
	return slices.ContainsFunc(q.find.Criteria, func(c index.Criterion) bool { return c.Level == index.Patient })
}
