// Package disk is the little that the stores on disk ask of an operating
// system: files with vectored writes, syncs that cover data alone, room taken
// and given back, and folders locked by the system. The stores see it through
// FS and File, so their tests can stand between a store and its disk.
package disk

import (
	"io"
	"os"
	"slices"
)

// FS is a file system. Names are paths as for package os.
type FS interface {
	// Create makes a new file; it fails when there is one of that name.
	Create(name string) (File, error)
	// Open opens a file for reading or, with write, for reading and writing.
	Open(name string, write bool) (File, error)
	Remove(name string) error
	Rename(from, to string) error
	// Link gives a file a second name. Not every file system can.
	Link(from, to string) error
	// Mkdir makes a folder and those above it; one that is there is no error.
	Mkdir(name string) error
	List(dir string) ([]Info, error)
	// SyncDir makes names created, renamed and removed in dir durable.
	SyncDir(dir string) error
}

// KeepFree is what objects, and what is written beside them, leave free on the disk, in bytes: the index needs some to go on
// with deletions, and deletions are how a full disk is cleared.
const KeepFree = 32 << 20

// Info is one entry of a folder.
type Info struct {
	Name string
	Size int64
	Dir  bool
}

// File is an open file. Offsets and sizes are in bytes.
type File interface {
	io.ReaderAt
	io.Closer
	// WriteAt writes all of bufs, one after the other, from off. It may change
	// the elements of bufs, not the bytes.
	WriteAt(off int64, bufs ...[]byte) error
	// Sync returns when the data written, and what is needed to read it, is durable.
	Sync() error
	// Allocate takes room on the disk without changing what can be read there,
	// so that writes in it do not find the disk full; the file grows when shorter.
	Allocate(off, n int64) error
	// Zero overwrites a range with zeros.
	Zero(off, n int64) error
	// Flush has the system write a range out, so that a later sync does not find
	// it left to do; it makes nothing durable. An error means that writing failed.
	Flush(off, n int64) error
	// Punch makes a range read as zeros and gives its room back where that can be
	// done; elsewhere it is overwritten.
	Punch(off, n int64) error
	Truncate(size int64) error
	Size() (int64, error)
	// Used is the room the file takes on the disk.
	Used() (int64, error)
	// Handle opens a second, independent handle for reading, or nil when the
	// file is not one of the operating system's.
	Handle() (*os.File, error)
}

// OS is the file system of the operating system.
type OS struct{}

var _ FS = OS{}

// Create makes a file that only its owner may read.
func (OS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &osFile{f: f}, nil
}

// Open opens a file.
func (OS) Open(name string, write bool) (File, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return nil, err
	}
	return &osFile{f: f}, nil
}

// Remove unlinks a file.
func (OS) Remove(name string) error { return os.Remove(name) }

// Rename replaces to.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Link makes a hard link.
func (OS) Link(from, to string) error { return os.Link(from, to) }

// Mkdir makes folders that only their owner may enter.
func (OS) Mkdir(name string) error { return os.MkdirAll(name, 0o700) }

// List reads a folder in name order.
func (OS) List(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		fi, err := e.Info()
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, Info{Name: e.Name(), Size: fi.Size(), Dir: e.IsDir()})
	}
	return infos, nil
}

// SyncDir syncs a folder.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

type osFile struct{ f *os.File }

func (o *osFile) ReadAt(p []byte, off int64) (int, error) { return o.f.ReadAt(p, off) }
func (o *osFile) Zero(off, n int64) error                 { return o.writeZeros(off, n) }
func (o *osFile) Close() error                            { return o.f.Close() }
func (o *osFile) Truncate(size int64) error               { return o.f.Truncate(size) }
func (o *osFile) Handle() (*os.File, error)               { return os.Open(o.f.Name()) }

func (o *osFile) Size() (int64, error) {
	fi, err := o.f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// zeros is written from, never to: many times over in one call, so that it takes little memory.
var zeros [64 << 10]byte

const zerosPerCall = 1 << 20

func (o *osFile) writeZeros(off, n int64) error {
	for n > 0 {
		part := min(n, zerosPerCall)
		bufs := slices.Repeat([][]byte{zeros[:]}, int(part)/len(zeros))
		if rest := int(part) % len(zeros); rest > 0 {
			bufs = append(bufs, zeros[:rest])
		}
		if err := o.WriteAt(off, bufs...); err != nil {
			return err
		}
		off, n = off+part, n-part
	}
	return nil
}
