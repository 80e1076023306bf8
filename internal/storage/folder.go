package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/fsblob"
	"gantry/internal/storage/blob/memblob"
	"gantry/internal/storage/blob/seglog"
)

// The files of a data folder: VERSION, LOCK, objects/, and index.db unless that lies elsewhere.
const (
	folderFormat  = 1
	versionFile   = "VERSION"
	indexFile     = "index.db"
	objectsFolder = "objects"
)

// openFolder makes the folder, takes the lock and checks the version.
func (s *Store) openFolder() error {
	if s.o.Layout == LayoutMemory {
		return s.openTemp()
	}
	if s.o.Dir == "" {
		return errors.New("storage: no data folder is named")
	}
	version, err := disk.Version(disk.OS{}, filepath.Join(s.o.Dir, versionFile), folderFormat)
	switch {
	case err != nil:
		return err
	case version == 0 && (s.o.ReadOnly || s.o.MustExist):
		return &NotDataFolderError{Dir: s.o.Dir}
	case s.o.ReadOnly:
		return nil
	case version == 0:
		if err := s.refuseForeign(); err != nil {
			return err
		}
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

// refuseForeign refuses to make a data folder of one in which something else lies. What a start that was interrupted
// leaves behind is ours, hidden files may stay.
func (s *Store) refuseForeign() error {
	entries, err := os.ReadDir(s.o.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return s.typed("look into the data folder", err)
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."), strings.HasPrefix(name, versionFile), strings.HasPrefix(name, indexFile),
			name == "LOCK", name == objectsFolder, name == "lost+found":
		default:
			return &NotDataFolderError{Dir: s.o.Dir, Foreign: name}
		}
	}
	return nil
}

func (s *Store) checkVersion() error {
	v, err := disk.Version(disk.OS{}, filepath.Join(s.o.Dir, versionFile), folderFormat)
	if err != nil || v == folderFormat {
		return err
	}
	if err := disk.WriteFile(disk.OS{}, filepath.Join(s.o.Dir, versionFile), fmt.Appendln(nil, folderFormat)); err != nil {
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

// openBlobs opens the objects. Both layouts lie in one folder and are readable together; the layout says how new ones
// are kept.
func (s *Store) openBlobs(ctx context.Context) (b blob.Store, err error) {
	o := seglog.Options{SegmentSize: s.o.SegmentSize, MemoryBudget: s.o.MemoryBudget, SpillSize: s.o.SpillSize,
		NoSync: s.o.NoSync, ReadOnly: s.o.ReadOnly, Logger: s.log, Clock: s.o.Clock, Damaged: s.tellDamage}
	dir := filepath.Join(s.o.Dir, objectsFolder)
	switch s.o.Layout {
	case LayoutMemory:
		return memblob.New(), nil
	case LayoutFiles:
		return fsblob.Open(ctx, dir, o)
	case LayoutLog:
		l, err := seglog.Open(ctx, dir, o)
		if err != nil {
			return nil, err // not l: a nil *Store is no nil interface
		}
		return l, nil
	}
	return nil, fmt.Errorf("storage: there is no layout %q: it is %q or %q", s.o.Layout, LayoutLog, LayoutFiles)
}

func (s *Store) tellDamage(f blob.Finding) {
	s.log.Error("a part of the stored objects is damaged; gantry fsck tells more", "place", f.Position, "file", f.Path,
		"problem", f.Problem)
}
