package services_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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
	ids := s.archived(3)
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

// archived stores instances and returns their ids.
func (s *site) archived(n int) (ids []index.ID) {
	s.t.Helper()
	refs := s.putInto(n)
	err := s.store.View(s.t.Context(), func(tx index.ReadTx) error {
		for _, ref := range refs {
			found, err := tx.Identify(string(ref.SOPInstanceUID))
			if err != nil {
				return err
			}
			ids = append(ids, found[0].ID)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// pausedFirst is paused in its first step, after the step has seen that it may go on.
type pausedFirst struct {
	jobs.Job
	pause func()
}

func (p *pausedFirst) Bind(h jobs.Handle) { p.Job.(jobs.Bound).Bind(h) }

func (p *pausedFirst) Step(ctx context.Context) (jobs.Result, error) {
	if p.pause != nil {
		p.pause()
		p.pause = nil
		<-ctx.Done()
		ctx = &unaware{Context: ctx}
	}
	return p.Job.Step(ctx)
}

// unaware says once that it has not ended.
type unaware struct {
	context.Context
	asked atomic.Bool
}

func (u *unaware) Err() error {
	if !u.asked.Swap(true) {
		return nil
	}
	return u.Context.Err()
}

// An archive of which nothing has been sent yet is sent after a pause. One that was sent in part ends, and its error says why.
func TestPauseOfAStreamedArchive(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	ids := s.archived(2)
	for _, begun := range []bool{false, true} {
		id, archive := jobs.NewID(), &bytes.Buffer{}
		pause := func() {
			if err := s.engine.Pause(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
		o := jobkinds.ArchiveOptions{Resources: ids, Stream: struct{ io.Writer }{archive}}
		if begun {
			o.Stream = &cut{pause}
		}
		job, err := s.peers.NewArchive(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !begun {
			job = &pausedFirst{job, pause}
		}
		if _, err := s.engine.Submit(t.Context(), job, jobs.Options{ID: id}); err != nil {
			t.Fatal(err)
		}
		s.reach(id, jobs.Paused)
		if err := s.engine.Resume(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		info := s.reach(id, jobs.Success, jobs.Failure)
		if begun {
			if info.ErrorCode != jobs.CodeCanceled || !strings.Contains(info.ErrorDetails, "paused") {
				t.Errorf("paused while it was sent: %s %s", info.State, info.ErrorDetails)
			}
			continue
		}
		if _, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len())); err != nil {
			t.Errorf("paused before it was sent: %s %s, %v", info.State, info.ErrorDetails, err)
		}
	}
}

// cut is a client whose download a pause cuts short.
type cut struct{ pause func() }

func (c *cut) Write(b []byte) (int, error) {
	c.pause()
	return 1, errors.New("cut short")
}
