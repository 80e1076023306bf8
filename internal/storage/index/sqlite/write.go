package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// tx is the writing transaction.
type tx struct {
	readTx
	x      *Index
	totals index.Statistics // what this transaction adds
	change int64            // last change number; 0: not read yet
	noted  bool             // change differs from the stored one

	position string // to be noted; "" as it is

	recent  map[int64]int64 // patients that instances came to, and when the last one did
	deleted bool            // rows have gone, so that places in lists have moved
}

// flags of an instance row
const (
	flagUpload = 1 << iota
	flagTruncated
	flagUnusualVR
)

// PutInstance implements index.Tx.
func (t *tx) PutInstance(n *index.NewInstance, quiet bool) error {
	p, err := t.parentsOf(n)
	if err != nil {
		return err
	}
	defer func() { p.fresh = nil }()
	err = t.insertInstance(p.series, n)
	if sqlite.ErrCode(err) == sqlite.ResultConstraintUnique {
		return t.replaceInstance(p, n, quiet)
	}
	if err != nil {
		return err
	}
	t.totals.Instances++
	t.totals.Bytes += n.Blob.Size
	t.totals.Plain += n.Blob.PlainSize()
	if err := t.touch(p, n, quiet); err != nil || quiet {
		return err
	}
	return t.noteNew(p, n)
}

func (t *tx) insertInstance(series int64, n *index.NewInstance) error {
	tb := &tables[index.Instance]
	s, err := t.c.Prepare(tb.insert)
	if err != nil {
		return wrap("prepare", err)
	}
	s.BindBytes(1, n.ID[:])
	s.BindInt64(2, series)
	i := tb.bindTags(s, 3, n.Tags, t.x.parents.buf[:0])
	t.bindInstance(s, i, n)
	if err := t.bindSignature(s, i+14, n.Signatures[index.Instance]); err != nil {
		return err
	}
	return step(s)
}

// bindInstance binds what table.rest lists.
func (t *tx) bindInstance(s *sqlite.Stmt, i int, n *index.NewInstance) {
	s.BindText(i, string(n.SOPClassUID))
	s.BindText(i+1, string(n.TransferSyntax))
	s.BindText(i+2, n.IndexInSeries)
	s.BindInt64(i+3, n.Received.UnixMicro())
	s.BindText(i+4, t.x.parents.originText(n.Origin))
	s.BindInt64(i+5, n.PixelDataAt)
	s.BindInt64(i+6, int64(n.PixelDataVR))
	s.BindInt64(i+7, flagsOf(&n.InstanceRow))
	bindBlob(s, i+8, &n.Blob)
}

func flagsOf(r *index.InstanceRow) (f int64) {
	if r.Blob.Upload {
		f |= flagUpload
	}
	if r.Truncated {
		f |= flagTruncated
	}
	if r.UnusualVR {
		f |= flagUnusualVR
	}
	return f
}

func bindBlob(s *sqlite.Stmt, i int, b *index.Blob) {
	s.BindBytes(i, b.Key[:])
	s.BindInt64(i+1, int64(b.Seq))
	s.BindInt64(i+2, b.Size)
	s.BindInt64(i+3, int64(b.CRC32C))
	if b.HasMD5 {
		s.BindBytes(i+4, b.MD5[:])
	} else {
		s.BindNull(i + 4)
	}
	if b.Plain > 0 {
		s.BindInt64(i+5, b.Plain)
	} else {
		s.BindNull(i + 5)
	}
}

// replaceInstance writes over a row of the same id. Parents that hold nothing else take the new tags, too.
func (t *tx) replaceInstance(p *parents, n *index.NewInstance, quiet bool) error {
	var pk, size, plain int64
	err := t.c.one("SELECT pk, size, coalesce(plain, size) FROM instances WHERE id=?", []arg{idOf(n.ID)}, func(s *sqlite.Stmt) error {
		pk, size, plain = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)
		return nil
	})
	if err != nil {
		return err
	}
	tb := &tables[index.Instance]
	if err := t.updateTags(tb, pk, n.Tags); err != nil {
		return err
	}
	s, err := t.c.Prepare("UPDATE instances SET class_uid=?, transfer_syntax=?, index_in_series=?, received=?, origin=?, " +
		"pixel_data_at=?, pixel_data_vr=?, flags=?, blob_key=?, blob_seq=?, size=?, crc=?, md5=?, plain=?, signature=?, revision=0 WHERE pk=?")
	if err != nil {
		return wrap("prepare", err)
	}
	t.bindInstance(s, 1, n)
	if err := t.bindSignature(s, 15, n.Signatures[index.Instance]); err != nil {
		return err
	}
	s.BindInt64(16, pk)
	if err := step(s); err != nil {
		return err
	}
	t.totals.Bytes += n.Blob.Size - size
	t.totals.Plain += n.Blob.PlainSize() - plain
	return errors.Join(t.retagParents(p, n), t.touch(p, n, quiet))
}

// retagParents gives the new tags to every parent whose only descendant was replaced.
func (t *tx) retagParents(p *parents, n *index.NewInstance) error {
	for _, l := range []struct {
		level index.Level
		pk    int64
		alone string
		tags  index.Tags
	}{
		{index.Series, p.series, "SELECT count(*) FROM (SELECT 1 FROM instances WHERE series=? LIMIT 2)", n.SeriesTags},
		{index.Study, p.study, "SELECT count(*) FROM (SELECT 1 FROM series WHERE study=? LIMIT 2)", n.StudyTags},
		{index.Patient, p.patient, "SELECT count(*) FROM (SELECT 1 FROM studies WHERE patient=? LIMIT 2)", n.PatientTags},
	} {
		var children int
		err := t.c.one(l.alone, []arg{num(l.pk)}, func(s *sqlite.Stmt) error { children = s.ColumnInt(0); return nil })
		if err != nil {
			return err
		}
		if children > 1 {
			if l.level == index.Patient {
				return t.ownPatient(p.study, p.patient, n.PatientTags)
			}
			return nil
		}
		if err := t.retagRow(&tables[l.level], l.pk, l.tags, n.Signatures[l.level]); err != nil {
			return err
		}
	}
	return t.ownPatient(p.study, p.patient, n.PatientTags)
}

func (t *tx) updateTags(tb *table, pk int64, tags index.Tags) error {
	s, err := t.c.Prepare(tb.update)
	if err != nil {
		return wrap("prepare", err)
	}
	s.BindInt64(tb.bindTags(s, 1, tags, nil), pk)
	return step(s)
}

// DeleteInstance implements index.Tx.
func (t *tx) DeleteInstance(id index.ID) (*index.Removed, error) {
	row, err := t.Instance(id)
	if err != nil {
		return nil, err
	}
	t.x.parents.clear()
	t.deleted = true
	if err := t.c.exec("DELETE FROM instances WHERE pk=?", num(row.Key)); err != nil {
		return nil, err
	}
	t.totals.Instances--
	t.totals.Bytes -= row.Blob.Size
	t.totals.Plain -= row.Blob.PlainSize()
	r := &index.Removed{Blob: row.Blob}
	gone := index.Resource{Level: index.Instance, ID: id}
	for _, up := range []index.Resource{{Level: index.Series, ID: row.Series}, {Level: index.Study, ID: row.Study},
		{Level: index.Patient, ID: row.Patient}} {
		r.Levels = append(r.Levels, gone)
		if err := t.forget(gone.ID, r); err != nil {
			return nil, err
		}
		empty, err := t.dropEmpty(up)
		if err != nil {
			return nil, err
		}
		if !empty {
			r.Remaining = &up
			return r, nil
		}
		gone = up
	}
	r.Levels = append(r.Levels, gone)
	return r, t.forget(gone.ID, r)
}

// dropEmpty removes a parent without children.
func (t *tx) dropEmpty(r index.Resource) (bool, error) {
	var query string
	var count *int64
	switch r.Level {
	case index.Series:
		query, count = "DELETE FROM series WHERE id=? AND NOT EXISTS(SELECT 1 FROM instances i WHERE i.series=series.pk)",
			&t.totals.Series
	case index.Study:
		query, count = "DELETE FROM studies WHERE id=? AND NOT EXISTS(SELECT 1 FROM series s WHERE s.study=studies.pk)",
			&t.totals.Studies
	default:
		query, count = "DELETE FROM patients WHERE id=? AND NOT EXISTS(SELECT 1 FROM studies s WHERE s.patient=patients.pk)",
			&t.totals.Patients
	}
	if err := t.c.exec(query, idOf(r.ID)); err != nil {
		return false, err
	}
	if t.c.Changes() == 0 {
		return false, nil
	}
	*count--
	return true, nil
}

// forget removes what a user has attached to a resource; the bytes of that are to be given back.
func (t *tx) forget(id index.ID, r *index.Removed) error {
	attached, err := t.Attachments(id)
	if err != nil {
		return err
	}
	for i := range attached {
		r.Attached = append(r.Attached, attached[i].Blob)
		t.countAttached(&attached[i].Blob, -1)
	}
	for _, q := range [...]string{"DELETE FROM labels WHERE id=?", "DELETE FROM metadata WHERE id=?",
		"DELETE FROM attachments WHERE id=?", "DELETE FROM protected WHERE id=?", "DELETE FROM committed WHERE id=?"} {
		if err := t.c.exec(q, idOf(id)); err != nil {
			return err
		}
	}
	return nil
}

// SetBlob implements index.Tx.
func (t *tx) SetBlob(id index.ID, b index.Blob) error {
	old, err := t.Stored(id)
	if err != nil {
		return err
	}
	s, err := t.c.Prepare("UPDATE instances SET blob_key=?, blob_seq=?, size=?, crc=?, md5=?, plain=?, revision=revision+? WHERE id=?")
	if err != nil {
		return wrap("prepare", err)
	}
	bindBlob(s, 1, &b)
	s.BindBool(7, old.Key != b.Key)
	s.BindBytes(8, id[:])
	t.totals.Bytes += b.Size - old.Size
	t.totals.Plain += b.PlainSize() - old.PlainSize()
	return step(s)
}

// ClearDerived implements index.Tx.
func (t *tx) ClearDerived() error {
	t.x.parents.clear()
	t.totals, t.position, t.deleted = index.Statistics{}, "", true
	for _, q := range []string{"DELETE FROM instances", "DELETE FROM series", "DELETE FROM studies",
		"DELETE FROM patients",
		"DELETE FROM attachments",
		"UPDATE totals SET patients=0, studies=0, series=0, instances=0, bytes=0, plain=0, attached=0, attached_plain=0, position=''"} {
		if err := t.c.exec(q); err != nil {
			return err
		}
	}
	return nil
}

// PruneOrphans implements index.Tx.
func (t *tx) PruneOrphans() error {
	const unknown = " WHERE id NOT IN (SELECT id FROM patients) AND id NOT IN (SELECT id FROM studies)" +
		" AND id NOT IN (SELECT id FROM series) AND id NOT IN (SELECT id FROM instances)"
	for _, name := range []string{"labels", "metadata", "attachments", "protected", "committed"} {
		if err := t.c.exec("DELETE FROM " + name + unknown); err != nil {
			return err
		}
	}
	return nil
}

// flushTotals adds up what the transaction has counted.
func (t *tx) flushTotals() error {
	for patient, micro := range t.recent {
		if err := t.c.exec("UPDATE patients SET recency=?1 WHERE pk=?2 AND recency<?1", num(micro), num(patient)); err != nil {
			return err
		}
	}
	if t.totals == (index.Statistics{}) && !t.noted && t.position == "" && !t.deleted {
		return nil
	}
	s, err := t.c.Prepare("UPDATE totals SET patients=patients+?, studies=studies+?, series=series+?, " +
		"instances=instances+?, bytes=bytes+?, plain=plain+?, attached=attached+?, attached_plain=attached_plain+?, " +
		"last_change=max(last_change, ?), position=coalesce(?, position), deletions=deletions+?")
	if err != nil {
		return wrap("prepare", err)
	}
	for i, v := range [...]int64{t.totals.Patients, t.totals.Studies, t.totals.Series, t.totals.Instances,
		t.totals.Bytes, t.totals.Plain, t.totals.AttachedBytes, t.totals.AttachedPlain, t.change} {
		s.BindInt64(i+1, v)
	}
	if t.position == "" {
		s.BindNull(10)
	} else {
		s.BindText(10, t.position)
	}
	s.BindBool(11, t.deleted)
	return step(s)
}

func encodeOrigin(o index.Origin) string {
	b, err := json.Marshal(originJSON(o))
	if err != nil {
		return fmt.Sprintf("{%q:%q}", "o", o.Source)
	}
	return string(b)
}

// originJSON is how an Origin is kept.
type originJSON struct {
	Source       string `json:"o,omitempty"`
	RemoteAET    string `json:"r,omitempty"`
	RemoteIP     string `json:"i,omitempty"`
	CalledAET    string `json:"c,omitempty"`
	HttpUsername string `json:"u,omitempty"` //nolint:revive // Orthanc's own name
}
