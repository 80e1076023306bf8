package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gantry/internal/storage"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// What the index forgets, or lacks altogether, comes back from the log.
func TestIndexIsMadeFromTheLog(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout, overwriteAlways)
		for i := range 30 {
			put(t, s, ct("A", i%3, i%2, i).received(t))
		}
		kept := put(t, s, ct("A", 1, 1, 1).upload(t)) // replaces one, or is new
		gone := put(t, s, ct("B", 1, 1, 1).received(t))
		if _, err := s.Delete(t.Context(), index.Patient, gone.PatientID); err != nil {
			t.Fatal(err)
		}
		changed := ct("A", 1, 1, 1)
		changed.pixels = []byte("12345678")
		put(t, s, changed.received(t))
		want, before := counts(t, s), rowsOf(t, s)
		closeStore(t, s)
		loseIndex(t, dir)
		s = open(t, dir, layout)
		if got := counts(t, s); got != want {
			t.Errorf("from the log alone: %+v, want %+v", got, want)
		}
		if got := rowsOf(t, s); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("rows differ:\n%v\n%v", got, before)
		}
		if !bytes.HasSuffix(stored(t, s, kept.InstanceID), changed.dataset(t)) {
			t.Error("another copy won than before")
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}

func overwriteAlways(o *storage.Options) { o.Overwrite = storage.OverwriteAlways }

// rowsOf describes all instances, without what a rebuild may change.
func rowsOf(t *testing.T, s *storage.Store) map[index.ID]string {
	t.Helper()
	rows := map[index.ID]string{}
	err := s.View(t.Context(), func(r index.ReadTx) error {
		in, err := r.Instances(0, index.ID{}, 0, 1000)
		for _, row := range in {
			row.Key, row.Blob.MD5, row.Blob.HasMD5 = 0, [16]byte{}, false
			rows[row.ID] = fmt.Sprintf("%+v", row)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// An older copy of the index is brought forward, as after a power cut that took its last commits; doing it twice
// changes nothing.
func TestReplayFromAnOlderIndex(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout, overwriteAlways)
		first := put(t, s, ct("A", 1, 1, 1).received(t))
		deleted := put(t, s, ct("A", 2, 1, 1).received(t))
		again := put(t, s, ct("A", 3, 1, 1).received(t))
		closeStore(t, s)
		old, err := os.ReadFile(filepath.Join(dir, "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, layout, overwriteAlways)
		put(t, s, ct("A", 1, 1, 2).received(t))
		put(t, s, ct("A", 1, 1, 1).upload(t))
		for _, rs := range []*storage.PutResult{deleted, again} {
			if _, err := s.Delete(t.Context(), index.Study, rs.StudyID); err != nil {
				t.Fatal(err)
			}
		}
		put(t, s, ct("A", 3, 1, 1).received(t)) // deleted, then stored again
		want := counts(t, s)
		closeStore(t, s)
		for range 2 {
			if err := os.WriteFile(filepath.Join(dir, "index.db"), old, 0o600); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, layout)
			if got := counts(t, s); got != want {
				t.Errorf("replayed: %+v, want %+v", got, want)
			}
			if !bytes.Equal(stored(t, s, first.InstanceID), ct("A", 1, 1, 1).file(t)) {
				t.Error("the replaced copy came back")
			}
			if _, err := s.OpenInstance(t.Context(), deleted.InstanceID); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("deleted: %v", err)
			}
			checkAgrees(t, s, storage.CheckOptions{Checksums: true})
			closeStore(t, s)
		}
	})
}

// A rebuild makes the derived rows anew and leaves the others alone.
func TestRebuild(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		clock := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		s := open(t, t.TempDir(), layout, overwriteAlways, func(o *storage.Options) {
			o.Clock = func() time.Time { clock = clock.Add(-time.Hour); return clock } // going backwards
		})
		rs := put(t, s, ct("A", 1, 1, 1).upload(t))
		put(t, s, ct("A", 1, 1, 1).received(t)) // replaced
		again := put(t, s, ct("B", 1, 1, 1).received(t))
		if _, err := s.Delete(t.Context(), index.Patient, again.PatientID); err != nil {
			t.Fatal(err)
		}
		put(t, s, ct("B", 1, 1, 1).received(t)) // deleted, then stored again
		err := s.Update(t.Context(), func(tx index.Tx) error {
			return errors.Join(tx.AddLabel(index.Study, rs.StudyID, "mine"), tx.PutJob(index.JobRow{ID: "j"}))
		})
		if err != nil {
			t.Fatal(err)
		}
		before := rowsOf(t, s)
		checkAgrees(t, s, storage.CheckOptions{Rebuild: true})
		if got := rowsOf(t, s); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("rows differ:\n%v\n%v", got, before)
		}
		err = s.View(t.Context(), func(r index.ReadTx) error {
			labels, err1 := r.Labels(rs.StudyID)
			jobs, err2 := r.Jobs()
			if len(labels) != 1 || len(jobs) != 1 {
				t.Errorf("labels %v, jobs %v", labels, jobs)
			}
			return errors.Join(err1, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestCheckFindsAndRepairs(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		s := open(t, t.TempDir(), layout)
		rs := put(t, s, ct("A", 1, 1, 1).received(t))
		put(t, s, ct("A", 1, 1, 2).received(t))
		err := s.Update(t.Context(), func(tx index.Tx) error { // one row without bytes, one object without a row
			b, err := tx.Stored(rs.InstanceID)
			b.Key[0]++
			return errors.Join(err, tx.SetBlob(rs.InstanceID, b))
		})
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		count := func(f storage.Finding) {
			kinds[f.Kind]++
			if f.ID == nil || *f.ID != rs.InstanceID || f.SOPInstanceUID != rs.SOPInstanceUID {
				t.Errorf("whose is %+v?", f)
			}
		}
		if _, err := s.Check(t.Context(), storage.CheckOptions{}, count); err != nil || kinds[storage.FoundMissing] != 1 || kinds[storage.FoundOrphan] != 1 {
			t.Errorf("found %v, %v", kinds, err)
		}
		sum, err := s.Check(t.Context(), storage.CheckOptions{Repair: true}, nil)
		if err != nil || sum.Repaired != 1 || sum.Lost != 0 {
			t.Errorf("%+v, %v", sum, err)
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
		if st := counts(t, s); st.Instances != 2 {
			t.Errorf("after repair: %+v", st)
		}
	})
}

// An instance whose bytes are damaged is named, and said to be lost when its entry goes.
func TestCheckNamesWhatIsLost(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		rs := put(t, s, ct("A", 1, 1, 1).received(t))
		put(t, s, ct("A", 1, 1, 2).received(t))
		files := search(t, filepath.Join(dir, "objects"), string(rs.SOPInstanceUID))
		if len(files) != 1 {
			t.Fatal(files)
		}
		closeStore(t, s)
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		b[bytes.Index(b, bytes.Repeat([]byte{1, 2}, 512))+100] ^= 1
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, layout)
		sum, err := s.Check(t.Context(), storage.CheckOptions{}, nil)
		if err != nil || sum.Findings != 0 || sum.Bytes <= 0 {
			t.Errorf("without checksums: %+v, %v", sum, err)
		}
		for _, o := range []storage.CheckOptions{{Checksums: true}, {Checksums: true, Repair: true}} {
			var found []storage.Finding
			sum, err := s.Check(t.Context(), o, func(f storage.Finding) { found = append(found, f) })
			want := ""
			if o.Repair {
				want = storage.OutcomeLost
			}
			if err != nil || len(found) != 1 || found[0].Kind != storage.FoundBlob || *found[0].ID != rs.InstanceID ||
				found[0].SOPInstanceUID != rs.SOPInstanceUID || found[0].Outcome != want || found[0].Repaired || (sum.Lost == 1) != o.Repair {
				t.Errorf("found %+v, %+v, %v", found, sum, err)
			}
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
		if st := counts(t, s); st.Instances != 1 {
			t.Errorf("after repair: %+v", st)
		}
	})
}

func TestFolderIsLockedAndVersioned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog)
	rs := put(t, s, ct("A", 1, 1, 1).received(t))
	if err := s.View(t.Context(), func(index.ReadTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	var locked *storage.LockedError
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir}); !errors.As(err, &locked) || locked.Dir != dir {
		t.Errorf("opened twice: %v", err)
	}
	ro := open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.ReadOnly = true })
	if o, err := ro.OpenInstance(t.Context(), rs.InstanceID); err != nil {
		t.Errorf("read-only beside a writer: %v", err)
	} else if err := o.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ro.Put(t.Context(), ct("A", 1, 1, 2).received(t)); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("put into a read-only store: %v", err)
	}
	if _, err := ro.Delete(t.Context(), index.Patient, rs.PatientID); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("delete from a read-only store: %v", err)
	}
	closeStore(t, ro)
	closeStore(t, s)
	if err := os.WriteFile(filepath.Join(dir, "VERSION"), []byte("99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var newer *blob.VersionError
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir}); !errors.As(err, &newer) || newer.Found != 99 {
		t.Errorf("newer format: %v", err)
	}
}

func TestLayoutMayBeSwitched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var ids []index.ID
	for i, layout := range []string{storage.LayoutLog, storage.LayoutFiles, storage.LayoutLog} {
		s := open(t, dir, layout)
		ids = append(ids, put(t, s, ct("A", 1, 1, i).received(t)).InstanceID)
		for j, id := range ids {
			if !bytes.HasSuffix(stored(t, s, id), ct("A", 1, 1, j).dataset(t)) {
				t.Errorf("object %d differs under layout %s", j, layout)
			}
		}
		closeStore(t, s)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".dcm" {
			files++
		}
		return err
	})
	if err != nil || files != 1 {
		t.Errorf("%d plain files, %v", files, err)
	}
}
