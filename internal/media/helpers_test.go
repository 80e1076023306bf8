package media_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/media"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

func openStore(t testing.TB) *storage.Store {
	t.Helper()
	s, err := storage.Open(context.Background(), storage.Options{Dir: t.TempDir(), NoSync: true, SegmentSize: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func put(t testing.TB, s *storage.Store, file []byte) *storage.PutResult {
	t.Helper()
	r, err := s.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader(file), Size: int64(len(file)),
		Origin: index.Origin{Source: "RestApi"}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// putFolder stores what of a folder is DICOM.
func putFolder(t testing.TB, s *storage.Store, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil {
			_, _ = s.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader(b)}) // others are not wanted
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func putImage(t testing.TB, s *storage.Store, i phantom.Image) *storage.PutResult {
	t.Helper()
	file, err := i.File()
	if err != nil {
		t.Fatal(err)
	}
	return put(t, s, file)
}

// patients are all resources of the highest level.
func patients(t testing.TB, s *storage.Store) []index.Resource {
	t.Helper()
	var list []index.Resource
	err := s.View(t.Context(), func(tx index.ReadTx) error {
		entries, err := tx.List(index.Patient, 0, 10_000)
		for _, e := range entries {
			list = append(list, index.Resource{Level: index.Patient, ID: e.ID})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func plan(t testing.TB, s *storage.Store, utf8 bool, resources ...index.Resource) *media.Plan {
	t.Helper()
	p, err := media.NewPlan(t.Context(), s, resources, utf8)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes all that is stored and returns the archive.
func write(t testing.TB, s *storage.Store, o media.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	p := plan(t, s, false, patients(t, s)...)
	progress, err := media.Write(t.Context(), &b, s, p, o)
	if err != nil {
		t.Fatal(err)
	}
	if progress.Instances != p.Instances || progress.Skipped != 0 || progress.Written != int64(b.Len()) {
		t.Errorf("progress at the end: %+v, of %d instances and %d bytes", progress, p.Instances, b.Len())
	}
	return b.Bytes()
}

// stored is the file of an instance as it is kept.
func stored(t testing.TB, s *storage.Store, id index.ID) []byte {
	t.Helper()
	o, err := s.OpenInstance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var b bytes.Buffer
	if _, err := o.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func uid(text string) dicom.UID { return dicom.UID(text) }
