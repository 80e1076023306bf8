package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// A backup made while objects come and go, by the store itself or by another process that reads only, is restored by
// opening it: all that was there when it began and was not deleted since is in it, and log and index agree.
func TestBackupWhileInUse(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout, overwriteAlways)
		for i := range 40 {
			put(t, s, ct("A", i%4, 1, i).received(t))
		}
		other := open(t, dir, layout, func(o *storage.Options) { o.ReadOnly = true })
		if err := s.View(t.Context(), func(index.ReadTx) error { return nil }); err != nil { // another process sees what is flushed
			t.Fatal(err)
		}
		for name, from := range map[string]*storage.Store{"own": s, "other": other} {
			stop, done := make(chan struct{}), make(chan error, 1)
			go func() { done <- busy(s, name, stop) }()
			to := filepath.Join(t.TempDir(), "backup")
			err := from.Backup(t.Context(), to)
			_, checked := from.Check(t.Context(), storage.CheckOptions{}, func(f storage.Finding) {
				if from == other {
					t.Errorf("fsck beside a writer: %+v", f)
				}
			})
			err = errors.Join(err, checked)
			close(stop)
			if e := <-done; e != nil {
				t.Error(e)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := from.Backup(t.Context(), to); err == nil {
				t.Error("a backup into a folder that is not empty")
			}
			restored := open(t, to, layout)
			for i := range 40 {
				o := ct("A", i%4, 1, i)
				_, _, _, id := index.IDs("A", o.study, o.series, o.sop)
				if !bytes.HasSuffix(stored(t, restored, id), o.dataset(t)) {
					t.Errorf("%s: object %d is not in the backup", name, i)
				}
			}
			checkAgrees(t, restored, storage.CheckOptions{Checksums: true})
		}
	})
}

// busy stores, replaces and deletes until stop is closed.
func busy(s *storage.Store, patient string, stop chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return nil
		default:
		}
		rs, err := s.Put(context.Background(), ct(patient, 9, i%3, i%7).received(quiet{}))
		if err == nil && i%5 == 4 {
			_, err = s.Delete(context.Background(), index.Series, rs.SeriesID)
		}
		if err != nil {
			return err
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		s := open(t, t.TempDir(), layout)
		evil := ct("../../../etc/passwd", 1, 1, 1)
		evil.series = "1.2.826.0.1.3680043.1.9"
		objects := []object{ct("A", 1, 1, 1), ct("A", 1, 1, 2), ct("B", 1, 1, 1), evil}
		var first *storage.PutResult
		for i, o := range objects {
			rs := put(t, s, o.upload(t))
			if i == 0 {
				first = rs
			}
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "out")
		sum, err := s.Export(t.Context(), storage.ExportOptions{Dir: dir})
		if err != nil || sum.Files != 4 || len(sum.Damaged) != 0 {
			t.Fatalf("%+v, %v", sum, err)
		}
		files := exported(t, parent)
		for _, o := range objects {
			if files[string(o.file(t))] == "" {
				t.Errorf("object of %s is not exported", o.patient)
			}
		}
		for _, name := range files {
			if !strings.HasPrefix(name, "out"+string(filepath.Separator)) || strings.Contains(name, "..") {
				t.Errorf("name %q", name)
			}
		}
		if sum, err := s.Export(t.Context(), storage.ExportOptions{Dir: dir}); err != nil || sum.Skipped != 4 || sum.Files != 0 {
			t.Errorf("again: %+v, %v", sum, err)
		}
		sum, err = s.Export(t.Context(), storage.ExportOptions{Dir: filepath.Join(parent, "one"),
			Resources: []index.Resource{{Level: index.Study, ID: first.StudyID}}})
		if err != nil || sum.Files != 2 {
			t.Errorf("one study: %+v, %v", sum, err)
		}
	})
}

// exported maps the content of every file below dir to its name.
func exported(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[string(b)] = name
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What is deleted while it is being exported is left out, and nothing else is.
func TestExportWhileDeleting(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		s := open(t, t.TempDir(), layout)
		var series, study, patient *storage.PutResult
		for i := range 3 {
			put(t, s, ct("A", 1, 1, i).received(t))
		}
		series = put(t, s, ct("A", 1, 2, 1).received(t))
		put(t, s, ct("A", 1, 2, 2).received(t))
		study = put(t, s, ct("A", 2, 1, 1).received(t))
		patient = put(t, s, ct("B", 1, 1, 1).received(t))
		attach(t, s, patient.InstanceID, 1024, "text")
		put(t, s, ct("C", 1, 1, 1).received(t))
		sum, err := s.Export(t.Context(), storage.ExportOptions{Dir: t.TempDir(), Attachments: true, Progress: func(files, _ int64) {
			if files != 1 {
				return
			}
			_, err1 := s.Delete(t.Context(), index.Series, series.SeriesID)
			_, err2 := s.Delete(t.Context(), index.Study, study.StudyID)
			_, err3 := s.Delete(t.Context(), index.Patient, patient.PatientID)
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Error(err)
			}
		}})
		if err != nil || sum.Files != 4 || len(sum.Damaged) > 0 {
			t.Errorf("%+v %v", sum, err)
		}
	})
}

func TestLookupInChunks(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutMemory)
	refs := make([]index.Reference, 12_345)
	for i := range refs {
		o := ct("A", 1, 1, i%10)
		refs[i] = index.Reference{SOPClassUID: o.class, SOPInstanceUID: "1.2.3"}
		if i%1000 < 10 {
			refs[i] = index.Reference{SOPClassUID: o.class, SOPInstanceUID: dicom.UID(o.sop)}
		}
		if i < 10 {
			put(t, s, o.received(t))
		}
	}
	found, err := s.Lookup(t.Context(), refs)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range found {
		if want := i%1000 < 10; f.Present != want {
			t.Fatalf("reference %d: present %v", i, f.Present)
		}
		if f.Present {
			if err := s.Verify(t.Context(), f.Blob, i%2 == 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	lost := found[0].Blob
	lost.Seq += 1000
	if err := s.Verify(t.Context(), lost, false); err == nil {
		t.Error("verified what is not there")
	}
}
