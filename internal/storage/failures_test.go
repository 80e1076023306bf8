package storage_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// While another program holds the index locked, what comes is refused or, once it is durable in the log, kept; nothing
// that was answered is lost, and all is findable when the lock is gone.
func TestIndexLockedByAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.BusyTimeout = time.Millisecond })
	put(t, s, ct("A", 1, 1, 1).received(t))
	if st := counts(t, s); st.Instances != 1 {
		t.Fatalf("%+v", st)
	}
	c, err := sqlite.OpenConn(filepath.Join(dir, "index.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(c, "BEGIN IMMEDIATE", nil); err != nil {
		t.Fatal(err)
	}
	answered := int64(1)
	refused := false
	for i := 2; i < 50 && !refused; i++ {
		switch _, err := s.Put(t.Context(), ct("A", 1, 1, i).received(t)); {
		case err == nil:
			answered++
		case errors.Is(err, storage.ErrBusy):
			refused = true
		default:
			t.Fatal(err)
		}
		if _, err := s.Statistics(t.Context()); !errors.Is(err, storage.ErrBusy) && answered > 1 {
			t.Errorf("an answer without what was acknowledged: %v", err)
		}
	}
	if !refused {
		t.Error("objects are taken although they cannot be indexed")
	}
	if err := s.Update(t.Context(), func(index.Tx) error { return nil }); !errors.Is(err, storage.ErrBusy) {
		t.Errorf("update: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, s, ct("A", 1, 1, 100).received(t))
	if st := counts(t, s); st.Instances != answered+1 {
		t.Errorf("%d instances after %d answers", st.Instances, answered+1)
	}
	checkAgrees(t, s, storage.CheckOptions{})
}

func TestClosedStore(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	closeStore(t, s)
	if _, err := s.Put(t.Context(), ct("A", 1, 1, 1).received(t)); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("put: %v", err)
	}
	if _, err := s.Statistics(t.Context()); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("statistics: %v", err)
	}
}

// Change numbers are never given twice, and a page of changes goes on where the last one ended.
func TestChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog)
	var last int64
	for i := range 10 {
		put(t, s, ct("A", 1, 1, i).received(t))
		changes, err := s.Changes(t.Context(), last, 100)
		if err != nil || len(changes) == 0 {
			t.Fatalf("%v, %v", changes, err)
		}
		for _, c := range changes {
			if c.Seq != last+1 {
				t.Errorf("change %d after %d", c.Seq, last)
			}
			last = c.Seq
		}
	}
	closeStore(t, s)
	s = open(t, dir, storage.LayoutLog)
	if n, err := s.LastChange(t.Context()); err != nil || n != last || n != 13 {
		t.Errorf("last change %d, %v, want %d", n, err, last)
	}
}

func TestReadOnlySeesWhatComes(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		counts(t, s)
		ro := open(t, dir, layout, func(o *storage.Options) { o.ReadOnly = true })
		for i := range 3 {
			rs := put(t, s, ct("A", 1, 1, i).received(t))
			counts(t, s) // writes what is pending
			stored(t, ro, rs.InstanceID)
		}
	})
}

func TestMD5IsKept(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	rs := put(t, s, ct("A", 1, 1, 1).upload(t))
	first, err := s.MD5(t.Context(), rs.InstanceID)
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(r index.ReadTx) error {
		b, err := r.Stored(rs.InstanceID)
		if !b.HasMD5 || b.MD5 != first {
			t.Errorf("kept %+v", b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.MD5(t.Context(), rs.InstanceID); err != nil || again != first {
		t.Errorf("%x, %v", again, err)
	}
}

// A copy that cannot take the place of the first in the index yet is in the log, and does so later: it counts against the
// limit then, too.
func TestQuotaWhenReplacingIsLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const quota = 100_000
	s := open(t, dir, storage.LayoutLog, overwriteAlways, limited(storage.Quota{Bytes: quota, Reject: true}),
		func(o *storage.Options) { o.BusyTimeout = time.Millisecond })
	o := ct("A", 1, 1, 1)
	rs := put(t, s, o.received(t))
	counts(t, s)
	c, err := sqlite.OpenConn(filepath.Join(dir, "index.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(c, "BEGIN IMMEDIATE", nil); err != nil {
		t.Fatal(err)
	}
	o.pixels = make([]byte, 50_000)
	if _, err := s.Put(t.Context(), o.received(t)); !errors.Is(err, storage.ErrBusy) {
		t.Errorf("with the index locked: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	st := counts(t, s)
	if st.Bytes < 50_000 {
		t.Fatalf("the second copy is not there: %+v", st)
	}
	more := make([]byte, quota-st.Bytes+1)
	_, err = s.Attach(t.Context(), rs.InstanceID, &storage.AttachRequest{Number: 1024, Data: bytes.NewReader(more)})
	if !errors.Is(err, storage.ErrFull) {
		t.Errorf("beyond the limit: %v", err)
	}
}
