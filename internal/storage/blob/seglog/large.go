package seglog

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
	"gantry/internal/storage/blob/memory"
)

// partSuffix marks large files that are not committed; they are removed at the
// next start.
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
		err = s.fs.Rename(s.partPath(l.key), path)
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
func (s *Store) setNaming(key blob.Key, on bool) {
	s.view.Lock()
	defer s.view.Unlock()
	if on {
		s.naming[key] = true
	} else {
		delete(s.naming, key)
	}
}

func (s *Store) isNaming(key blob.Key) bool {
	s.view.RLock()
	defer s.view.RUnlock()
	return s.naming[key]
}

// removeParts removes what was never committed.
func (s *Store) removeParts() error {
	infos, err := s.fs.List(s.largeDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, i := range infos {
		if strings.HasSuffix(i.Name, partSuffix) {
			err = errors.Join(err, s.fs.Remove(filepath.Join(s.largeDir(), i.Name)))
		}
	}
	return err
}
