package storage_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/seglog"
	"gantry/internal/storage/index"
)

// putTwenty stores a patient of two studies with ten instances each, and gives the last one.
func putTwenty(t *testing.T, s *storage.Store) (last *storage.PutResult) {
	t.Helper()
	for i := range 20 {
		last = put(t, s, ct("A", i%2, i%3, i).received(t))
	}
	return last
}

func TestDelete(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		last := putTwenty(t, s)
		d, err := s.Delete(t.Context(), index.Instance, last.InstanceID)
		if err != nil || d.Instances != 1 || d.Remaining == nil || d.Remaining.ID != last.SeriesID {
			t.Errorf("instance: %+v, %v", d, err)
		}
		d, err = s.Delete(t.Context(), index.Study, last.StudyID)
		if err != nil || d.Instances != 9 || d.Remaining == nil || *d.Remaining != (index.Resource{Level: index.Patient, ID: last.PatientID}) {
			t.Errorf("study: %+v, %v", d, err)
		}
		if _, err := s.Delete(t.Context(), index.Study, last.StudyID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("study again: %v", err)
		}
		d, err = s.Delete(t.Context(), index.Patient, last.PatientID)
		if err != nil || d.Instances != 10 || d.Remaining != nil {
			t.Errorf("patient: %+v, %v", d, err)
		}
		if st := counts(t, s); st != (index.Statistics{}) {
			t.Errorf("left: %+v", st)
		}
		if rs := put(t, s, ct("A", 1, 1, 1).received(t)); rs.Status != storage.Stored {
			t.Errorf("stored after deletion: %v", rs.Status)
		}
		closeStore(t, s)
		s = open(t, dir, layout)
		if st := counts(t, s); st.Instances != 1 {
			t.Errorf("after reopening: %+v", st)
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}

// Resources that lie within each other, or are named twice, are deleted once; what is not there stops nothing.
func TestDeleteAll(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		last := putTwenty(t, s)
		other := put(t, s, ct("B", 0, 0, 0).received(t))
		study := index.Resource{Level: index.Study, ID: last.StudyID}
		list := []index.Resource{{Level: index.Instance, ID: last.InstanceID}, study, {Level: index.Series, ID: index.ID{1}},
			{Level: index.Instance, ID: last.InstanceID}, study, {Level: index.Patient, ID: other.PatientID}}
		for range 2 {
			if err := s.DeleteAll(t.Context(), list); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			st, err := s.Statistics(t.Context())
			if err != nil || st.Instances != 10 || st.Studies != 1 || st.Patients != 1 {
				t.Errorf("left: %+v, %v", st, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir, layout)
		}
	})
}

// Of a deleted patient nothing is left on the disk: not in segments or files, database, write-ahead log or temporary
// files. Nor of a copy that was replaced.
func TestDeletedPatientIsGoneFromTheDisk(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		root := t.TempDir() // the index lies in another folder
		dir := filepath.Join(root, "data")
		elsewhere := func(o *storage.Options) { o.IndexDir = filepath.Join(root, "index") }
		s := open(t, dir, layout, overwriteAlways, elsewhere)
		for i := range 30 {
			o := ct("Zyxwvut", 1, i%3, i)
			o.pixels = bytes.Repeat([]byte("Zyxwvut pixels "), 400)
			put(t, s, o.received(t))
			put(t, s, ct("Remaining", 1, 1, i).received(t))
		}
		replaced := ct("Remaining", 1, 1, 1)
		replaced.name = "Qponmlk^Former"
		put(t, s, replaced.received(t))
		put(t, s, ct("Remaining", 1, 1, 1).received(t))
		if found := search(t, root, "Doe^Zyxwvut"); len(found) < 2 {
			t.Error("the search finds nothing in objects or index:", found)
		}
		if _, err := s.Delete(t.Context(), index.Patient, index.NewID("Zyxwvut")); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"Doe^Zyxwvut", "Zyxwvut", "zyxwvut", "Qponmlk^Former", "qponmlk"} {
			if found := search(t, root, text); len(found) != 0 {
				t.Errorf("%q is still in %v", text, found)
			}
		}
		closeStore(t, s)
		if found := search(t, root, "Zyxwvut"); len(found) != 0 {
			t.Errorf("after closing it is in %v", found)
		}
		compactObjects(t, filepath.Join(dir, "objects"))
		if found := search(t, root, "Zyxwvut"); len(found) != 0 {
			t.Errorf("after a compaction it is in %v", found)
		}
		s = open(t, dir, layout, elsewhere)
		if st := counts(t, s); st.Instances != 30 {
			t.Errorf("%+v", st)
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}

// compactObjects rewrites all segments that hold something deleted.
func compactObjects(t *testing.T, dir string) {
	t.Helper()
	reopen := func() *seglog.Store {
		s, err := seglog.Open(t.Context(), dir, seglog.Options{SegmentSize: 1 << 20, CompactRate: -1})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reopen()
	for range 20 { // completes the segment that is being written
		blobtest.Put(t, s, blob.KindNote, blob.Meta{}, make([]byte, 64<<10))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen()
	before, err := filepath.Glob(filepath.Join(dir, "segments", "*.log"))
	if err == nil {
		err = s.Compact(t.Context())
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(before[0]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s was not compacted: %v", before[0], err)
	}
}

// search names the files below dir that hold a text.
func search(t *testing.T, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// Deletions and arrivals of the same instances may cross.
func TestDeleteWhileStoring(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout, overwriteAlways)
		done := make(chan error)
		rqs := make([]*storage.PutRequest, 60)
		for i := range rqs {
			rqs[i] = ct("A", 1, 1, i%10).received(t)
		}
		go func() {
			var errs []error
			for _, rq := range rqs {
				_, err := s.Put(t.Context(), rq)
				errs = append(errs, err)
			}
			done <- errors.Join(errs...)
		}()
		for finished := false; !finished; {
			select {
			case err := <-done:
				finished = true
				if err != nil {
					t.Error(err)
				}
			default:
				if _, err := s.Delete(t.Context(), index.Patient, index.NewID("A")); err != nil && !errors.Is(err, storage.ErrNotFound) {
					t.Error(err)
				}
			}
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}
