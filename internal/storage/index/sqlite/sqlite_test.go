package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	zsqlite "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"gantry/internal/storage/index"
	"gantry/internal/storage/index/indextest"
	"gantry/internal/storage/index/sqlite"
)

func open(t testing.TB, dir string) index.Index {
	t.Helper()
	x, err := sqlite.Open(context.Background(), sqlite.Options{File: filepath.Join(dir, "index.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

func TestConformance(t *testing.T) {
	t.Parallel()
	indextest.Run(t, open)
}

func TestNewerFormatIsRefusedByName(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "index.db")
	execute(t, file, "PRAGMA application_id=1735292018; PRAGMA user_version=99")
	var v *index.VersionError
	if _, err := sqlite.Open(t.Context(), sqlite.Options{File: file}); !errors.As(err, &v) || v.Has != 99 || v.File != file {
		t.Errorf("newer format: %v", err)
	}
	file = filepath.Join(t.TempDir(), "index.db")
	execute(t, file, "PRAGMA application_id=42")
	if _, err := sqlite.Open(t.Context(), sqlite.Options{File: file}); err == nil {
		t.Error("a database of another program is taken over")
	}
}

func execute(t *testing.T, file, sql string) {
	t.Helper()
	c, err := zsqlite.OpenConn(file, zsqlite.OpenReadWrite|zsqlite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteScript(c, sql, nil), c.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsTold(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(file, []byte("this is not a database, whatever its name may say, and is long enough to be read as one........."), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), sqlite.Options{File: file}); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("a file that is no database: %v", err)
	}
}

func TestLockedByAnotherProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "index.db")
	x, err := sqlite.Open(t.Context(), sqlite.Options{File: file, BusyTimeout: 1})
	if err != nil {
		t.Fatal(err)
	}
	c, err := zsqlite.OpenConn(file, zsqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(c, "BEGIN IMMEDIATE", nil); err != nil {
		t.Fatal(err)
	}
	put := func() error {
		return x.Derive(t.Context(), func(tx index.Tx) error { return tx.PutInstance(indextest.Make("P", "1", "1", "1"), false) })
	}
	if err := put(); !errors.Is(err, index.ErrBusy) {
		t.Errorf("while locked: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Errorf("after the lock is gone: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "index.db")
	if _, err := sqlite.Open(t.Context(), sqlite.Options{File: file, ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	x := open(t, dir)
	ro, err := sqlite.Open(t.Context(), sqlite.Options{File: file, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	n := indextest.Make("P", "1", "1", "1")
	if err := x.Derive(t.Context(), func(tx index.Tx) error { return tx.PutInstance(n, false) }); err != nil {
		t.Fatal(err)
	}
	if err := ro.View(t.Context(), func(r index.ReadTx) error { _, err := r.Instance(n.ID); return err }); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	if err := ro.Update(t.Context(), func(index.Tx) error { return nil }); !errors.Is(err, index.ErrReadOnly) {
		t.Errorf("writing: %v", err)
	}
	if err := ro.Close(); err != nil {
		t.Error(err)
	}
}

// A write-ahead log that has grown to its limit is emptied and cut beside the writer, so that neither its room nor the
// text in it stays.
func TestLongWriteAheadLogIsCut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := open(t, dir)
	put := func(size int) {
		t.Helper()
		value := bytes.Repeat([]byte("secret^name "), size/12)
		if err := x.Derive(t.Context(), func(tx index.Tx) error { return tx.SetProperty("big", value) }); err != nil {
			t.Fatal(err)
		}
	}
	wal := func() int64 {
		i, err := os.Stat(filepath.Join(dir, "index.db-wal"))
		if err != nil {
			t.Fatal(err)
		}
		return i.Size()
	}
	const limit, commits = 16 << 20, 64
	for i := 0; wal() < limit && i < commits; i++ {
		put(limit / commits * 2)
	}
	if wal() < limit {
		t.Fatalf("the log has only %d bytes", wal())
	}
	if err := x.Derive(t.Context(), func(tx index.Tx) error { return tx.DeleteProperty("big") }); err != nil {
		t.Fatal(err)
	}
	for i := 0; wal() >= limit; i++ { // the next looks at its size find it too long
		if i > 100_000 {
			t.Fatalf("the log still has %d bytes", wal())
		}
		put(12)
	}
	for _, name := range []string{"index.db", "index.db-wal"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || bytes.Count(b, []byte("secret^name")) > 64 {
			t.Errorf("deleted text is still in %s: %v", name, err)
		}
	}
}

func BenchmarkInsert(b *testing.B) {
	for _, batch := range []int{1, 16, 200} {
		b.Run(fmt.Sprintf("%d per transaction", batch), func(b *testing.B) {
			x := open(b, b.TempDir())
			made := make([]*index.NewInstance, 0, b.N)
			for i := range b.N {
				made = append(made, indextest.Make("P", fmt.Sprint(i/400), "1", fmt.Sprint(i)))
			}
			b.ResetTimer()
			for len(made) > 0 {
				n := min(batch, len(made))
				err := x.Derive(b.Context(), func(tx index.Tx) error {
					for _, in := range made[:n] {
						if err := tx.PutInstance(in, false); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				made = made[n:]
			}
		})
	}
}

func BenchmarkReferences(b *testing.B) {
	x := open(b, b.TempDir())
	refs := make([]index.Reference, 5000)
	err := x.Derive(b.Context(), func(tx index.Tx) error {
		for i := range refs {
			n := indextest.Make("P", "1", "1", fmt.Sprint(i))
			refs[i] = index.Reference{SOPClassUID: n.SOPClassUID, SOPInstanceUID: n.SOPInstanceUID}
			if err := tx.PutInstance(n, true); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	found := make([]index.Found, len(refs))
	for b.Loop() {
		if err := x.View(b.Context(), func(r index.ReadTx) error { return r.References(refs, found) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(refs)*b.N)/b.Elapsed().Seconds(), "refs/s")
}
