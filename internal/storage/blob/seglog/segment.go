package seglog

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// entry is what a segment's table knows of a record.
type entry struct {
	ref    blob.Ref
	size   int64
	block  uint32 // where it begins
	blocks uint32
	kind   blob.Kind
	flags  uint8
	ready  bool // fully written
}

func (e *entry) offset() int64 { return int64(e.block) * blockSize }
func (e *entry) length() int64 { return int64(e.blocks) * blockSize }
func (e *entry) object() bool  { return e.kind.Valid() }

func (h *header) entry(off int64) entry {
	return entry{ref: h.ref, size: h.size, block: uint32(off / blockSize), blocks: h.blocks, kind: h.kind, flags: h.flags, ready: true}
}

// segment is one file of the log. Its records are in the order of their
// sequence numbers. It stays open, and on the disk, as long as it has users.
type segment struct {
	fs      disk.FS
	number  uint64
	id      segmentID
	path    string
	base    uint64   // no sequence number given in it is smaller
	sources []uint64 // segments it was compacted from

	readOnly bool
	room     room // while records are added

	removing    sync.Mutex // held while it is dropped
	mu          sync.RWMutex
	file        disk.File // opened at first use
	users       int
	gone        bool    // to be removed with the last user
	table       []entry // nil until needed when summary is known
	loaded      bool
	sealed      bool   // nothing is added any more
	end         int64  // of its records
	sure        int64  // when opened read-only: beyond it lies a tail with gaps, perhaps; 0 if not
	min         uint64 // sequence numbers
	max         uint64
	objects     int64 // living and dead
	bytes       int64
	dead        int64 // bytes of deleted objects, once accounted for
	deadObjects int64
	given       int64      // objects given back since the log was opened
	spoilt      bool       // a record cannot be read, which keeps it from being compacted
	deleted     []blob.Ref // by tombstones in this segment
}

// position returns the place at off of the segment.
func (g *segment) position(off int64) blob.Position {
	return blob.Position{Segment: g.number, Offset: off}
}

// add appends a record to the table and returns its index.
func (g *segment) add(e entry) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.table) == 0 {
		g.min = e.ref.Seq
	}
	g.min, g.max = min(g.min, e.ref.Seq), max(g.max, e.ref.Seq)
	g.table = append(g.table, e)
	if e.object() {
		g.objects++
		g.bytes += e.size
	}
	return len(g.table) - 1
}

// settle marks the record at index as written, as what it has become.
func (g *segment) settle(index int, kind blob.Kind) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := &g.table[index]
	if e.object() && !kind.Valid() {
		g.objects--
		g.bytes -= e.size
	}
	e.ready, e.kind = true, kind
}

// entries returns the table as it is now. It must not be changed.
func (g *segment) entries() ([]entry, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.loaded {
		table, err := readTable(g.fs, g)
		if err != nil {
			table, err = g.rescan()
		}
		if err != nil {
			return nil, err
		}
		g.table, g.loaded = table, true
	}
	if g.sealed {
		return g.table, nil
	}
	return slices.Clone(g.table), nil // the active segment's is still being written
}

// find looks a living or dead object up.
func (g *segment) find(ref blob.Ref) (entry, bool, error) {
	g.mu.RLock()
	if ref.Seq < g.min || ref.Seq > g.max {
		g.mu.RUnlock()
		return entry{}, false, nil
	}
	if g.loaded {
		defer g.mu.RUnlock()
		e, ok := search(g.table, ref)
		return e, ok, nil
	}
	g.mu.RUnlock()
	table, err := g.entries()
	if err != nil {
		return entry{}, false, err
	}
	e, ok := search(table, ref)
	return e, ok, nil
}

func search(table []entry, ref blob.Ref) (entry, bool) {
	i, ok := slices.BinarySearchFunc(table, ref.Seq, func(e entry, seq uint64) int { return cmp.Compare(e.ref.Seq, seq) })
	if !ok || table[i].ref != ref || !table[i].ready || !table[i].object() {
		return entry{}, false
	}
	return table[i], true
}

var errGone = errors.New("seglog: segment removed")

// use opens the file and keeps it until release.
func (g *segment) use() (disk.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone {
		return nil, errGone
	}
	if g.file == nil {
		f, err := g.fs.Open(g.path, !g.readOnly)
		if err != nil {
			return nil, err
		}
		g.file = f
	}
	g.users++
	return g.file, nil
}

// release ends a use; the last one of a removed segment unlinks it.
func (g *segment) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users--
	return g.finish()
}

// remove unlinks the segment as soon as nobody uses it.
func (g *segment) remove() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.gone = true
	return g.finish()
}

func (g *segment) finish() error {
	if !g.gone || g.users > 0 {
		return nil
	}
	var err error
	if g.file != nil {
		err = g.file.Close()
		g.file = nil
	}
	return errors.Join(err, ignoreMissing(g.fs.Remove(tablePath(g.path))), ignoreMissing(g.fs.Remove(g.path)))
}

// close closes the file; the segment stays.
func (g *segment) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.file == nil {
		return nil
	}
	f := g.file
	g.file = nil
	return f.Close()
}

// reference names the record at index.
func (g *segment) reference(index int) blob.Ref {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.table[index].ref
}
