package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	zsqlite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"gantry/internal/storage/index/sqlite"
)

// layout tells everything that is in a database: its format, its tables and indexes, the rows of an empty one.
func layout(t *testing.T, file string) (lines []string) {
	t.Helper()
	c, err := zsqlite.OpenConn(file, zsqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		"PRAGMA application_id", "PRAGMA user_version", "PRAGMA journal_mode", "PRAGMA page_size", "PRAGMA encoding",
		"PRAGMA auto_vacuum", "PRAGMA integrity_check",
		"SELECT concat_ws('|', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY type, name",
		"SELECT concat_ws('|', one, patients, studies, series, instances, bytes, last_change, position, plain, attached," +
			" attached_plain, deletions) FROM totals",
	} {
		err := sqlitex.Execute(c, q, &sqlitex.ExecOptions{ResultFunc: func(s *zsqlite.Stmt) error {
			lines = append(lines, q+": "+s.ColumnText(0))
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func openAndClose(t *testing.T, file string) {
	t.Helper()
	x, err := sqlite.Open(t.Context(), sqlite.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// A new database is what the steps from format to format would have made of nothing.
func TestNewDatabaseIsAsTheStepsMakeIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	written, stepped := filepath.Join(dir, "written.db"), filepath.Join(dir, "stepped.db")
	if err := os.WriteFile(stepped, nil, 0o600); err != nil { // one that is there goes through the steps
		t.Fatal(err)
	}
	openAndClose(t, written)
	openAndClose(t, stepped)
	got, want := layout(t, written), layout(t, stepped)
	if !slices.Equal(got, want) {
		t.Errorf("run `go generate` here: a new database is\n%q\nthe steps make\n%q", got, want)
	}
	if i, err := os.Stat(written); err != nil || i.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others may read the new database: %v, %v", i.Mode(), err)
	}
}

// The write-ahead log of a database that somebody has deleted does not become part of the new one.
func TestWriteAheadLogWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, old := filepath.Join(dir, "index.db"), filepath.Join(dir, "old.db")
	openAndClose(t, old)
	c, err := zsqlite.OpenConn(old, zsqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	err = sqlitex.ExecuteScript(c, "PRAGMA wal_autocheckpoint=0; UPDATE totals SET instances=7; CREATE TABLE foreign_rows(x)", nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(old + "-wal")
	if err = errors.Join(err, c.Close()); err != nil || len(log) == 0 {
		t.Fatal(len(log), err)
	}
	if err := os.WriteFile(file+"-wal", log, 0o600); err != nil {
		t.Fatal(err)
	}
	openAndClose(t, file)
	if got, want := layout(t, file), layout(t, newDatabase(t)); !slices.Equal(got, want) {
		t.Errorf("with a log left behind a new database is\n%q\nnot\n%q", got, want)
	}
}

func newDatabase(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "index.db")
	openAndClose(t, file)
	return file
}

// What an interrupted start has left half written is made anew.
func TestInterruptedCreation(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(file+".new", []byte("SQLite format 3\x00 cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	openAndClose(t, file)
	if got, want := layout(t, file), layout(t, newDatabase(t)); !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
	if _, err := os.Stat(file + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half is still there: %v", err)
	}
}
