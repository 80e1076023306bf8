package sqlite

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/storage/index"
)

// operand is the text that a Match is held against.
type operand struct {
	plain  string // as it is kept
	folded string // its folded column, which may be indexed; "" if there is none
	exact  bool   // neither case nor accents: UIDs, dates and times
}

// criterion is a condition on rows of a table.
func (q *findQuery) criterion(c *index.Criterion, table string) string {
	if counted, ok := computed[c.Tag]; ok {
		return q.computed(counted, c, table)
	}
	t := &tables[c.Level]
	for i := range t.columns {
		if col := &t.columns[i]; col.tag == c.Tag {
			o := operand{plain: table + "." + col.name, exact: isExact(col.tag)}
			if col.folded {
				o.folded = o.plain + "_folded"
			}
			return q.match(&c.Match, o)
		}
	}
	return q.match(&c.Match, operand{plain: other(table, c.Tag)})
}

// other reads a tag without a column.
func other(table string, t dicom.Tag) string { return jsonTag(table+".tags", t) }

func jsonTag(column string, t dicom.Tag) string {
	return fmt.Sprintf("json_extract(%s,'$.\"%08x\"')", column, uint32(t))
}

// value reads a tag of a level, folded if it is to be compared as text.
func (t *table) value(tag dicom.Tag, folded bool) string {
	for i := range t.columns {
		if c := &t.columns[i]; c.tag == tag {
			switch {
			case folded && c.folded:
				return t.name + "." + c.name + "_folded"
			case folded && !isExact(tag):
				return "fold(" + t.name + "." + c.name + ")"
			}
			return t.name + "." + c.name
		}
	}
	if folded {
		return "fold(" + other(t.name, tag) + ")"
	}
	return other(t.name, tag)
}

// match is a condition on a text.
func (q *findQuery) match(m *index.Match, o operand) string {
	switch m.Kind {
	case index.Present:
		return o.plain + " IS NOT NULL"
	case index.Between:
		return q.between(m, o.plain)
	}
	plain := m.CaseSensitive || o.exact
	if !plain && o.folded == "" {
		o.folded, o.plain = "", "fold("+o.plain+")"
	}
	if m.Kind == index.Equal {
		return q.equal(m.Values, o, plain)
	}
	any := make([]string, len(m.Values))
	for i, pattern := range m.Values {
		any[i] = q.wild(pattern, o, plain)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

func (q *findQuery) between(m *index.Match, value string) string {
	where := value + " IS NOT NULL"
	if m.Low != "" {
		where = value + ">=" + q.text(m.Low)
	}
	if m.High != "" {
		where += " AND " + value + "<=" + q.text(m.High)
	}
	return where
}

// equal compares with each value; plain means with the text as it is kept. A folded column is asked first in any case:
// it may have an index.
func (q *findQuery) equal(values []string, o operand, plain bool) string {
	var where []string
	if o.folded != "" {
		where = append(where, q.in(o.folded, fold(values)))
	}
	switch {
	case plain:
		where = append(where, q.in(o.plain, values))
	case o.folded == "":
		where = append(where, q.in(o.plain, fold(values)))
	}
	return and(where)
}

func (q *findQuery) in(value string, values []string) string {
	if len(values) == 1 {
		return value + "=" + q.text(values[0])
	}
	return value + " IN (SELECT value FROM json_each(" + q.text(jsonList(values)) + "))"
}

// wild compares with a pattern. What comes before the first wildcard bounds the search in an index.
func (q *findQuery) wild(pattern string, o operand, plain bool) string {
	var where []string
	bounded := o.folded
	if bounded == "" && plain {
		bounded = o.plain
	}
	prefix, rest := cutPrefix(pattern)
	if bounded != "" {
		if bounded == o.folded {
			prefix = charset.Fold(prefix)
		}
		if prefix != "" {
			low, high := q.text(prefix), q.text(prefix+"\xff")
			where = append(where, bounded+">="+low+" AND "+bounded+"<"+high)
		}
		if rest == "*" && bounded == o.folded && !plain || rest == "*" && o.folded == "" {
			if prefix == "" {
				where = append(where, bounded+" IS NOT NULL")
			}
			return and(where)
		}
	}
	if plain {
		return and(append(where, "glob(+"+q.text(glob(pattern, false))+","+o.plain+")"))
	}
	value := o.folded
	if value == "" {
		value = o.plain
	}
	return and(append(where, "glob(+"+q.text(glob(pattern, true))+","+value+")"))
}

// cutPrefix cuts a pattern before its first wildcard.
func cutPrefix(pattern string) (prefix, rest string) {
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		return pattern[:i], pattern[i:]
	}
	return pattern, ""
}

// glob writes a DICOM pattern for SQLite's GLOB, in which [ means something, too.
func glob(pattern string, folded bool) string {
	var b strings.Builder
	for pattern != "" {
		var text string
		text, pattern = cutPrefix(pattern)
		if folded {
			text = charset.Fold(text)
		}
		for _, r := range text {
			if r == '[' || r == '*' || r == '?' {
				b.WriteString("[" + string(r) + "]")
			} else {
				b.WriteRune(r)
			}
		}
		if pattern != "" {
			b.WriteByte(pattern[0])
			pattern = pattern[1:]
		}
	}
	return b.String()
}

func fold(values []string) []string {
	folded := make([]string, len(values))
	for i, v := range values {
		folded[i] = charset.Fold(v)
	}
	return folded
}

func jsonList(values []string) string {
	b, err := json.Marshal(values)
	if err != nil {
		return "[]" // texts can always be written
	}
	return string(b)
}

// isUID tells the identifiers that have an index.
func isUID(t dicom.Tag) bool {
	return t == dicom.TagStudyInstanceUID || t == dicom.TagSeriesInstanceUID || t == dicom.TagSOPInstanceUID
}

// isExact tells the columns whose values have neither case nor accents.
func isExact(t dicom.Tag) bool {
	switch t {
	case dicom.TagPatientBirthDate, dicom.TagStudyDate, dicom.TagStudyTime, dicom.TagSeriesDate, dicom.TagSeriesTime:
		return true
	}
	return isUID(t)
}

// computed are the tags that are not kept but counted or collected: a value, or rows one of which must match.
var computed = map[dicom.Tag]struct{ count, rows, value string }{
	index.TagModalitiesInStudy: {rows: "series AS below WHERE below.study=studies.pk", value: "below.modality"},
	index.TagSOPClassesInStudy: {rows: "series AS below JOIN instances AS leaf ON leaf.series=below.pk WHERE below.study=studies.pk",
		value: "leaf.class_uid"},
	index.TagSOPClassUID:                     {value: "instances.class_uid"},
	index.TagNumberOfPatientRelatedStudies:   {count: countBelow[index.Patient][0]},
	index.TagNumberOfPatientRelatedSeries:    {count: countBelow[index.Patient][1]},
	index.TagNumberOfPatientRelatedInstances: {count: countBelow[index.Patient][2]},
	index.TagNumberOfStudyRelatedSeries:      {count: countBelow[index.Study][1]},
	index.TagNumberOfStudyRelatedInstances:   {count: countBelow[index.Study][2]},
	index.TagNumberOfSeriesRelatedInstances:  {count: countBelow[index.Series][2]},
}

// countBelow are the numbers of studies, series and instances below a row.
var countBelow = [...][3]string{
	index.Patient: {
		"(SELECT count(*) FROM studies u WHERE u.patient=patients.pk)",
		"(SELECT count(*) FROM studies u JOIN series s ON s.study=u.pk WHERE u.patient=patients.pk)",
		"(SELECT count(*) FROM studies u JOIN series s ON s.study=u.pk JOIN instances i ON i.series=s.pk WHERE u.patient=patients.pk)",
	},
	index.Study: {"1", "(SELECT count(*) FROM series s WHERE s.study=studies.pk)",
		"(SELECT count(*) FROM series s JOIN instances i ON i.series=s.pk WHERE s.study=studies.pk)"},
	index.Series:   {"1", "1", "(SELECT count(*) FROM instances i WHERE i.series=series.pk)"},
	index.Instance: {"1", "1", "1"},
}

func (q *findQuery) computed(how struct{ count, rows, value string }, c *index.Criterion, _ string) string {
	switch {
	case how.count != "":
		return q.match(&c.Match, operand{plain: "CAST(" + how.count + " AS TEXT)", exact: true})
	case how.rows != "":
		return "EXISTS(SELECT 1 FROM " + how.rows + " AND " + q.match(&c.Match, operand{plain: how.value}) + ")"
	}
	return q.match(&c.Match, operand{plain: how.value, exact: true})
}

// metadata is a condition on metadata of the resource itself.
func (q *findQuery) metadata(m *index.MetadataCriterion) string {
	return q.match(&m.Match, operand{plain: q.metadataValue(m.Number)})
}

// metadataValue reads metadata: what the row says, or what a user has set.
func (q *findQuery) metadataValue(number int) string {
	t := q.table
	switch {
	case number == index.MetaLastUpdate && t.level != index.Instance:
		return isoTime(t.name + ".updated")
	case number == index.MetaRemoteAET && t.level == index.Series:
		return "series.remote_aet"
	case number == index.MetaMainDicomTagsSignature:
		return "coalesce(" + strings.TrimPrefix(signatureOf(t.name), ", ") + ",'" + index.Signature(index.MainTags(t.level)) + "')"
	case number == index.MetaExpectedNumberOfInstances && t.level == index.Series:
		var values []string
		for _, tag := range index.ExpectedTags() {
			values = append(values, t.value(tag, false))
		}
		return "expected(" + strings.Join(values, ",") + ")"
	case number == index.MetaIndexInSeries && t.level == index.Instance: // as it was written, number or not
		return "coalesce(" + t.value(dicom.TagInstanceNumber, false) + ", nullif(instances.index_in_series,''))"
	case t.level == index.Instance:
		if column := instanceMetadata[number]; column != "" {
			return column
		}
	}
	return "(SELECT value FROM metadata WHERE metadata.id=" + t.name + ".id AND number=" + strconv.Itoa(number) + ")"
}

// isoTime writes a time in microseconds as Orthanc does, in whole seconds of UTC.
func isoTime(column string) string {
	return "strftime('%Y%m%dT%H%M%S'," + column + "/1000000,'unixepoch')"
}

// instanceMetadata are the metadata that rows of instances hold.
var instanceMetadata = map[int]string{
	index.MetaReceptionDate:   isoTime("instances.received"),
	index.MetaTransferSyntax:  "instances.transfer_syntax",
	index.MetaSopClassUid:     "instances.class_uid",
	index.MetaPixelDataOffset: "CASE WHEN pixel_data_at>0 THEN CAST(pixel_data_at AS TEXT) END",
	index.MetaOrigin:          "coalesce(instances.origin->>'o','')",
	index.MetaRemoteAET:       "coalesce(instances.origin->>'r','')",
	index.MetaRemoteIP:        "coalesce(instances.origin->>'i','')",
	index.MetaCalledAET:       "coalesce(instances.origin->>'c','')",
	index.MetaHttpUsername:    "coalesce(instances.origin->>'u','')",
}

// anyOf binds a value that a row was sorted by.
func anyOf(v any) arg {
	return func(s *sqlite.Stmt, i int) {
		switch v := v.(type) {
		case int64:
			s.BindInt64(i, v)
		case float64:
			s.BindFloat(i, v)
		case string:
			s.BindText(i, v)
		default:
			s.BindNull(i)
		}
	}
}

// defineFunctions makes charset.Fold and index.NewSeriesStatus known to SQL.
func defineFunctions(c *sqlite.Conn) error {
	err := c.CreateFunction("expected", &sqlite.FunctionImpl{NArgs: len(index.ExpectedTags()), Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			var tags index.Tags
			for i, t := range index.ExpectedTags() {
				if args[i].Type() != sqlite.TypeNull {
					tags = append(tags, index.Tag{Tag: t, Value: args[i].Text()})
				}
			}
			if n := index.NewSeriesStatus(tags).Expected; n > 0 {
				return sqlite.TextValue(strconv.FormatInt(n, 10)), nil
			}
			return sqlite.Value{}, nil
		}})
	if err != nil {
		return err
	}
	return c.CreateFunction("fold", &sqlite.FunctionImpl{NArgs: 1, Deterministic: true,
		Scalar: func(_ sqlite.Context, args []sqlite.Value) (sqlite.Value, error) {
			if args[0].Type() == sqlite.TypeNull {
				return sqlite.Value{}, nil
			}
			return sqlite.TextValue(charset.Fold(args[0].Text())), nil
		}})
}
