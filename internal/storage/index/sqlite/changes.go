package sqlite

import (
	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

// note adds a change under the next number.
func (t *tx) note(c index.ChangeType, l index.Level, id index.ID, micro int64) error {
	if t.change == 0 {
		last, err := t.LastChange()
		if err != nil {
			return err
		}
		t.change = last
	}
	t.change++
	t.noted = true
	s, err := t.c.Prepare("INSERT INTO changes(seq, type, level, id, time) VALUES(?,?,?,?,?)")
	if err != nil {
		return wrap("prepare", err)
	}
	s.BindInt64(1, t.change)
	s.BindInt64(2, int64(c))
	s.BindInt64(3, int64(l))
	s.BindBytes(4, id[:])
	s.BindInt64(5, micro)
	return step(s)
}

// PutChange implements index.Tx; c.Seq is of no account.
func (t *tx) PutChange(c index.Change) error { return t.note(c.Type, c.Level, c.ID, toMicro(c.Time)) }

// ClearChanges implements index.Tx. Numbers go on where they were.
func (t *tx) ClearChanges() error { return t.c.exec("DELETE FROM changes") }

// LastChange implements index.Resources.
func (t *readTx) LastChange() (n int64, err error) {
	return n, t.c.one("SELECT last_change FROM totals", nil, func(s *sqlite.Stmt) error { n = s.ColumnInt64(0); return nil })
}

// Changes implements index.Resources.
func (t *readTx) Changes(since int64, limit int) (out []index.Change, err error) {
	err = t.c.each("SELECT seq, type, level, id, time FROM changes WHERE seq>? ORDER BY seq LIMIT +?",
		[]arg{num(since), num(int64(limit))}, func(s *sqlite.Stmt) error {
			out = append(out, index.Change{Seq: s.ColumnInt64(0), Type: index.ChangeType(s.ColumnInt64(1)),
				Resource: index.Resource{Level: index.Level(s.ColumnInt64(2)), ID: columnID(s, 3)},
				Time:     fromMicro(s.ColumnInt64(4))})
			return nil
		})
	return out, err
}

// Labels implements index.Resources.
func (t *readTx) Labels(id index.ID) (out []string, err error) {
	err = t.c.each("SELECT label FROM labels WHERE id=? ORDER BY label", []arg{idOf(id)}, func(s *sqlite.Stmt) error {
		out = append(out, s.ColumnText(0))
		return nil
	})
	return out, err
}

// AddLabel implements index.Tx.
func (t *tx) AddLabel(level index.Level, id index.ID, label string) error {
	return t.c.exec("INSERT OR IGNORE INTO labels(id, label, level) VALUES(?,?,?)", idOf(id), text(label), num(int64(level)))
}

// RemoveLabel implements index.Tx.
func (t *tx) RemoveLabel(id index.ID, label string) error {
	return t.c.exec("DELETE FROM labels WHERE id=? AND label=?", idOf(id), text(label))
}

// Metadata implements index.Resources.
func (t *readTx) Metadata(id index.ID) (out []index.Metadata, err error) {
	err = t.c.each("SELECT number, value, revision FROM metadata WHERE id=? ORDER BY number", []arg{idOf(id)},
		func(s *sqlite.Stmt) error {
			out = append(out, index.Metadata{Number: s.ColumnInt(0), Value: s.ColumnText(1), Revision: s.ColumnInt64(2)})
			return nil
		})
	return out, err
}

// PutMetadata implements index.Tx.
func (t *tx) PutMetadata(level index.Level, id index.ID, m index.Metadata) error {
	return t.c.exec("INSERT OR REPLACE INTO metadata(id, number, level, value, revision) VALUES(?,?,?,?,?)",
		idOf(id), num(int64(m.Number)), num(int64(level)), text(m.Value), num(m.Revision))
}

// DeleteMetadata implements index.Tx.
func (t *tx) DeleteMetadata(id index.ID, number int) error {
	return t.c.exec("DELETE FROM metadata WHERE id=? AND number=?", idOf(id), num(int64(number)))
}

// SetProtected implements index.Tx.
func (t *tx) SetProtected(patient index.ID, on bool) error {
	query := "DELETE FROM protected WHERE id=?"
	if on {
		query = "INSERT OR IGNORE INTO protected(id) VALUES(?)"
	}
	if err := t.c.exec(query, idOf(patient)); err != nil {
		return err
	}
	return t.keep(patient)
}

// MarkCommitted implements index.Tx.
func (t *tx) MarkCommitted(patient index.ID) error {
	if _, err := t.key("SELECT pk FROM patients WHERE id=?", patient); err != nil {
		return err
	}
	if err := t.c.exec("INSERT OR IGNORE INTO committed(id) VALUES(?)", idOf(patient)); err != nil {
		return err
	}
	return t.keep(patient)
}

// Committed implements index.Resources.
func (t *readTx) Committed(patient index.ID) (marked bool, err error) {
	return marked, t.c.one("SELECT EXISTS(SELECT 1 FROM committed WHERE id=?)", []arg{idOf(patient)},
		func(s *sqlite.Stmt) error { marked = s.ColumnBool(0); return nil })
}

// Position implements index.Resources.
func (t *readTx) Position() (pos string, err error) {
	return pos, t.c.one("SELECT position FROM totals", nil, func(s *sqlite.Stmt) error { pos = s.ColumnText(0); return nil })
}

// SetPosition implements index.Tx; it is written with the totals.
func (t *tx) SetPosition(pos string) error {
	t.position = pos
	return nil
}

// Reclaims implements index.Resources.
func (t *readTx) Reclaims(limit int) (out []index.Blob, err error) {
	err = t.c.each("SELECT key, seq FROM reclaims LIMIT +?", []arg{num(int64(limit))}, func(s *sqlite.Stmt) error {
		b := index.Blob{Seq: uint64(s.ColumnInt64(1))}
		s.ColumnBytes(0, b.Key[:])
		out = append(out, b)
		return nil
	})
	return out, err
}

// PutReclaim implements index.Tx.
func (t *tx) PutReclaim(b index.Blob) error {
	return t.c.exec("INSERT OR IGNORE INTO reclaims(key, seq) VALUES(?,?)",
		bytesOf(b.Key[:]), num(int64(b.Seq)))
}

// DeleteReclaim implements index.Tx.
func (t *tx) DeleteReclaim(b index.Blob) error {
	return t.c.exec("DELETE FROM reclaims WHERE key=? AND seq=?", bytesOf(b.Key[:]), num(int64(b.Seq)))
}
