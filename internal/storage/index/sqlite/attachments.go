package sqlite

import (
	"strings"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

const attachmentColumns = "blob_key, blob_seq, size, crc, md5, plain_size, number, revision, id"

func scanAttachment(s *sqlite.Stmt) index.Attachment {
	a := index.Attachment{Blob: scanBlob(s, 0), Number: s.ColumnInt(6), Revision: s.ColumnInt64(7)}
	a.Blob.Instance = columnID(s, 8)
	return a
}

// Attachments implements index.Resources.
func (t *readTx) Attachments(id index.ID) (out []index.Attachment, err error) {
	err = t.c.each("SELECT "+attachmentColumns+" FROM attachments WHERE id=? ORDER BY number", []arg{idOf(id)},
		func(s *sqlite.Stmt) error { out = append(out, scanAttachment(s)); return nil })
	return out, err
}

// AttachedBlobs implements index.Resources.
func (t *readTx) AttachedBlobs(after index.ID, number, limit int) (out []index.Attachment, err error) {
	err = t.c.each("SELECT "+attachmentColumns+" FROM attachments WHERE (id, number)>(?,?) ORDER BY id, number LIMIT +?",
		[]arg{idOf(after), num(int64(number)), num(int64(limit))},
		func(s *sqlite.Stmt) error { out = append(out, scanAttachment(s)); return nil })
	return out, err
}

// PutAttachment implements index.Tx.
func (t *tx) PutAttachment(r index.Resource, a index.Attachment) error {
	if err := t.DeleteAttachment(r.ID, a.Number); err != nil {
		return err
	}
	b := &a.Blob
	md5, compression := null, int64(1)
	if b.HasMD5 {
		md5 = bytesOf(b.MD5[:])
	}
	if b.Plain > 0 {
		compression = 2
	}
	t.countAttached(b, 1)
	return t.c.exec("INSERT INTO attachments(id, number, level, blob_key, blob_seq, size, plain_size, compression, crc, md5,"+
		" revision) VALUES(?,?,?,?,?,?,?,?,?,?,?)", idOf(r.ID), num(int64(a.Number)), num(int64(r.Level)), bytesOf(b.Key[:]),
		num(int64(b.Seq)), num(b.Size), num(b.Plain), num(compression), num(int64(b.CRC32C)), md5, num(a.Revision))
}

// DeleteAttachment implements index.Tx.
func (t *tx) DeleteAttachment(id index.ID, number int) error {
	query := "DELETE FROM attachments WHERE id=? AND number=? RETURNING " + attachmentColumns
	return t.c.each(query, []arg{idOf(id), num(int64(number))}, func(s *sqlite.Stmt) error {
		a := scanAttachment(s)
		t.countAttached(&a.Blob, -1)
		return nil
	})
}

func (t *tx) countAttached(b *index.Blob, sign int64) {
	t.totals.AttachedBytes += sign * b.Size
	t.totals.AttachedPlain += sign * b.PlainSize()
}

// AllLabels implements index.Resources.
func (t *readTx) AllLabels() (out []string, err error) {
	// One step through the index from each label to the next, however many resources have it.
	const query = "WITH RECURSIVE l(label) AS (SELECT min(label) FROM labels UNION ALL" +
		" SELECT (SELECT min(label) FROM labels WHERE labels.label>l.label) FROM l WHERE l.label IS NOT NULL)" +
		" SELECT label FROM l WHERE label IS NOT NULL"
	err = t.c.each(query, nil, func(s *sqlite.Stmt) error { out = append(out, s.ColumnText(0)); return nil })
	return out, err
}

// bindSignature binds the number of a list of tags; NULL for Orthanc's.
func (t *tx) bindSignature(s *sqlite.Stmt, i int, tags string) error {
	if tags == "" {
		s.BindNull(i)
		return nil
	}
	n, known := t.x.parents.signatures[tags]
	if !known {
		err := t.c.one("INSERT INTO signatures(tags) VALUES(?1) ON CONFLICT(tags) DO UPDATE SET tags=?1 RETURNING n", []arg{text(tags)},
			func(s *sqlite.Stmt) error { n = s.ColumnInt64(0); return nil })
		if err != nil {
			return err
		}
		if t.x.parents.signatures == nil {
			t.x.parents.signatures = map[string]int64{}
		}
		t.x.parents.signatures[tags] = n
	}
	s.BindInt64(i, n)
	return nil
}

// retagRow gives a row other tags, and the signature that says which are kept.
func (t *tx) retagRow(tb *table, pk int64, tags index.Tags, signature string) error {
	if err := t.updateTags(tb, pk, tags); err != nil {
		return err
	}
	s, err := t.c.Prepare("UPDATE " + tb.name + " SET signature=? WHERE pk=?")
	if err != nil {
		return wrap("prepare", err)
	}
	if err := t.bindSignature(s, 1, signature); err != nil {
		return err
	}
	s.BindInt64(2, pk)
	return step(s)
}

// Retag implements index.Tx.
func (t *tx) Retag(n *index.NewInstance) error {
	for _, l := range []struct {
		level index.Level
		id    index.ID
		tags  index.Tags
	}{{index.Patient, n.Patient, n.PatientTags}, {index.Study, n.Study, n.StudyTags}, {index.Series, n.Series, n.SeriesTags},
		{index.Instance, n.ID, n.Tags}} {
		tb := &tables[l.level]
		pk, err := t.key("SELECT pk FROM "+tb.name+" WHERE id=?", l.id)
		if err != nil {
			return err
		}
		if err := t.retagRow(tb, pk, l.tags, n.Signatures[l.level]); err != nil {
			return err
		}
	}
	return t.c.exec("UPDATE instances SET index_in_series=?, pixel_data_at=?, pixel_data_vr=?, flags=? WHERE id=?", text(n.IndexInSeries),
		num(n.PixelDataAt), num(int64(n.PixelDataVR)), num(flagsOf(&n.InstanceRow)), idOf(n.ID))
}

// attachedBelow counts the attachments of a resource and of all below it.
func (t *readTx) attachedBelow(level index.Level, id index.ID, st *index.Statistics) error {
	sources := []string{"SELECT ?1 AS id"}
	for below := level + 1; below <= index.Instance; below++ {
		from := " FROM " + tables[below].name
		for l := below; l > level; l-- {
			above := tables[l-1].name
			from += " JOIN " + above + " ON " + above + ".pk=" + tables[l].name + "." + tables[l].parent
		}
		sources = append(sources, "SELECT "+tables[below].name+".id"+from+" WHERE "+tables[level].name+".id=?1")
	}
	query := "SELECT coalesce(sum(size),0), coalesce(sum(CASE plain_size WHEN 0 THEN size ELSE plain_size END),0)" +
		" FROM attachments WHERE id IN (" + strings.Join(sources, " UNION ALL ") + ")"
	return t.c.one(query, []arg{idOf(id)}, func(s *sqlite.Stmt) error {
		st.AttachedBytes, st.AttachedPlain = s.ColumnInt64(0), s.ColumnInt64(1)
		return nil
	})
}
