package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gantry/internal/storage/blob/disk"
)

// Backup writes a consistent copy of the whole store into the new or empty folder dir while the store is in use, also
// when this Store is a read-only one beside a running daemon. Opening dir with Open restores it.
//
// The index is copied first, then the blobs: the copy of the log holds all that the copy of the index names, and more,
// which Open replays as after a crash.
func (s *Store) Backup(ctx context.Context, dir string) error {
	if s.o.Layout == LayoutMemory {
		return errors.New("storage: a store in memory has no backup")
	}
	if err := makeEmpty(dir); err != nil {
		return err
	}
	if err := s.idx.Backup(ctx, filepath.Join(dir, indexFile)); err != nil {
		return s.typed("back up the index", err)
	}
	if err := s.blobs.Backup(ctx, filepath.Join(dir, objectsFolder)); err != nil {
		return s.typed("back up the objects", err)
	}
	if err := disk.WriteFile(disk.OS{}, filepath.Join(dir, versionFile), fmt.Appendln(nil, folderFormat)); err != nil {
		return s.typed("finish the backup", disk.WriteError("write the version file", err))
	}
	return nil
}

// makeEmpty makes a folder, or accepts one in which nothing lies.
func makeEmpty(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("storage: make the backup folder: %w", err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("storage: look into the backup folder: %w", err)
	}
	if len(names) > 0 {
		return fmt.Errorf("storage: %s is not empty: name a new folder for the backup", dir)
	}
	return nil
}
