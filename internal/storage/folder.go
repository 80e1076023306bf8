package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/memblob"
	"gantry/internal/storage/blob/seglog"
	"gantry/internal/storage/index"
)

// The files of a data folder: VERSION, LOCK, OPEN while a process writes to it, log/, files/, and index.db unless
// that lies elsewhere.
const (
	folderFormat = 1
	versionFile  = "VERSION"
	openFile     = "OPEN"
	logFolder    = "log"
	filesFolder  = "files"
)

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.o.Dir}, elem...)...)
}

// openFolder makes the folder, takes the lock and checks the version.
func (s *Store) openFolder() error {
	if s.o.Layout == LayoutMemory {
		return s.openTemp()
	}
	if s.o.Dir == "" {
		return errors.New("storage: no data folder is named")
	}
	if s.o.ReadOnly {
		_, err := disk.Version(disk.OS{}, s.path(versionFile), folderFormat)
		return err
	}
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return s.typed("make the data folder", disk.WriteError("make the data folder", err))
	}
	lock, err := disk.LockFolder(s.o.Dir)
	var locked *blob.LockedError
	if errors.As(err, &locked) {
		return &LockedError{Dir: s.o.Dir, Err: err}
	}
	if err != nil {
		return s.typed("lock the data folder", err)
	}
	s.lock = lock
	return s.checkVersion()
}

func (s *Store) checkVersion() error {
	v, err := disk.Version(disk.OS{}, s.path(versionFile), folderFormat)
	if err != nil || v == folderFormat {
		return err
	}
	if err := disk.WriteFile(disk.OS{}, s.path(versionFile), fmt.Appendln(nil, folderFormat)); err != nil {
		return s.typed("write the version file", err)
	}
	return nil
}

func (s *Store) openTemp() (err error) {
	if s.temp, err = os.MkdirTemp("", "gantry-index-"); err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s.o.IndexDir, s.o.NoSync = s.temp, true
	return nil
}

// openAreas opens the blob store for new objects, and the other one if it has been used.
func (s *Store) openAreas(ctx context.Context) error {
	switch s.o.Layout {
	case LayoutMemory:
		s.areas[index.AreaLog] = memblob.New()
		return nil
	case LayoutLog, LayoutFiles:
	default:
		return fmt.Errorf("storage: there is no layout %q: it is %q or %q", s.o.Layout, LayoutLog, LayoutFiles)
	}
	if s.o.Layout == LayoutFiles {
		s.area = index.AreaFiles
	}
	for area, dir := range [...]string{index.AreaLog: s.path(logFolder), index.AreaFiles: s.path(filesFolder)} {
		if _, err := os.Stat(dir); err != nil && index.Area(area) != s.area {
			continue
		}
		b, err := s.openArea(ctx, index.Area(area), dir)
		if err != nil {
			return err
		}
		s.areas[area] = b
	}
	return nil
}

func (s *Store) openArea(ctx context.Context, area index.Area, dir string) (blob.Store, error) {
	if area == index.AreaFiles {
		return nil, errors.New("storage: layout files is not in this build")
	}
	b, err := seglog.Open(ctx, dir, seglog.Options{SegmentSize: s.o.SegmentSize, MemoryBudget: s.o.MemoryBudget,
		SpillSize: s.o.SpillSize, NoSync: s.o.NoSync, ReadOnly: s.o.ReadOnly, Logger: s.log, Clock: s.o.Clock,
		Damaged: func(f blob.Finding) {
			s.log.Error("a part of the object log is damaged", "place", f.Position, "file", f.Path, "problem", f.Problem)
		}})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// markOpen leaves a file that says that somebody writes; finding one means that the last process did not end in order.
func (s *Store) markOpen() error {
	if s.o.Layout == LayoutMemory {
		return nil
	}
	if err := disk.WriteFile(disk.OS{}, s.path(openFile), nil); err != nil {
		return s.typed("open the data folder", err)
	}
	return nil
}

func (s *Store) markClosed() error {
	if err := os.Remove(s.path(openFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("storage: close the data folder: %w", err)
	}
	return nil
}

func (s *Store) wasOpen() bool {
	_, err := os.Stat(s.path(openFile))
	return err == nil
}
