package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// Records implements index.Finder: one statement for each resource, which reads all that is wanted but metadata and
// instances below.
func (t *readTx) Records(level index.Level, keys []int64, want index.Want) ([]index.Record, error) {
	if level < index.Patient || level > index.Instance {
		return nil, fmt.Errorf("index: records: there is no %v", level)
	}
	s, err := t.c.Prepare(recordQuery(level, want))
	if err != nil {
		return nil, wrap("prepare", err)
	}
	out := make([]index.Record, 0, len(keys))
	for _, key := range keys {
		s.BindInt64(1, key)
		out = append(out, index.Record{Key: key})
		r := &out[len(out)-1]
		err := first(s, func(s *sqlite.Stmt) error { return scanRecord(s, level, want, r) })
		if err == nil {
			err = t.complete(level, want, r)
		}
		if errors.Is(err, index.ErrNotFound) {
			out = out[:len(out)-1]
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// complete reads what takes a statement of its own.
func (t *readTx) complete(level index.Level, want index.Want, r *index.Record) (err error) {
	if want&index.WantMetadata != 0 {
		if r.Metadata, err = t.Metadata(r.ID); err != nil {
			return err
		}
	}
	if want&index.WantAttachments != 0 {
		if r.Attachments, err = t.Attachments(r.ID); err != nil {
			return err
		}
	}
	if want&index.WantStatus != 0 && level == index.Series {
		if err := t.seriesStatus(r); err != nil {
			return err
		}
	}
	if want&index.WantInstance == 0 {
		return nil
	}
	r.Instance = &index.InstanceRow{}
	where := [...]string{
		index.Patient: " WHERE instances.pk=(SELECT i.pk FROM studies u JOIN series s ON s.study=u.pk JOIN instances i ON " +
			"i.series=s.pk WHERE u.patient=?1 LIMIT 1)",
		index.Study: " WHERE instances.pk=(SELECT i.pk FROM series s JOIN instances i ON i.series=s.pk WHERE s.study=?1" +
			" LIMIT 1)",
		index.Series:   " WHERE instances.pk=(SELECT i.pk FROM instances i WHERE i.series=?1 ORDER BY i.pk LIMIT 1)",
		index.Instance: " WHERE instances.pk=?1",
	}[level]
	return t.c.one(selectInstance+where, []arg{num(r.Key)}, func(s *sqlite.Stmt) error { return scanInstance(s, r.Instance) })
}

// seriesStatus compares the numbers of a series' instances with what it says of them.
func (t *readTx) seriesStatus(r *index.Record) error {
	status := index.NewSeriesStatus(r.Tags)
	if status.Expected > 0 {
		err := t.c.each("SELECT index_in_series FROM instances WHERE series=?", []arg{num(r.Key)},
			func(s *sqlite.Stmt) error { status.Add(s.ColumnText(0)); return nil })
		if err != nil {
			return err
		}
	}
	r.Expected, r.Status = status.Expected, status.String()
	return nil
}

// childList gathers the ids directly below a row, as one text of hexadecimal digits.
func childList(level index.Level) string {
	if level == index.Instance {
		return "''"
	}
	below := &tables[level+1]
	return "(SELECT group_concat(hex(id),'') FROM (SELECT id FROM " + below.name + " WHERE " + below.parent + "=" +
		tables[level].name + ".pk ORDER BY pk))"
}

// recordQuery is the statement for one resource; scanRecord reads its columns in the same order.
func recordQuery(level index.Level, want index.Want) string {
	t := &tables[level]
	columns := []string{t.name + ".id"}
	joins := ""
	if level > index.Patient && want&(index.WantParent|index.WantTags|index.WantAbove) != 0 {
		up := &tables[level-1]
		columns = append(columns, up.name+".id")
		joins = joinUp(level, level-1)
	}
	if want&index.WantUpdate != 0 {
		switch level {
		case index.Patient:
			columns = append(columns, "patients.updated", "patients.unstable IS NULL", "patients.kept&1")
		case index.Study:
			columns = append(columns, "studies.updated", "studies.unstable IS NULL", "0")
		case index.Series:
			columns = append(columns, "series.updated", "series.unstable IS NULL", "series.remote_aet")
		}
	}
	if want&index.WantTags != 0 {
		columns = append(columns, t.selection())
	}
	for up := level; up > topTags(level, want); up-- {
		columns = append(columns, tables[up-1].selection())
		if up < level {
			joins += joinUp(up, up-1)
		}
	}
	if level >= index.Study && topTags(level, want) == index.Patient {
		columns = append(columns, "studies.patient_tags")
	}
	if want&index.WantChildren != 0 {
		columns = append(columns, childList(level))
	}
	if want&index.WantLabels != 0 {
		columns = append(columns, "(SELECT group_concat(label,' ') FROM labels WHERE labels.id="+t.name+".id)")
	}
	if want&index.WantMetadata != 0 {
		columns = append(columns, strings.TrimPrefix(signatureOf(t.name), ", "))
	}
	if want&index.WantCounts != 0 {
		columns = append(columns, countBelow[level][:]...)
	}
	if want&index.WantModalities != 0 {
		columns = append(columns, "(SELECT group_concat(m,char(92)) FROM (SELECT DISTINCT modality AS m FROM series AS s "+
			"WHERE s.study=studies.pk AND modality<>'' ORDER BY 1))")
	}
	if want&index.WantClasses != 0 {
		columns = append(columns, "(SELECT group_concat(c,char(92)) FROM (SELECT DISTINCT class_uid AS c FROM series AS s "+
			"JOIN instances AS i ON i.series=s.pk WHERE s.study=studies.pk ORDER BY 1))")
	}
	return "SELECT " + strings.Join(columns, ",") + " FROM " + t.name + joins + " WHERE " + t.name + ".pk=?"
}

// topTags is the highest level whose tags are read: that of the resource itself unless others are wanted.
func topTags(level index.Level, want index.Want) index.Level {
	switch {
	case want&index.WantAbove != 0:
		return index.Patient
	case want&index.WantTags != 0 && level == index.Study:
		return index.Patient
	}
	return level
}

func joinUp(level, up index.Level) string {
	return " JOIN " + tables[up].name + " ON " + tables[up].name + ".pk=" + tables[level].name + "." + tables[level].parent
}

func scanRecord(s *sqlite.Stmt, level index.Level, want index.Want, r *index.Record) (err error) {
	r.ID = columnID(s, 0)
	i := 1
	if level > index.Patient && want&(index.WantParent|index.WantTags|index.WantAbove) != 0 {
		r.Parent = columnID(s, i)
		i++
	}
	if want&index.WantUpdate != 0 && level < index.Instance {
		r.LastUpdate, r.Stable = fromMicro(s.ColumnInt64(i)), s.ColumnBool(i+1)
		switch level {
		case index.Patient:
			r.Protected = s.ColumnBool(i + 2)
		case index.Series:
			r.RemoteAET = s.ColumnText(i + 2)
		}
		i += 3
	}
	if want&index.WantTags != 0 {
		if r.Tags, err = tables[level].scanTags(s, i); err != nil {
			return err
		}
		i += len(tables[level].columns) + 1
	}
	for up := level; up > topTags(level, want); up-- {
		if r.Above[up-1], err = tables[up-1].scanTags(s, i); err != nil {
			return err
		}
		i += len(tables[up-1].columns) + 1
	}
	if level >= index.Study && topTags(level, want) == index.Patient {
		if err := scanOwnPatient(s, i, &r.Above[index.Patient]); err != nil {
			return err
		}
		i++
	}
	return scanBelow(s, i, want, r)
}

func scanBelow(s *sqlite.Stmt, i int, want index.Want, r *index.Record) error {
	if want&index.WantChildren != 0 {
		var err error
		if r.Children, err = parseIDs(s.ColumnText(i)); err != nil {
			return err
		}
		i++
	}
	if want&index.WantLabels != 0 {
		r.Labels = strings.Fields(s.ColumnText(i))
		i++
	}
	if want&index.WantMetadata != 0 {
		r.Signature = s.ColumnText(i)
		i++
	}
	if want&index.WantCounts != 0 {
		r.Counts = index.Statistics{Patients: 1, Studies: s.ColumnInt64(i), Series: s.ColumnInt64(i + 1),
			Instances: s.ColumnInt64(i + 2)}
		i += 3
	}
	for _, list := range []struct {
		want index.Want
		into *[]string
	}{{index.WantModalities, &r.Modalities}, {index.WantClasses, &r.Classes}} {
		if want&list.want == 0 {
			continue
		}
		if text := s.ColumnText(i); text != "" {
			*list.into = strings.Split(text, `\`)
		}
		i++
	}
	return nil
}

// parseIDs reads ids written in hexadecimal digits one behind the other.
func parseIDs(s string) ([]index.ID, error) {
	const digits = 2 * len(index.ID{})
	ids := make([]index.ID, len(s)/digits)
	for i := range ids {
		for j := range ids[i] {
			at := i*digits + 2*j
			ids[i][j] = nibble(s[at])<<4 | nibble(s[at+1])
		}
	}
	if len(s)%digits != 0 {
		return nil, fmt.Errorf("%w: a list of ids is cut off", index.ErrCorrupt)
	}
	return ids, nil
}

// nibble is the value of one of SQLite's hexadecimal digits, which are capitals.
func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'A' + 10
}
