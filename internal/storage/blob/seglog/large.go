package seglog

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/memory"
)

// partSuffix marks large files that are not committed; they are removed at the
// next start. A file keeps that name beside its final one until it has its record,
// so that after kill -9 the next start need look at these alone to clear away what
// belongs to nothing.
const partSuffix = ".part"

// largeFile is the payload of one large object being written: plain bytes in a
// file named by the random key. Its record in the log says the rest.
type largeFile struct {
	store   *Store
	key     blob.Key
	file    disk.File
	size    int64
	sum     uint32
	buf     []byte // gathered, not yet written: the last bytes of size
	written int64
	path    string // once it has its final name
}

const largeBuffer = 256 << 10

func (s *Store) newLarge(key blob.Key) (*largeFile, error) {
	if err := s.spare(s.opt.SpillSize, true); err != nil {
		return nil, err
	}
	f, err := s.fs.Create(s.partPath(key))
	if err != nil {
		return nil, disk.WriteError("begin a large object", err)
	}
	return &largeFile{store: s, key: key, file: f}, nil
}

// take writes what was gathered in memory.
func (l *largeFile) take(b *memory.Buffer) error {
	if err := l.file.WriteAt(0, b.Append(nil, nil, 0)...); err != nil {
		return disk.WriteError("write a large object", err)
	}
	l.size, l.written, l.sum = b.Size(), b.Size(), b.Checksum()
	return nil
}

func (l *largeFile) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		if len(l.buf) == cap(l.buf) {
			if err := l.makeRoom(); err != nil {
				return total, err
			}
		}
		n := copy(l.buf[len(l.buf):cap(l.buf)], p)
		l.note(n)
		p, total = p[n:], total+n
	}
	return total, nil
}

func (l *largeFile) note(n int) {
	end := len(l.buf) + n
	l.sum = blob.Checksum(l.sum, l.buf[len(l.buf):end])
	l.buf = l.buf[:end]
	l.size += int64(n)
}

func (l *largeFile) ReadFrom(r io.Reader) (int64, error) {
	var total int64
	for empty := 0; empty < 100; empty++ {
		if len(l.buf) == cap(l.buf) {
			if err := l.makeRoom(); err != nil {
				return total, err
			}
		}
		n, err := r.Read(l.buf[len(l.buf):cap(l.buf)])
		l.note(n)
		total += int64(n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		if n > 0 {
			empty = 0
		}
	}
	return total, io.ErrNoProgress
}

func (l *largeFile) makeRoom() error {
	if l.buf == nil {
		l.buf = make([]byte, 0, largeBuffer)
	}
	return l.flush()
}

func (l *largeFile) flush() error {
	if len(l.buf) == 0 {
		return nil
	}
	if err := l.file.WriteAt(l.written, l.buf); err != nil {
		return disk.WriteError("write a large object", err)
	}
	l.written += int64(len(l.buf))
	l.buf = l.buf[:0]
	return nil
}

// finish makes the file durable under its final name.
func (l *largeFile) finish(path string) error {
	if l.path != "" {
		return nil
	}
	s := l.store
	err := l.flush()
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil {
		err = s.makeFolder(filepath.Dir(path))
	}
	if err == nil {
		if s.fs.Link(s.partPath(l.key), path) != nil { // not every file system can
			err = s.fs.Rename(s.partPath(l.key), path)
		}
	}
	if err == nil {
		l.path = path
		err = errors.Join(l.file.Close(), s.syncFolder(filepath.Dir(path)))
	}
	if err != nil {
		return disk.WriteError("keep an object in a file", err)
	}
	return nil
}

// discard removes the file.
func (l *largeFile) discard() {
	path := l.path
	if path == "" {
		_ = l.file.Close() // its content is not wanted
		path = l.store.partPath(l.key)
	}
	if err := ignoreMissing(l.store.fs.Remove(path)); err != nil {
		l.store.opt.Logger.Warn("object log: left behind", "file", path, "error", err)
	}
}

// setNaming notes that a large file is about to get its record, so that Check
// does not take it for one that belongs to nothing.
func (s *Store) setNaming(key blob.Key) {
	s.view.Lock()
	defer s.view.Unlock()
	s.naming[key] = true
}

// named ends what setNaming began.
func (s *Store) named(l *largeFile) {
	if l.path != "" {
		if err := ignoreMissing(s.fs.Remove(s.partPath(l.key))); err != nil {
			s.opt.Logger.Warn("object log: left behind", "file", s.partPath(l.key), "error", err)
		}
	}
	s.view.Lock()
	defer s.view.Unlock()
	delete(s.naming, l.key)
}

func (s *Store) isNaming(key blob.Key) bool {
	s.view.RLock()
	defer s.view.RUnlock()
	return s.naming[key]
}

// unfinished lists what was being written when the last process ended.
func (s *Store) unfinished() (keys []blob.Key, err error) {
	infos, err := s.fs.List(s.largeDir())
	for _, i := range infos {
		if name, ok := strings.CutSuffix(i.Name, partSuffix); ok {
			if key, err := blob.ParseKey(name); err == nil {
				keys = append(keys, key)
			}
		}
	}
	return keys, ignoreMissing(err)
}

// clearUnfinished removes it, and files under their final names if no record names
// them: they were promised to nobody.
func (s *Store) clearUnfinished() error {
	keys, err := s.unfinished()
	if err != nil || len(keys) == 0 {
		return err
	}
	recorded, err := s.payloadKeys()
	if err != nil { // nothing is removed on the word of a damaged table; Check has it
		s.opt.Logger.Warn("object log: files that may belong to nothing are left", "error", err)
		return nil
	}
	var errs []error
	for _, key := range keys {
		if !recorded[key] {
			for _, path := range []string{
				s.payloadPath(key, blob.KindInstance, flagLarge), s.payloadPath(key, blob.KindInstance, flagLarge|flagPlain),
				s.payloadPath(key, blob.KindNote, flagLarge|flagPlain),
			} {
				errs = append(errs, ignoreMissing(s.fs.Remove(path)))
			}
		}
		errs = append(errs, s.fs.Remove(s.partPath(key)))
	}
	return errors.Join(errs...)
}

// payloadKeys lists the objects whose payloads are files of their own.
func (s *Store) payloadKeys() (map[blob.Key]bool, error) {
	keys := map[blob.Key]bool{}
	for _, g := range s.segments {
		table := g.table
		if !g.loaded {
			var err error
			if table, err = readTable(s.fs, g); err != nil {
				return nil, err
			}
		}
		for i := range table {
			if e := &table[i]; e.object() && e.flags&flagLarge != 0 {
				keys[e.ref.Key] = true
			}
		}
	}
	return keys, nil
}
