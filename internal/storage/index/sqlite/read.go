package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"zombiezen.com/go/sqlite"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// readTx reads on a connection with an open transaction.
type readTx struct {
	c      *conn
	places *milestones
}

func fromMicro(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMicro(v).UTC()
}

func toMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// The selections are made once; scan functions below read them in the same order.
var (
	selectPatient = "SELECT patients.pk, patients.id, patients.updated, patients.kept&1, " + tables[index.Patient].selection() +
		signatureOf("patients") + ", patients.unstable IS NULL" +
		" FROM patients"
	selectStudy = "SELECT studies.pk, studies.id, studies.updated, patients.id, " + tables[index.Study].selection() +
		signatureOf("studies") + ", studies.unstable IS NULL" +
		" FROM studies JOIN patients ON patients.pk=studies.patient"
	selectSeries = "SELECT series.pk, series.id, series.updated, studies.id, patients.id, series.remote_aet, " +
		tables[index.Series].selection() + signatureOf("series") + ", series.unstable IS NULL" +
		" FROM series JOIN studies ON studies.pk=series.study JOIN patients ON patients.pk=studies.patient"
	selectInstance = "SELECT instances.pk, instances.id, series.id, studies.id, patients.id, class_uid, sop_uid, " +
		"transfer_syntax, index_in_series, received, origin, pixel_data_at, pixel_data_vr, flags, " + blobColumns + ", " +
		tables[index.Instance].selection() + signatureOf("instances") + ", instances.revision" + " FROM instances JOIN series ON series.pk=instances.series" +
		" JOIN studies ON studies.pk=series.study JOIN patients ON patients.pk=studies.patient"
)

const blobColumns = "blob_key, blob_seq, size, crc, md5, plain"

// signatureOf selects the text of a row's signature.
func signatureOf(table string) string {
	return ", (SELECT signatures.tags FROM signatures WHERE n=" + table + ".signature)"
}

// Patient implements index.Resources.
func (t *readTx) Patient(id index.ID) (*index.PatientRow, error) {
	r := &index.PatientRow{}
	return r, t.c.one(selectPatient+" WHERE patients.id=?", []arg{idOf(id)}, func(s *sqlite.Stmt) (err error) {
		r.Key, r.ID, r.LastUpdate, r.Protected = s.ColumnInt64(0), columnID(s, 1), fromMicro(s.ColumnInt64(2)), s.ColumnBool(3)
		r.Tags, err = tables[index.Patient].scanTags(s, 4)
		i := 4 + len(tables[index.Patient].columns) + 1
		r.Signature, r.Stable = s.ColumnText(i), s.ColumnBool(i+1)
		return err
	})
}

// Study implements index.Resources.
func (t *readTx) Study(id index.ID) (*index.StudyRow, error) {
	r := &index.StudyRow{}
	return r, t.c.one(selectStudy+" WHERE studies.id=?", []arg{idOf(id)}, func(s *sqlite.Stmt) (err error) {
		r.Key, r.ID, r.LastUpdate, r.Patient = s.ColumnInt64(0), columnID(s, 1), fromMicro(s.ColumnInt64(2)), columnID(s, 3)
		r.Tags, err = tables[index.Study].scanTags(s, 4)
		i := 4 + len(tables[index.Study].columns) + 1
		r.Signature, r.Stable = s.ColumnText(i), s.ColumnBool(i+1)
		return err
	})
}

// Series implements index.Resources.
func (t *readTx) Series(id index.ID) (*index.SeriesRow, error) {
	r := &index.SeriesRow{}
	return r, t.c.one(selectSeries+" WHERE series.id=?", []arg{idOf(id)}, func(s *sqlite.Stmt) (err error) {
		r.Key, r.ID, r.LastUpdate = s.ColumnInt64(0), columnID(s, 1), fromMicro(s.ColumnInt64(2))
		r.Study, r.Patient, r.RemoteAET = columnID(s, 3), columnID(s, 4), s.ColumnText(5)
		r.Tags, err = tables[index.Series].scanTags(s, 6)
		i := 6 + len(tables[index.Series].columns) + 1
		r.Signature, r.Stable = s.ColumnText(i), s.ColumnBool(i+1)
		return err
	})
}

// Instance implements index.Resources.
func (t *readTx) Instance(id index.ID) (*index.InstanceRow, error) {
	r := &index.InstanceRow{}
	return r, t.c.one(selectInstance+" WHERE instances.id=?", []arg{idOf(id)}, func(s *sqlite.Stmt) error {
		return scanInstance(s, r)
	})
}

func scanInstance(s *sqlite.Stmt, r *index.InstanceRow) (err error) {
	r.Key, r.ID, r.Series, r.Study, r.Patient = s.ColumnInt64(0), columnID(s, 1), columnID(s, 2), columnID(s, 3), columnID(s, 4)
	r.SOPClassUID, r.SOPInstanceUID = dicom.UID(s.ColumnText(5)), dicom.UID(s.ColumnText(6))
	r.TransferSyntax, r.IndexInSeries = dicom.UID(s.ColumnText(7)), s.ColumnText(8)
	r.Received = fromMicro(s.ColumnInt64(9))
	if err := json.Unmarshal([]byte(s.ColumnText(10)), (*originJSON)(&r.Origin)); err != nil {
		return fmt.Errorf("%w: origin of instance %s: %w", index.ErrCorrupt, r.ID, err)
	}
	r.PixelDataAt, r.PixelDataVR = s.ColumnInt64(11), dicom.VR(s.ColumnInt64(12))
	flags := s.ColumnInt64(13)
	r.Truncated, r.UnusualVR = flags&flagTruncated != 0, flags&flagUnusualVR != 0
	r.Blob = scanBlob(s, 14)
	r.Blob.Upload, r.Blob.Instance = flags&flagUpload != 0, r.ID
	r.Tags, err = tables[index.Instance].scanTags(s, 20)
	i := 20 + len(tables[index.Instance].columns) + 1
	r.Signature, r.Revision = s.ColumnText(i), s.ColumnInt64(i+1)
	return err
}

func scanBlob(s *sqlite.Stmt, i int) (b index.Blob) {
	s.ColumnBytes(i, b.Key[:])
	b.Seq, b.Size, b.CRC32C = uint64(s.ColumnInt64(i+1)), s.ColumnInt64(i+2), uint32(s.ColumnInt64(i+3))
	if !s.ColumnIsNull(i + 4) {
		b.HasMD5 = true
		s.ColumnBytes(i+4, b.MD5[:])
	}
	b.Plain = s.ColumnInt64(i + 5)
	return b
}

// Stored implements index.Resources.
func (t *readTx) Stored(id index.ID) (b index.Blob, err error) {
	s, err := t.c.Prepare("SELECT " + blobColumns + ", flags FROM instances WHERE id=?")
	if err != nil {
		return b, wrap("prepare", err)
	}
	s.BindBytes(1, id[:])
	return b, first(s, func(s *sqlite.Stmt) error {
		b = scanBlob(s, 0)
		b.Upload, b.Instance = s.ColumnInt64(6)&flagUpload != 0, id
		return nil
	})
}

// Blobs implements index.Resources.
func (t *readTx) Blobs(after int64, limit int) (blobs []index.Blob, keys []int64, err error) {
	err = t.c.each("SELECT "+blobColumns+", flags, id, pk FROM instances WHERE pk>? ORDER BY pk LIMIT +?",
		[]arg{num(after), num(int64(limit))}, func(s *sqlite.Stmt) error {
			b := scanBlob(s, 0)
			b.Upload, b.Instance = s.ColumnInt64(6)&flagUpload != 0, columnID(s, 7)
			blobs, keys = append(blobs, b), append(keys, s.ColumnInt64(8))
			return nil
		})
	return blobs, keys, err
}

// Resource implements index.Resources.
func (t *readTx) Resource(id index.ID) (index.Level, error) {
	for _, l := range [...]index.Level{index.Patient, index.Study, index.Series, index.Instance} {
		if _, err := t.key("SELECT pk FROM "+tables[l].name+" WHERE id=?", id); err == nil {
			return l, nil
		} else if err != index.ErrNotFound { //nolint:errorlint // made here, never wrapped
			return 0, err
		}
	}
	return 0, index.ErrNotFound
}

// List implements index.Resources.
func (t *readTx) List(level index.Level, after int64, limit int) ([]index.Entry, error) {
	if level < index.Patient || level > index.Instance {
		return nil, fmt.Errorf("index: list: there is no %v", level)
	}
	return t.entries("SELECT pk, id FROM "+tables[level].name+" WHERE pk>? ORDER BY pk LIMIT +?",
		num(after), num(int64(limit)))
}

// Children implements index.Resources.
func (t *readTx) Children(level index.Level, id index.ID, after int64, limit int) ([]index.Entry, error) {
	if level < index.Patient || level > index.Series {
		return nil, fmt.Errorf("index: children: there are none below %v", level)
	}
	pk, err := t.key("SELECT pk FROM "+tables[level].name+" WHERE id=?", id)
	if err != nil {
		return nil, err
	}
	below := &tables[level+1]
	return t.entries("SELECT pk, id FROM "+below.name+" WHERE "+below.parent+"=? AND pk>? ORDER BY pk LIMIT +?",
		num(pk), num(after), num(int64(limit)))
}

func (t *readTx) entries(query string, args ...arg) (out []index.Entry, err error) {
	err = t.c.each(query, args, func(s *sqlite.Stmt) error {
		out = append(out, index.Entry{Key: s.ColumnInt64(0), ID: columnID(s, 1)})
		return nil
	})
	return out, err
}

// Instances implements index.Resources.
func (t *readTx) Instances(level index.Level, id index.ID, after int64, limit int) (out []index.InstanceRow, err error) {
	args := []arg{num(after), num(int64(limit))}
	where := " WHERE instances.pk>?1"
	if level != 0 {
		pk, err := t.key("SELECT pk FROM "+tables[level].name+" WHERE id=?", id)
		if err != nil {
			return nil, err
		}
		args = append(args, num(pk))
		where += below[level]
	}
	err = t.c.each(selectInstance+where+" ORDER BY instances.pk LIMIT +?2", args, func(s *sqlite.Stmt) error {
		out = append(out, index.InstanceRow{})
		return scanInstance(s, &out[len(out)-1])
	})
	return out, err
}

// below restricts instances to those under the resource with key ?3.
var below = [...]string{
	index.Patient:  " AND instances.series IN (SELECT s.pk FROM series s JOIN studies u ON u.pk=s.study WHERE u.patient=?3)",
	index.Study:    " AND instances.series IN (SELECT s.pk FROM series s WHERE s.study=?3)",
	index.Series:   " AND instances.series=?3",
	index.Instance: " AND instances.pk=?3",
}

// Identify implements index.Resources.
func (t *readTx) Identify(value string) (out []index.Resource, err error) {
	for _, q := range [...]struct {
		level index.Level
		query string
	}{
		{index.Patient, "SELECT id FROM patients WHERE patient_id_folded=fold(?)"},
		{index.Study, "SELECT id FROM studies WHERE study_uid=?"},
		{index.Series, "SELECT id FROM series WHERE series_uid=?"},
		{index.Instance, "SELECT id FROM instances WHERE sop_uid=?"},
	} {
		err := t.c.each(q.query, []arg{text(value)}, func(s *sqlite.Stmt) error {
			out = append(out, index.Resource{Level: q.level, ID: columnID(s, 0)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// References implements index.Resources.
func (t *readTx) References(refs []index.Reference, found []index.Found) error {
	s, err := t.c.Prepare("SELECT " + blobColumns + ", flags, id, class_uid, series FROM instances WHERE sop_uid=?")
	if err != nil {
		return wrap("prepare", err)
	}
	patients := map[int64]index.ID{} // by the key of the series: references to one follow each other as a rule
	for i := range refs {
		s.BindText(1, string(refs[i].SOPInstanceUID))
		series, err := lookUp(s, refs[i].SOPClassUID, &found[i])
		if err != nil {
			return err
		}
		if err := s.Reset(); err != nil {
			return wrap("look up", err)
		}
		if !found[i].Present {
			continue
		}
		if found[i].Patient, err = t.patientOf(series, patients); err != nil {
			return err
		}
	}
	return nil
}

// lookUp reads the rows of one SOP Instance UID; series is that of the instance that is present.
func lookUp(s *sqlite.Stmt, class dicom.UID, f *index.Found) (series int64, err error) {
	*f = index.Found{}
	for {
		row, err := s.Step()
		if err != nil {
			return 0, wrap("look up", err)
		}
		if !row {
			return series, nil
		}
		c := dicom.UID(s.ColumnText(8))
		if c != class {
			f.Classes = append(f.Classes, c)
			continue
		}
		f.Present, f.Blob, series = true, scanBlob(s, 0), s.ColumnInt64(9)
		f.Blob.Upload, f.Blob.Instance = s.ColumnInt64(6)&flagUpload != 0, columnID(s, 7)
	}
}

// patientOf finds the patient of a series, in known if it was asked for before.
func (t *readTx) patientOf(series int64, known map[int64]index.ID) (id index.ID, err error) {
	id, ok := known[series]
	if ok {
		return id, nil
	}
	err = t.c.one("SELECT patients.id FROM series JOIN studies ON studies.pk=series.study"+
		" JOIN patients ON patients.pk=studies.patient WHERE series.pk=?", []arg{num(series)},
		func(s *sqlite.Stmt) error { id = columnID(s, 0); return nil })
	known[series] = id
	return id, err
}

// Statistics implements index.Resources.
func (t *readTx) Statistics() (st index.Statistics, err error) {
	return st, t.c.one("SELECT patients, studies, series, instances, bytes, plain, attached, attached_plain FROM totals", nil, func(s *sqlite.Stmt) error {
		st = index.Statistics{Patients: s.ColumnInt64(0), Studies: s.ColumnInt64(1), Series: s.ColumnInt64(2), Instances: s.ColumnInt64(3),
			Bytes: s.ColumnInt64(4), Plain: s.ColumnInt64(5), AttachedBytes: s.ColumnInt64(6), AttachedPlain: s.ColumnInt64(7)}
		return nil
	})
}

// ResourceStatistics implements index.Resources.
func (t *readTx) ResourceStatistics(level index.Level, id index.ID) (st index.Statistics, err error) {
	if level < index.Patient || level > index.Instance {
		return st, fmt.Errorf("index: statistics: there is no %v", level)
	}
	query := "SELECT count(DISTINCT series.study), count(DISTINCT instances.series), count(*), coalesce(sum(size),0)," +
		" coalesce(sum(coalesce(plain, size)),0)" +
		" FROM instances JOIN series ON series.pk=instances.series JOIN studies ON studies.pk=series.study" +
		" JOIN patients ON patients.pk=studies.patient WHERE " + tables[level].name + ".id=?"
	err = t.c.one(query, []arg{idOf(id)}, func(s *sqlite.Stmt) error {
		st = index.Statistics{Patients: 1, Studies: s.ColumnInt64(0), Series: s.ColumnInt64(1),
			Instances: s.ColumnInt64(2), Bytes: s.ColumnInt64(3), Plain: s.ColumnInt64(4)}
		return nil
	})
	if err == nil && st.Instances > 0 {
		err = t.attachedBelow(level, id, &st)
	}
	if err == nil && st.Instances == 0 {
		err = index.ErrNotFound
	}
	return st, err
}
