package services_test

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// pausing is a file whose first write is cut short by a pause.
type pausing struct {
	*os.File
	pause func()
}

func (p *pausing) Write(b []byte) (int, error) {
	if p.pause == nil {
		return p.File.Write(b)
	}
	p.pause()
	p.pause = nil
	n, _ := p.File.Write(b[:1])
	return n, errors.New("cut short")
}

// An archive that somebody waits for as a file (SynchronousZipStream: false) is whole after a pause.
func TestPauseOfAnArchiveForAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var ids []index.ID
	for _, ref := range s.putInto(3) {
		err := s.store.View(t.Context(), func(tx index.ReadTx) error {
			found, err := tx.Identify(string(ref.SOPInstanceUID))
			for _, f := range found {
				ids = append(ids, f.ID)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "archive.zip")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	id := jobs.NewID()
	out := &pausing{file, func() {
		if err := s.engine.Pause(t.Context(), id); err != nil {
			t.Error(err)
		}
	}}
	job, err := s.peers.NewArchive(t.Context(), jobkinds.ArchiveOptions{Resources: ids, Stream: out})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.engine.Submit(t.Context(), job, jobs.Options{ID: id}); err != nil {
		t.Fatal(err)
	}
	s.reach(id, jobs.Paused)
	if err := s.engine.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info := s.reach(id, jobs.Success, jobs.Failure); info.State != jobs.Success {
		t.Fatalf("after the pause: %s %s", info.State, info.ErrorDetails)
	}
	archive, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	if len(archive.File) != 3 {
		t.Errorf("%d files", len(archive.File))
	}
}
