package seglog

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gantry/internal/storage/blob/disk"
)

// simDisk is a disk with a page cache: what was not synced may be lost, torn or
// replaced by noise when the power is cut.
type simDisk struct {
	mu      sync.Mutex
	names   map[string]*simInode
	durable map[string]*simInode
	frozen  bool
	ops     int // changes so far
	stopAt  int // freeze before this change; 0 never
	room    int64
	full    bool // writes beyond room fail; else there is room for ever

	// before is asked before every operation that changes something: "write",
	// "sync", "create", "rename", ... An error is returned to the caller.
	before func(op, name string) error
}

type simInode struct {
	data  []byte // as read
	disk  []byte // as it would be after a cut
	dirty map[int64]bool
}

var errFrozen = errors.New("the power is off")

func newSimDisk() *simDisk {
	return &simDisk{names: map[string]*simInode{}, durable: map[string]*simInode{}}
}

// change is called with mu held at the start of each change.
func (d *simDisk) change(op, name string) error {
	d.ops++
	if d.stopAt > 0 && d.ops >= d.stopAt {
		d.frozen = true
	}
	if d.frozen {
		return errFrozen
	}
	if d.before != nil {
		hook := d.before
		d.mu.Unlock()
		defer d.mu.Lock()
		return hook(op, name)
	}
	return nil
}

func (d *simDisk) Create(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("create", name); err != nil {
		return nil, err
	}
	if d.names[name] != nil {
		return nil, os.ErrExist
	}
	d.names[name] = &simInode{dirty: map[int64]bool{}}
	return &simFile{d, d.names[name], name}, nil
}

func (d *simDisk) Open(name string, write bool) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen {
		return nil, errFrozen
	}
	if d.names[name] == nil {
		return nil, os.ErrNotExist
	}
	return &simFile{d, d.names[name], name}, nil
}

func (d *simDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("remove", name); err != nil {
		return err
	}
	if d.names[name] == nil {
		return os.ErrNotExist
	}
	delete(d.names, name)
	return nil
}

func (d *simDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("rename", to); err != nil {
		return err
	}
	if d.names[from] == nil {
		return os.ErrNotExist
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return nil
}

func (d *simDisk) Link(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("link", to); err != nil {
		return err
	}
	if d.names[from] == nil {
		return os.ErrNotExist
	}
	d.names[to] = d.names[from]
	return nil
}

func (d *simDisk) Mkdir(string) error { return nil }

func (d *simDisk) List(dir string) ([]disk.Info, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var infos []disk.Info
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if filepath.Dir(name) == dir {
			infos = append(infos, disk.Info{Name: filepath.Base(name), Size: int64(len(d.names[name].data))})
		}
	}
	return infos, nil
}

func (d *simDisk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change("syncdir", dir); err != nil {
		return err
	}
	maps.DeleteFunc(d.durable, func(name string, _ *simInode) bool { return filepath.Dir(name) == dir })
	for name, i := range d.names {
		if filepath.Dir(name) == dir {
			d.durable[name] = i
		}
	}
	return nil
}

type simFile struct {
	d    *simDisk
	i    *simInode
	name string
}

func (f *simFile) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if off >= int64(len(f.i.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.i.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *simFile) grow(size int64) error {
	if more := size - int64(len(f.i.data)); more > 0 {
		if f.d.full && more > f.d.room {
			return syscall.ENOSPC
		}
		f.d.room -= more
		f.i.data = append(f.i.data, make([]byte, more)...)
	}
	return nil
}

// put writes without asking anybody.
func (f *simFile) put(off int64, p []byte) {
	copy(f.i.data[off:], p)
	for page := off / blockSize; page*blockSize < off+int64(len(p)); page++ {
		f.i.dirty[page] = true
	}
}

func (f *simFile) WriteAt(off int64, bufs ...[]byte) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	for _, p := range bufs {
		if err := f.d.change("write", f.name); err != nil {
			return err
		}
		if err := f.grow(off + int64(len(p))); err != nil {
			return err
		}
		f.put(off, p)
		off += int64(len(p))
	}
	return nil
}

func (f *simFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change("sync", f.name); err != nil {
		if !f.d.frozen {
			clear(f.i.dirty) // as Linux does: reported once, then forgotten
		}
		return err
	}
	f.i.disk = resize(f.i.disk, len(f.i.data))
	for page := range f.i.dirty {
		if at := page * blockSize; at < int64(len(f.i.data)) {
			copy(f.i.disk[at:min(at+blockSize, int64(len(f.i.disk)))], f.i.data[at:])
		}
	}
	clear(f.i.dirty)
	return nil
}

func resize(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}

func (f *simFile) Allocate(off, n int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change("allocate", f.name); err != nil {
		return err
	}
	return f.grow(off + n)
}

func (f *simFile) Zero(off, n int64) error { return f.WriteAt(off, make([]byte, n)) }

func (f *simFile) Flush(off, n int64) error { return nil }

func (f *simFile) Punch(off, n int64) error {
	err := f.WriteAt(off, make([]byte, n))
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err == nil {
		f.d.room += n
	}
	return err
}

func (f *simFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change("truncate", f.name); err != nil {
		return err
	}
	f.d.room += max(0, int64(len(f.i.data))-size)
	f.i.data = resize(f.i.data, int(size))
	return nil
}

func (f *simFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.i.data)), nil
}

func (f *simFile) Used() (int64, error)      { return f.Size() }
func (f *simFile) Close() error              { return nil }
func (f *simFile) Handle() (*os.File, error) { return nil, nil }

// tear says what becomes of pages that were not synced.
type tear string

const (
	tearNone  tear = "nothing lost" // as after kill -9
	tearLost  tear = "all lost"
	tearZeros tear = "zeros"
	tearNoise tear = "noise"
	tearMix   tear = "mix"
)

var tears = []tear{tearNone, tearLost, tearZeros, tearNoise, tearMix}

// cut stops the disk and returns it as it is found when the power comes back.
func (d *simDisk) cut(how tear, rng *rand.Rand) *simDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = true
	n := newSimDisk()
	made := map[*simInode]*simInode{}
	add := func(name string, i *simInode) {
		if made[i] == nil {
			b := i.after(how, rng)
			made[i] = &simInode{data: b, disk: slices.Clone(b), dirty: map[int64]bool{}}
		}
		n.names[name], n.durable[name] = made[i], made[i]
	}
	for name, i := range d.durable {
		if d.names[name] == i || how != tearNone && rng.IntN(2) == 0 {
			add(name, i)
		}
	}
	for name, i := range d.names {
		if d.durable[name] != i && (how == tearNone || how != tearLost && rng.IntN(2) == 0) {
			add(name, i)
		}
	}
	for name, i := range d.durable { // a removal or replacement that did not last
		if how == tearLost && n.names[name] == nil {
			add(name, i)
		}
	}
	return n
}

func (i *simInode) after(how tear, rng *rand.Rand) []byte {
	if how == tearNone {
		return slices.Clone(i.data)
	}
	size := len(i.disk)
	if how != tearLost && rng.IntN(2) == 0 {
		size = len(i.data)
	}
	b := resize(slices.Clone(i.disk), size)
	for page := range i.dirty {
		at := int(page * blockSize)
		if at >= len(b) || at >= len(i.data) {
			continue
		}
		i.tearPage(b[at:min(at+blockSize, len(b))], i.data[at:], how, rng)
	}
	return b
}

func (i *simInode) tearPage(old, fresh []byte, how tear, rng *rand.Rand) {
	rewritten := !isZero(old)
	switch what := rng.IntN(4); {
	case how == tearLost:
	case rewritten || how == tearMix && what < 2: // sector by sector, old or new
		for at := 0; at < len(old); at += 512 {
			if rng.IntN(2) == 0 {
				copy(old[at:min(at+512, len(old))], fresh[at:])
			}
		}
	case how == tearNoise || how == tearMix && what == 2:
		if rng.IntN(2) == 0 {
			copy(old, fresh)
			break
		}
		for at := range old {
			old[at] = byte(rng.Uint32())
		}
	default:
		if rng.IntN(2) == 0 {
			copy(old, fresh)
		}
	}
}

// corrupt changes a file behind the store's back.
func (d *simDisk) corrupt(t testing.TB, match string, change func(b []byte)) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, i := range d.names {
		if strings.Contains(name, match) {
			change(i.data)
			i.disk = slices.Clone(i.data)
			return
		}
	}
	t.Fatalf("no file matches %s", match)
}
