package sqlite

import (
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/storage/index"
)

// column is a main DICOM tag that has a column of its own, and perhaps a second one with its folded copy.
type column struct {
	tag    dicom.Tag
	name   string
	folded bool
}

// table is how the rows of one level are written and read. Every level has the same shape: the id, the parent's key,
// the columns of tags, their folded copies, the other tags as JSON, then what the level has besides (rest).
type table struct {
	level   index.Level
	name    string
	parent  string // column with the parent's key, "" for patients
	columns []column
	rest    []string

	insert, update string // of a whole row, of the tags by pk
}

// The columns are ascending by tag.
var tables = [...]table{
	index.Patient: makeTable(table{level: index.Patient, name: "patients", columns: []column{
		{dicom.TagPatientName, "patient_name", true},
		{dicom.TagPatientID, "patient_id", true},
		{dicom.TagPatientBirthDate, "birth_date", false},
		{dicom.TagPatientSex, "sex", false},
	}, rest: []string{"updated", "signature", "unstable", "recency", "kept"}}),
	index.Study: makeTable(table{level: index.Study, name: "studies", parent: "patient", columns: []column{
		{dicom.TagStudyDate, "study_date", false},
		{dicom.TagStudyTime, "study_time", false},
		{dicom.TagAccessionNumber, "accession_number", true},
		{dicom.TagInstitutionName, "institution", true},
		{dicom.TagReferringPhysicianName, "referring_physician", true},
		{dicom.TagStudyDescription, "description", true},
		{dicom.TagStudyInstanceUID, "study_uid", false},
		{dicom.TagStudyID, "study_id", true},
	}, rest: []string{"updated", "signature", "unstable"}}),
	index.Series: makeTable(table{level: index.Series, name: "series", parent: "study", columns: []column{
		{dicom.TagSeriesDate, "series_date", false},
		{dicom.TagSeriesTime, "series_time", false},
		{dicom.TagModality, "modality", false},
		{dicom.TagManufacturer, "manufacturer", false},
		{dicom.TagStationName, "station_name", true},
		{dicom.TagSeriesDescription, "description", true},
		{dicom.TagBodyPartExamined, "body_part", true},
		{dicom.TagProtocolName, "protocol_name", true},
		{dicom.TagSeriesInstanceUID, "series_uid", false},
		{dicom.TagSeriesNumber, "series_number", false},
	}, rest: []string{"updated", "signature", "unstable", "remote_aet"}}),
	index.Instance: makeTable(table{level: index.Instance, name: "instances", parent: "series", columns: []column{
		{dicom.TagSOPInstanceUID, "sop_uid", false},
		{dicom.TagInstanceNumber, "instance_number", false},
	}, rest: []string{"class_uid", "transfer_syntax", "index_in_series", "received", "origin", "pixel_data_at",
		"pixel_data_vr", "flags", "blob_key", "blob_seq", "size", "crc", "md5", "plain", "signature"}}),
}

func makeTable(t table) table {
	head := []string{"id"}
	if t.parent != "" {
		head = append(head, t.parent)
	}
	names := slices.Concat(head, t.tagNames(), t.rest)
	t.insert = "INSERT INTO " + t.name + "(" + strings.Join(names, ",") + ") VALUES(?" +
		strings.Repeat(",?", len(names)-1) + ")"
	t.update = "UPDATE " + t.name + " SET " + strings.Join(t.tagNames(), "=?,") + "=? WHERE pk=?"
	return t
}

// tagNames are the columns that bindTags fills, in its order.
func (t *table) tagNames() []string {
	var plain, folded []string
	for _, c := range t.columns {
		plain = append(plain, c.name)
		if c.folded {
			folded = append(folded, c.name+"_folded")
		}
	}
	return slices.Concat(plain, folded, []string{"tags"})
}

// bindTags binds the tags of a row from parameter i on and returns the next free parameter.
func (t *table) bindTags(s *sqlite.Stmt, i int, tags index.Tags, buf []byte) int {
	for _, c := range t.columns {
		if v, ok := tags.Get(c.tag); ok {
			s.BindText(i, v)
		} else {
			s.BindNull(i)
		}
		i++
	}
	for _, c := range t.columns {
		if !c.folded {
			continue
		}
		if v, ok := tags.Get(c.tag); ok {
			s.BindText(i, charset.Fold(v))
		} else {
			s.BindNull(i)
		}
		i++
	}
	if others := t.appendOthers(buf[:0], tags); len(others) > 0 {
		s.BindText(i, string(others))
	} else {
		s.BindNull(i)
	}
	return i + 1
}

func (t *table) appendOthers(b []byte, tags index.Tags) []byte {
	for _, tag := range tags {
		if !t.has(tag.Tag) {
			b = appendTag(b, tag)
		}
	}
	if len(b) > 0 {
		b = append(b, '}')
	}
	return b
}

func (t *table) has(tag dicom.Tag) bool {
	for i := range t.columns {
		if t.columns[i].tag == tag {
			return true
		}
	}
	return false
}

// selection lists the columns that scanTags reads.
func (t *table) selection() string {
	var b strings.Builder
	for _, c := range t.columns {
		b.WriteString(t.name + "." + c.name + ",")
	}
	return b.String() + t.name + ".tags"
}

// scanTags reads the columns of selection from column i on.
func (t *table) scanTags(s *sqlite.Stmt, i int) (index.Tags, error) {
	others, err := parseTags(s.ColumnText(i + len(t.columns)))
	if err != nil {
		return nil, err
	}
	tags := make(index.Tags, 0, len(t.columns)+len(others))
	for n, c := range t.columns {
		for len(others) > 0 && others[0].Tag < c.tag {
			tags, others = append(tags, others[0]), others[1:]
		}
		if !s.ColumnIsNull(i + n) {
			tags = append(tags, index.Tag{Tag: c.tag, Value: s.ColumnText(i + n)})
		}
	}
	return append(tags, others...), nil
}
