package sqlite

import (
	"slices"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// alive is true for changes of resources that are there.
const alive = " AND CASE level WHEN 4 THEN EXISTS(SELECT 1 FROM instances WHERE instances.id=changes.id)" +
	" WHEN 3 THEN EXISTS(SELECT 1 FROM series WHERE series.id=changes.id)" +
	" WHEN 2 THEN EXISTS(SELECT 1 FROM studies WHERE studies.id=changes.id)" +
	" ELSE EXISTS(SELECT 1 FROM patients WHERE patients.id=changes.id) END"

// ChangesLike implements index.Resources.
func (t *readTx) ChangesLike(q index.ChangeQuery) (out []index.Change, err error) {
	query := "SELECT seq, type, level, id, time FROM changes WHERE seq>?"
	args := []arg{num(q.Since)}
	if q.To >= 0 {
		query += " AND seq<=?"
		args = append(args, num(q.To))
	}
	if len(q.Types) > 0 {
		numbers := make([]string, len(q.Types))
		for i, c := range q.Types {
			numbers[i] = strconv.Itoa(int(c))
		}
		query += " AND type IN (" + strings.Join(numbers, ",") + ")"
	}
	query += alive + " ORDER BY seq"
	if q.Newest {
		query += " DESC"
	}
	args = append(args, num(int64(q.Limit)))
	err = t.c.each(query+" LIMIT +?", args, func(s *sqlite.Stmt) error {
		out = append(out, index.Change{Seq: s.ColumnInt64(0), Type: index.ChangeType(s.ColumnInt64(1)),
			Resource: index.Resource{Level: index.Level(s.ColumnInt64(2)), ID: columnID(s, 3)}, Time: fromMicro(s.ColumnInt64(4))})
		return nil
	})
	if q.Newest {
		slices.Reverse(out)
	}
	return out, err
}

// PruneChanges implements index.Tx.
func (t *tx) PruneChanges(since int64, limit int) (last int64, more bool, err error) {
	err = t.c.one("SELECT max(seq), count(*) FROM (SELECT seq FROM changes WHERE seq>? ORDER BY seq LIMIT +?)",
		[]arg{num(since), num(int64(limit))}, func(s *sqlite.Stmt) error {
			last, more = s.ColumnInt64(0), s.ColumnInt(1) == limit
			return nil
		})
	if err != nil || last == 0 {
		return since, false, err
	}
	dead := strings.Replace(alive, " AND ", " AND NOT ", 1)
	return last, more, t.c.exec("DELETE FROM changes WHERE seq>? AND seq<=?"+dead, num(since), num(last))
}

const exportColumns = "level, id, modality, time, patient_id, study_uid, series_uid, sop_uid"

// Exports implements index.Resources.
func (t *readTx) Exports(since int64, limit int, newest bool) (out []index.Export, err error) {
	query := "SELECT seq, " + exportColumns + " FROM exports WHERE seq>? ORDER BY seq LIMIT +?"
	if newest {
		query = strings.Replace(query, "seq LIMIT", "seq DESC LIMIT", 1)
	}
	err = t.c.each(query, []arg{num(since), num(int64(limit))}, func(s *sqlite.Stmt) error {
		out = append(out, index.Export{Seq: s.ColumnInt64(0),
			Resource: index.Resource{Level: index.Level(s.ColumnInt64(1)), ID: columnID(s, 2)}, Modality: s.ColumnText(3),
			Time: fromMicro(s.ColumnInt64(4)), PatientID: s.ColumnText(5), StudyUID: s.ColumnText(6), SeriesUID: s.ColumnText(7),
			SOPInstanceUID: s.ColumnText(8)})
		return nil
	})
	if newest {
		slices.Reverse(out)
	}
	return out, err
}

// PutExport implements index.Tx; e.Seq is of no account.
func (t *tx) PutExport(e index.Export) error {
	return t.c.exec("INSERT INTO exports("+exportColumns+") VALUES(?,?,?,?,?,?,?,?)", num(int64(e.Level)), idOf(e.ID),
		text(e.Modality), num(toMicro(e.Time)), text(e.PatientID), text(e.StudyUID), text(e.SeriesUID), text(e.SOPInstanceUID))
}

// ClearExports implements index.Tx. Numbers go on where they were.
func (t *tx) ClearExports() error { return t.c.exec("DELETE FROM exports") }
