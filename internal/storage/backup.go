package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/index"
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
	if err := s.flush(ctx); err != nil {
		return err
	}
	if err := s.idx.Backup(ctx, filepath.Join(dir, indexFile)); err != nil {
		return s.typed("back up the index", err)
	}
	if err := s.backupBlobs(ctx, filepath.Join(dir, objectsFolder)); err != nil {
		return s.typed("back up the objects", err)
	}
	if err := disk.WriteFile(disk.OS{}, filepath.Join(dir, versionFile), fmt.Appendln(nil, folderFormat)); err != nil {
		return s.typed("finish the backup", disk.WriteError("write the version file", err))
	}
	if s.o.ReadOnly {
		return s.prune(ctx, dir)
	}
	return nil
}

// backupBlobs copies the objects. A read-only store knows them as they were when it was opened; they are looked at anew,
// because the copy of the index is younger.
func (s *Store) backupBlobs(ctx context.Context, dir string) (err error) {
	from := s.blobs
	if s.o.ReadOnly {
		if from, err = s.openBlobs(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, from.Close()) }()
	}
	return from.Backup(ctx, dir)
}

// prune takes out of a backup what another process has deleted, and overwritten, while it was being copied. It knows
// such an object by being gone from that process's index and damaged in the copy.
func (s *Store) prune(ctx context.Context, dir string) (err error) {
	o := s.o
	o.Dir, o.IndexDir, o.ReadOnly = dir, "", false
	restored, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restored.Close()) }()
	gone, err := s.spoilt(ctx, restored)
	if err != nil || len(gone) == 0 {
		return err
	}
	if err := s.eachBlob(ctx, func(b *index.Blob) error { delete(gone, refOf(b)); return nil }); err != nil {
		return err // what is left out here is damaged where it came from, too: gantry fsck is for that
	}
	if err := s.eachAttachment(ctx, func(a *index.Attachment) error { delete(gone, refOf(&a.Blob)); return nil }); err != nil {
		return err
	}
	r := &replayer{s: restored, deleted: gone}
	var refs []index.Blob
	for ref := range gone {
		refs = append(refs, index.Blob{Key: ref.Key, Seq: ref.Seq})
	}
	return errors.Join(r.bury(ctx), restored.dispose(ctx, refs))
}

// spoilt finds the objects of a backup that are damaged.
func (s *Store) spoilt(ctx context.Context, restored *Store) (map[blob.Ref]bool, error) {
	gone := map[blob.Ref]bool{}
	for e, err := range restored.blobs.Replay(ctx, blob.Position{}) {
		var damaged *blob.CorruptError
		if errors.As(err, &damaged) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.Kind == blob.KindAttachment {
			if err := restored.verifyAttachment(ctx, &e); ctx.Err() != nil {
				return nil, context.Cause(ctx)
			} else if err != nil {
				gone[e.Ref] = true
			}
			continue
		}
		if e.Kind != blob.KindInstance && e.Kind != blob.KindUpload {
			continue
		}
		n, err := restored.reread(ctx, &e)
		if err == nil {
			var now index.Blob
			err = s.idx.View(ctx, func(r index.ReadTx) (err error) { now, err = r.Stored(n.ID); return err })
			if err == nil && refOf(&now) == e.Ref {
				continue // it is still in use: no reason to read all of it
			}
			err = restored.Verify(ctx, n.Blob, true)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			gone[e.Ref] = true
		}
	}
	return gone, restored.unreadable(ctx, gone)
}

// unreadable adds what the index names and cannot be opened.
func (s *Store) unreadable(ctx context.Context, gone map[blob.Ref]bool) error {
	look := func(b *index.Blob) error {
		opened, err := s.openRaw(ctx, b)
		if err == nil {
			return opened.Close()
		}
		gone[refOf(b)] = true
		return ctx.Err()
	}
	if err := s.eachBlob(ctx, look); err != nil {
		return err
	}
	return s.eachAttachment(ctx, func(a *index.Attachment) error { return look(&a.Blob) })
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
