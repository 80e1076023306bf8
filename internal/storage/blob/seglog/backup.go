package seglog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Backup copies the log as it is durable at the call. It verifies nothing, so
// that damage does not stop it; Check the copy. What is deleted meanwhile is in
// the copy, and is given back when the backup ends.
func (s *Store) Backup(ctx context.Context, dir string) error {
	s.hold()
	err := s.backup(ctx, dir)
	return errors.Join(err, s.unhold(ctx))
}

// hold keeps the bytes of deleted objects.
func (s *Store) hold() {
	s.reclaiming.Lock() // a Reclaim under way ends first
	defer s.reclaiming.Unlock()
	s.view.Lock()
	defer s.view.Unlock()
	s.backups++
}

// unhold gives back what was deleted during the backup.
func (s *Store) unhold(ctx context.Context) error {
	s.view.Lock()
	s.backups--
	refs := s.deferred
	if s.backups > 0 {
		refs = nil
	} else {
		s.deferred = nil
	}
	s.view.Unlock()
	if len(refs) == 0 {
		return nil
	}
	return s.Reclaim(context.WithoutCancel(ctx), refs...)
}

func (s *Store) backup(ctx context.Context, dir string) error {
	if err := s.emptyFolder(dir); err != nil {
		return err
	}
	if !s.opt.ReadOnly {
		if err := s.Barrier(ctx); err != nil && !errors.Is(err, blob.ErrWriteStopped) {
			return err
		}
	}
	gs, cut, err := s.useAll()
	defer func() {
		for _, g := range gs {
			_ = g.release() // only looked at
		}
	}()
	if err != nil {
		return err
	}
	to := &Store{opt: s.opt, fs: s.fs, dir: dir}
	for _, d := range []string{to.segmentDir(), to.largeDir()} {
		if err := s.fs.Mkdir(d); err != nil {
			return disk.WriteError("make the folder "+d, err)
		}
	}
	for _, g := range gs {
		if err := s.backupSegment(ctx, to, g, cut); err != nil {
			return disk.WriteError("back up "+g.path, err)
		}
	}
	err = disk.WriteFile(s.fs, filepath.Join(dir, "VERSION"), []byte(strconv.Itoa(formatVersion)+"\n"))
	for _, d := range append(to.folders.all(), to.segmentDir(), to.largeDir(), dir, filepath.Dir(dir)) {
		err = errors.Join(err, s.fs.SyncDir(d))
	}
	if err != nil {
		return disk.WriteError("finish the backup in "+dir, err)
	}
	return nil
}

func (s *Store) emptyFolder(dir string) error {
	if err := s.fs.Mkdir(dir); err != nil {
		return disk.WriteError("make the folder "+dir, err)
	}
	infos, err := s.fs.List(dir)
	if err == nil && len(infos) > 0 {
		err = fmt.Errorf("blob: backup folder %s is not empty; name a new one", dir)
	}
	return err
}

// useAll takes all segments in use, and returns up to where the newest is written.
func (s *Store) useAll() ([]*segment, blob.Position, error) {
	s.mu.Lock()
	cut := s.synced
	if q := &s.queue; q.seg != nil {
		cut = q.seg.position(q.off)
	}
	s.mu.Unlock()
	s.view.RLock()
	defer s.view.RUnlock()
	var gs []*segment
	for _, g := range s.segments {
		if _, err := g.use(); err != nil {
			return gs, cut, fmt.Errorf("blob: open %s: %w", g.path, err)
		}
		gs = append(gs, g)
	}
	return gs, cut, nil
}

// backupSegment copies one segment with what belongs to it.
func (s *Store) backupSegment(ctx context.Context, to *Store, g *segment, cut blob.Position) error {
	table, err := g.entries()
	if err != nil {
		return err
	}
	c := &segment{fs: s.fs, number: g.number, id: g.id, base: g.base, sources: g.sources, path: to.segmentPath(g.number), loaded: true}
	g.mu.RLock()
	c.end = g.end
	active := !g.sealed
	g.mu.RUnlock()
	if active && !s.opt.ReadOnly {
		c.end = blockSize
		if g.number < cut.Segment {
			c.end = 1 << 62
		} else if g.number == cut.Segment {
			c.end = cut.Offset
		}
	}
	last := int64(blockSize)
	for _, e := range table {
		if e.offset()+e.length() > c.end {
			break
		}
		last = e.offset() + e.length()
		c.add(e)
		if e.kind == blob.KindTombstone {
			if err := g.copyDeleted(c, e); err != nil {
				return err
			}
		}
		if e.object() && e.flags&flagLarge != 0 {
			if err := s.backupLarge(ctx, to, e); err != nil {
				return err
			}
		}
	}
	if active {
		c.end = min(c.end, last)
	}
	if err := copyFile(ctx, s.fs, g.file, c.path, 0, c.end); err != nil {
		return err
	}
	if s.dropped(g.file) { // meanwhile, or before
		return s.takeBack(to, c)
	}
	return writeTable(s.fs, c, c.path, c.deleted)
}

// takeBack removes the copy of a segment that was dropped while it was copied.
func (s *Store) takeBack(to *Store, c *segment) error {
	err := s.fs.Remove(c.path)
	for i := range c.table {
		if e := &c.table[i]; e.object() && e.flags&flagLarge != 0 {
			err = errors.Join(err, ignoreMissing(s.fs.Remove(to.payloadPath(e.ref.Key, e.kind, e.flags))))
		}
	}
	return err
}

func (g *segment) copyDeleted(to *segment, e entry) error {
	h, err := readHeader(g, g.file, e, make([]byte, blockSize))
	if err != nil {
		return ignoreDamage(err)
	}
	refs, err := readRefs(g.file, e.offset(), &h)
	to.deleted = append(to.deleted, refs...)
	return ignoreDamage(err)
}

// backupLarge copies a large file; one that is gone was given back earlier.
func (s *Store) backupLarge(ctx context.Context, to *Store, e entry) error {
	f, err := s.fs.Open(s.payloadPath(e.ref.Key, e.kind, e.flags), false)
	if err != nil {
		return ignoreMissing(err)
	}
	size, err := f.Size()
	path := to.payloadPath(e.ref.Key, e.kind, e.flags)
	if err == nil && e.flags&flagPlain != 0 {
		err = to.makeFolder(filepath.Dir(path))
	}
	if err == nil {
		err = copyFile(ctx, s.fs, f, path, 0, size)
	}
	if errors.Is(err, os.ErrExist) {
		err = nil // named by two copies of its record
	}
	return errors.Join(err, f.Close())
}

// copyFile copies size bytes at start into a new file and syncs it. Stretches of
// zeros become holes.
func copyFile(ctx context.Context, fsys disk.FS, from disk.File, path string, start, size int64) error {
	to, err := fsys.Create(path)
	if err != nil {
		return err
	}
	buf := make([]byte, min(size, 1<<20))
	for off := int64(0); off < size && err == nil; off += int64(len(buf)) {
		p := buf[:min(int64(len(buf)), size-off)]
		n, e := from.ReadAt(p, start+off)
		if e != nil && !errors.Is(e, io.EOF) {
			err = e
		} else if !isZero(p[:n]) {
			err = to.WriteAt(off, p[:n])
		}
		if err == nil {
			err = ctx.Err()
		}
	}
	if err == nil {
		err = to.Truncate(size)
	}
	if err == nil {
		err = to.Sync()
	}
	return errors.Join(err, to.Close())
}
