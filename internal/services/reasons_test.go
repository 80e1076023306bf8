package services_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

func ctRef(instance dicom.UID) index.Reference {
	return index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: instance}
}

// An object whose bytes are gone or damaged is not committed: 0110H. StorageCommitmentVerify says how closely it is looked at.
func TestDamagedObjects(t *testing.T) {
	t.Parallel()
	remove := func(t *testing.T, file string) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	spoil := func(t *testing.T, file string) {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("spoilt"), info.Size()/2); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, x := range map[string]struct {
		verify string
		damage func(*testing.T, string)
		want   uint16
	}{
		"gone, index":     {"index", remove, 0},
		"gone, exists":    {"exists", remove, jobkinds.ReasonProcessingFailure},
		"gone, digest":    {"digest", remove, jobkinds.ReasonProcessingFailure},
		"damaged, digest": {"digest", spoil, jobkinds.ReasonProcessingFailure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *config.Config) {
				c.StorageLayout, c.StorageCommitmentVerify = storage.LayoutFiles, x.verify
			})
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", r.addr))
			refs := s.putInto(1)
			x.damage(t, objectFile(t, s.cfg.StorageDirectory))
			refs = append(refs, s.putInto(1)...)
			if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			got := reasons(r.next(t).data)
			if got[refs[0]] != x.want || got[refs[1]] != 0 {
				t.Errorf("%04XH and %04XH, want %04XH and 0000H", got[refs[0]], got[refs[1]], x.want)
			}
		})
	}
}

// objectFile finds the one object of a store with a file per object.
func objectFile(t *testing.T, dir string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		head := make([]byte, 132)
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if n, _ := f.Read(head); n == len(head) && string(head[128:]) == "DICM" {
			found = path
		}
		return nil
	})
	if err != nil || found == "" {
		t.Fatalf("no object file below %s: %v", dir, err)
	}
	return found
}
