package sqlite

import (
	"time"

	"zombiezen.com/go/sqlite"

	"gantry/internal/storage/index"
)

const jobColumns = "id, kind, state, priority, seq, created, changed, next_attempt, runtime, attempt, progress, " +
	"error_code, error_text, error_details, version, data, content, user_data, number"

const (
	setJobKeepingData = "INSERT INTO jobs(" + jobColumns + ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) " +
		"ON CONFLICT(id) DO UPDATE SET kind=excluded.kind, state=excluded.state, priority=excluded.priority, seq=excluded.seq, " +
		"created=excluded.created, changed=excluded.changed, next_attempt=excluded.next_attempt, runtime=excluded.runtime, " +
		"attempt=excluded.attempt, progress=excluded.progress, error_code=excluded.error_code, error_text=excluded.error_text, " +
		"error_details=excluded.error_details, content=excluded.content, user_data=excluded.user_data, number=excluded.number"
	unlessNewer       = " WHERE excluded.number>=jobs.number"
	putJobKeepingData = setJobKeepingData + unlessNewer
	putJob            = setJobKeepingData + ", version=excluded.version, data=excluded.data" + unlessNewer
)

// Jobs implements index.Services.
func (t *readTx) Jobs() (out []index.JobRow, err error) {
	err = t.c.each("SELECT "+jobColumns+" FROM jobs ORDER BY seq, id", nil, func(s *sqlite.Stmt) error {
		out = append(out, jobRow(s))
		return nil
	})
	return out, err
}

// Job implements index.Services.
func (t *readTx) Job(id string) (*index.JobRow, error) {
	var row index.JobRow
	err := t.c.one("SELECT "+jobColumns+" FROM jobs WHERE id=?", []arg{text(id)}, func(s *sqlite.Stmt) error {
		row = jobRow(s)
		return nil
	})
	return &row, err
}

func jobRow(s *sqlite.Stmt) index.JobRow {
	return index.JobRow{
		ID: s.ColumnText(0), Kind: s.ColumnText(1), State: s.ColumnText(2), Priority: s.ColumnInt(3),
		Seq: s.ColumnInt64(4), Created: fromMicro(s.ColumnInt64(5)), Changed: fromMicro(s.ColumnInt64(6)),
		NextAttempt: fromMicro(s.ColumnInt64(7)), Runtime: time.Duration(s.ColumnInt64(8)), Attempt: s.ColumnInt(9),
		Progress: s.ColumnInt(10), ErrorCode: s.ColumnInt(11), ErrorText: s.ColumnText(12),
		ErrorDetails: s.ColumnText(13), Version: s.ColumnInt(14), Data: columnBytes(s, 15),
		Content: columnBytes(s, 16), UserData: columnBytes(s, 17),
		Number: s.ColumnInt64(18),
	}
}

// PutJob implements index.Tx.
func (t *tx) PutJob(j index.JobRow) error {
	update := putJob
	if j.DataKept {
		update = putJobKeepingData
	}
	return t.c.exec(update,
		text(j.ID), text(j.Kind), text(j.State), num(int64(j.Priority)), num(j.Seq), num(toMicro(j.Created)),
		num(toMicro(j.Changed)), num(toMicro(j.NextAttempt)), num(int64(j.Runtime)), num(int64(j.Attempt)),
		num(int64(j.Progress)), num(int64(j.ErrorCode)), text(j.ErrorText), text(j.ErrorDetails), num(int64(j.Version)),
		bytesOf(j.Data), bytesOf(j.Content), bytesOf(j.UserData), num(j.Number))
}

// DeleteJob implements index.Tx.
func (t *tx) DeleteJob(id string) error { return t.c.exec("DELETE FROM jobs WHERE id=?", text(id)) }

// Modalities implements index.Services.
func (t *readTx) Modalities() (out []index.ModalityRow, err error) {
	err = t.c.each("SELECT name, json FROM modalities ORDER BY name", nil, func(s *sqlite.Stmt) error {
		out = append(out, index.ModalityRow{Name: s.ColumnText(0), JSON: columnBytes(s, 1)})
		return nil
	})
	return out, err
}

// PutModality implements index.Tx.
func (t *tx) PutModality(m index.ModalityRow) error {
	return t.c.exec("INSERT OR REPLACE INTO modalities(name, json) VALUES(?,?)", text(m.Name), notNil(m.JSON))
}

// DeleteModality implements index.Tx.
func (t *tx) DeleteModality(name string) error {
	return t.c.exec("DELETE FROM modalities WHERE name=?", text(name))
}

// Property implements index.Services.
func (t *readTx) Property(name string) (v []byte, err error) {
	return v, t.c.one("SELECT value FROM properties WHERE name=?", []arg{text(name)}, func(s *sqlite.Stmt) error {
		v = columnBytes(s, 0)
		return nil
	})
}

// SetProperty implements index.Tx.
func (t *tx) SetProperty(name string, value []byte) error {
	return t.c.exec("INSERT OR REPLACE INTO properties(name, value) VALUES(?,?)", text(name), notNil(value))
}

// DeleteProperty implements index.Tx.
func (t *tx) DeleteProperty(name string) error {
	return t.c.exec("DELETE FROM properties WHERE name=?", text(name))
}

// notNil binds nil as an empty blob.
func notNil(v []byte) arg {
	if v == nil {
		v = []byte{}
	}
	return bytesOf(v)
}
