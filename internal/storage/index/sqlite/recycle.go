package sqlite

import (
	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// Why a patient is not recycled stands in patients.kept as bits: 1 it is protected, 2 it has committed instances. The column
// repeats what the tables protected and committed say, so that the patient to be recycled next is the first of an index.

// keptBy tells what keeps a patient from being recycled.
func (t *readTx) keptBy(id index.ID) (kept int64, err error) {
	return kept, t.c.one("SELECT EXISTS(SELECT 1 FROM protected WHERE id=?1)*1 + EXISTS(SELECT 1 FROM committed WHERE id=?1)*2",
		[]arg{idOf(id)}, func(s *sqlite.Stmt) error { kept = s.ColumnInt64(0); return nil })
}

// keep notes in a patient's row what keeps it from being recycled. One that is released from protection goes to the end
// of the queue.
func (t *tx) keep(id index.ID) error {
	kept, err := t.keptBy(id)
	if err != nil {
		return err
	}
	return t.c.exec("UPDATE patients SET kept=?1, recency=CASE WHEN kept&1 AND NOT ?1&1 THEN"+
		" (SELECT 1+max(coalesce((SELECT max(recency) FROM patients WHERE kept=0),0), coalesce((SELECT max(recency) FROM patients"+
		" WHERE kept=2),0))) ELSE recency END WHERE id=?2 AND kept<>?1", num(kept), idOf(id))
}

// ToRecycle implements index.Resources.
func (t *readTx) ToRecycle(committedToo bool, limit int) (out []index.ID, err error) {
	const free = "SELECT id, recency FROM (SELECT id, recency FROM patients WHERE kept=0 ORDER BY recency LIMIT +?1)"
	query := free
	if committedToo {
		query += " UNION ALL SELECT id, recency FROM (SELECT id, recency FROM patients WHERE kept=2 ORDER BY recency LIMIT +?1)"
	}
	return out, t.c.each(query+" ORDER BY recency LIMIT +?1", []arg{num(int64(limit))}, func(s *sqlite.Stmt) error {
		out = append(out, columnID(s, 0))
		return nil
	})
}

// Unstable implements index.Resources.
func (t *readTx) Unstable(limit int) (out []index.Unstable, err error) {
	const query = "SELECT 3 AS level, id, unstable FROM (SELECT id, unstable FROM series WHERE unstable IS NOT NULL ORDER BY unstable LIMIT +?1)" +
		" UNION ALL SELECT 2, id, unstable FROM (SELECT id, unstable FROM studies WHERE unstable IS NOT NULL ORDER BY unstable LIMIT +?1)" +
		" UNION ALL SELECT 1, id, unstable FROM (SELECT id, unstable FROM patients WHERE unstable IS NOT NULL ORDER BY unstable LIMIT +?1)" +
		" ORDER BY 3, 1 DESC LIMIT +?1"
	return out, t.c.each(query, []arg{num(int64(limit))}, func(s *sqlite.Stmt) error {
		out = append(out, index.Unstable{Resource: index.Resource{Level: index.Level(s.ColumnInt64(0)), ID: columnID(s, 1)},
			Since: fromMicro(s.ColumnInt64(2))})
		return nil
	})
}

// Settle implements index.Tx.
func (t *tx) Settle(u index.Unstable) (bool, error) {
	t.x.parents.clear() // its next instance is to make it unstable again, also within the same second
	err := t.c.exec("UPDATE "+tables[u.Level].name+" SET unstable=NULL WHERE id=? AND unstable=?", idOf(u.ID), num(toMicro(u.Since)))
	return err == nil && t.c.Changes() > 0, err
}

// PatientOf implements index.Resources.
func (t *readTx) PatientOf(r index.Resource) (id index.ID, err error) {
	return id, t.c.one(patientOf[r.Level], []arg{idOf(r.ID)}, func(s *sqlite.Stmt) error { id = columnID(s, 0); return nil })
}

var patientOf = [...]string{
	index.Patient: "SELECT id FROM patients WHERE id=?",
	index.Study:   "SELECT p.id FROM studies u JOIN patients p ON p.pk=u.patient WHERE u.id=?",
	index.Series:  "SELECT p.id FROM series s JOIN studies u ON u.pk=s.study JOIN patients p ON p.pk=u.patient WHERE s.id=?",
	index.Instance: "SELECT p.id FROM instances i JOIN series s ON s.pk=i.series JOIN studies u ON u.pk=s.study" +
		" JOIN patients p ON p.pk=u.patient WHERE i.id=?",
}
