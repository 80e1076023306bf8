package seglog

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/disk"
)

// watched is a file system that tells before it opens or makes a file, or writes to one that it has made.
type watched struct {
	disk.FS
	before func(name string)
}

func (w watched) Open(name string, write bool) (disk.File, error) {
	w.before(name)
	return w.FS.Open(name, write)
}

func (w watched) Create(name string) (disk.File, error) {
	w.before(name)
	f, err := w.FS.Create(name)
	return watchedFile{f, func() { w.before(name + " written") }}, err
}

type watchedFile struct {
	disk.File
	before func()
}

func (w watchedFile) WriteAt(off int64, bufs ...[]byte) error {
	w.before()
	return w.File.WriteAt(off, bufs...)
}

// A segment that is dropped while another process opens it, or copies it, is no damage: neither there nor in the copy.
func TestDropWhileAnotherProcessLooks(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"opens": "live/segments/%.table", "begins to copy": "copy/segments/%.log",
		"copies": "copy/segments/%.log written", "has copied": "copy/segments/%.table.new"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			live, copied := filepath.Join(root, "live"), filepath.Join(root, "copy")
			opt := small(t)
			opt.SegmentSize = 4 << 20
			s, first, second, kept := filled(t, live, opt)
			g, _, err := s.lookup(first[0], true)
			if err != nil {
				t.Fatal(err)
			}
			number, _, _ := strings.Cut(filepath.Base(g.path), ".")
			done := false
			reading := opt
			reading.ReadOnly = true
			reading.FS = watched{disk.OS{}, func(name string) {
				if !done && strings.HasSuffix(filepath.ToSlash(name), strings.ReplaceAll(at, "%", number)) {
					done = true
					blobtest.Remove(t, s, first...)
				}
			}}
			r := openAt(t, live, reading)
			if err := errors.Join(r.Backup(t.Context(), copied), r.Close(), s.Close()); err != nil {
				t.Fatal(err)
			}
			if !done || s.has(g.number) {
				t.Fatal("the segment was not dropped")
			}
			s = openAt(t, copied, opt)
			if err := s.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
				t.Error(err)
			}
			blobtest.Want(t, s, kept, payloadOf(4))
			blobtest.Want(t, s, second[0], secret)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// renaming is a file system that tells before it renames a file.
type renaming struct {
	disk.FS
	before func()
}

func (r renaming) Rename(from, to string) error {
	r.before()
	return r.FS.Rename(from, to)
}

// A large object whose file has gone already was deleted, and is not damaged, for a process that looks just then.
func TestLargeObjectWhileItsSegmentIsDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	opt := small(t)
	opt.SegmentSize = 1 << 20
	s := openAt(t, dir, opt)
	large := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(300_000, 1))
	all := []blob.Ref{large}
	for range 20 {
		all = append(all, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, secret))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	reading := opt
	reading.ReadOnly = true
	var r *Store
	looked := 0
	opt.FS = renaming{disk.OS{}, func() {
		if r == nil {
			return
		}
		looked++
		if _, err := r.Open(t.Context(), large); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("opened: %v", err)
		}
		if err := r.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
			t.Error(err)
		}
	}}
	s = openAt(t, dir, opt)
	r = openAt(t, dir, reading)
	blobtest.Remove(t, s, all...)
	if looked == 0 {
		t.Error("nothing was renamed")
	}
	err := r.Close()
	r = nil
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}
