package seglog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// A table file lies beside a segment and lists its records up to some end. All
// of these were synced before it was written. It spares the start from reading
// the segment that far, and can be made again from it.
//
//	 0 magic "GANTRYTB"   8 version u32   12 CRC32C of 16 up to the entries u32
//	16 segment u64   24 id [16]   40 end of the records u64   48 least u64 and 56 greatest sequence u64
//	64 objects u64   72 bytes u64   80 entries u32   84 CRC32C of the entries u32
//	88 sources u32   92 deleted u32   96 sources [u64]   then deleted [key, sequence]
//	then entries: key [16] sequence u64 size u64 block u32 blocks u32 kind u8 flags u8 zeros [6]
const (
	tableMagic  = "GANTRYTB"
	tableHeader = 96
	tableEntry  = 48
)

const (
	segmentSuffix = ".log"
	tableSuffix   = ".table"
)

func tablePath(segment string) string {
	return strings.TrimSuffix(segment, segmentSuffix) + tableSuffix
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// encodeTable returns the two parts of a table file. deleted names what the
// tombstones in the segment delete.
func encodeTable(g *segment, deleted []blob.Ref) (head, body []byte) {
	body = make([]byte, 0, len(g.table)*tableEntry)
	for i := range g.table {
		e := &g.table[i]
		body = appendRef(body, e.ref)
		body = le.AppendUint64(body, uint64(e.size))
		body = le.AppendUint32(body, e.block)
		body = le.AppendUint32(body, e.blocks)
		body = append(body, byte(e.kind), e.flags, 0, 0, 0, 0, 0, 0)
	}
	head = make([]byte, tableHeader, tableHeader+8*len(g.sources)+refSize*len(deleted))
	copy(head, tableMagic)
	le.PutUint32(head[8:], formatVersion)
	le.PutUint64(head[16:], g.number)
	copy(head[24:], g.id[:])
	for i, v := range [...]uint64{uint64(g.end), g.min, g.max, uint64(g.objects), uint64(g.bytes)} {
		le.PutUint64(head[40+8*i:], v)
	}
	le.PutUint32(head[80:], uint32(len(g.table)))
	le.PutUint32(head[84:], blob.Checksum(0, body))
	le.PutUint32(head[88:], uint32(len(g.sources)))
	le.PutUint32(head[92:], uint32(len(deleted)))
	for _, n := range g.sources {
		head = le.AppendUint64(head, n)
	}
	for _, r := range deleted {
		head = appendRef(head, r)
	}
	le.PutUint32(head[12:], blob.Checksum(0, head[16:]))
	return head, body
}

var errBadTable = errors.New("the table does not fit the segment")

// readSummary fills in what the head of the table file tells, and returns what
// the segment's tombstones delete. The table itself stays on the disk.
func readSummary(fsys disk.FS, g *segment) ([]blob.Ref, error) {
	f, err := fsys.Open(tablePath(g.path), false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, tableHeader)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadTable, err)
	}
	if string(head[:8]) != tableMagic || le.Uint32(head[8:]) != formatVersion ||
		le.Uint64(head[16:]) != g.number || segmentID(head[24:40]) != g.id {
		return nil, errBadTable
	}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	sources, deleted := int64(le.Uint32(head[88:])), int64(le.Uint32(head[92:]))
	rest := 8*sources + refSize*deleted
	if size != tableHeader+rest+tableEntry*int64(le.Uint32(head[80:])) {
		return nil, errBadTable
	}
	head = append(head, make([]byte, rest)...)
	if _, err := f.ReadAt(head[tableHeader:], tableHeader); rest > 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if le.Uint32(head[12:]) != blob.Checksum(0, head[16:]) {
		return nil, errBadTable
	}
	g.end, g.min, g.max = int64(le.Uint64(head[40:])), le.Uint64(head[48:]), le.Uint64(head[56:])
	g.objects, g.bytes = int64(le.Uint64(head[64:])), int64(le.Uint64(head[72:]))
	for i := range sources {
		g.sources = append(g.sources, le.Uint64(head[tableHeader+8*i:]))
	}
	return decodeRefs(head[tableHeader+8*sources:]), nil
}

// readTable reads the entries of a table file whose head was read before.
func readTable(fsys disk.FS, g *segment) ([]entry, error) {
	b, err := disk.ReadFile(fsys, tablePath(g.path))
	if err != nil {
		return nil, err
	}
	if len(b) < tableHeader {
		return nil, errBadTable
	}
	start := tableHeader + 8*int64(le.Uint32(b[88:])) + refSize*int64(le.Uint32(b[92:]))
	count := int64(le.Uint32(b[80:]))
	if int64(len(b)) != start+count*tableEntry || blob.Checksum(0, b[start:]) != le.Uint32(b[84:]) {
		return nil, fmt.Errorf("seglog: %s: %w", tablePath(g.path), errBadTable)
	}
	table := make([]entry, 0, count)
	for b = b[start:]; len(b) > 0; b = b[tableEntry:] {
		table = append(table, entry{
			ref:  blob.Ref{Key: blob.Key(b[:16]), Seq: le.Uint64(b[16:])},
			size: int64(le.Uint64(b[24:])), block: le.Uint32(b[32:]), blocks: le.Uint32(b[36:]),
			kind: blob.Kind(b[40]), flags: b[41], ready: true,
		})
	}
	return table, nil
}

// writeTable makes the table file of a segment that is synced and lies, or will
// lie, at path.
func writeTable(fsys disk.FS, g *segment, path string, deleted []blob.Ref) error {
	g.mu.RLock()
	head, body := encodeTable(g, deleted)
	g.mu.RUnlock()
	return disk.WriteFile(fsys, tablePath(path), head, body)
}
