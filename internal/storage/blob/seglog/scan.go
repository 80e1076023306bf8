package seglog

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// scanner walks the records of a segment by their headers. What lies between
// them is a gap: damage, or nothing written yet.
type scanner struct {
	file disk.File
	id   segmentID
	size int64
	// accept may refuse a record, which makes its first block part of a gap.
	accept func(off int64, h *header) (bool, error)
	gap    func(from, to int64) error

	window []byte
	at     int64 // of the window
}

// scanWindow is read at a time: small, as large records are stepped over.
const (
	scanWindow = 16 << 10
	gapWindow  = 256 << 10
)

// run walks from off to the end of the file.
func (c *scanner) run(off int64) error {
	gap := int64(-1)
	for off < c.size {
		h, ok, err := c.header(off, gap >= 0)
		if err == nil && ok {
			ok, err = c.accept(off, &h)
		}
		if err != nil {
			return err
		}
		switch {
		case ok && gap >= 0:
			if err := c.gap(gap, off); err != nil {
				return err
			}
			gap = -1
		case !ok && gap < 0:
			gap = off
		}
		if ok {
			off += h.length()
		} else {
			off += blockSize
		}
	}
	if gap >= 0 {
		return c.gap(gap, c.size)
	}
	return nil
}

func (c *scanner) header(off int64, far bool) (header, bool, error) {
	if off < c.at || off+blockSize > c.at+int64(len(c.window)) {
		want := scanWindow
		if far {
			want = gapWindow
		}
		want = int(min(int64(want), c.size-off))
		c.window = slices.Grow(c.window[:0], want)[:want]
		n, err := c.file.ReadAt(c.window, off)
		if err != nil && !errors.Is(err, io.EOF) {
			return header{}, false, err
		}
		c.window, c.at = c.window[:n], off
	}
	p := c.window[off-c.at:]
	h, err := decodeHeader(p[:min(len(p), blockSize)], c.id, off, c.size-off)
	return h, err == nil, nil
}

// content is what a scan found beyond the table of a segment.
type content struct {
	entries   []entry
	gaps      [][2]int64
	watermark blob.Position
	size      int64
	start     int64 // where the scan began
}

// scanFrom reads the headers from start on, and the tombstones.
func (g *segment) scanFrom(f disk.File, start int64) (*content, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	c := &content{size: size, start: start}
	sc := scanner{file: f, id: g.id, size: size}
	sc.gap = func(from, to int64) error {
		c.gaps = append(c.gaps, [2]int64{from, to})
		return nil
	}
	sc.accept = func(off int64, h *header) (bool, error) {
		if h.kind == blob.KindTombstone {
			if _, err := readRefs(f, off, h); err != nil {
				return false, ignoreDamage(err)
			}
		}
		if c.watermark.Less(h.watermark) {
			c.watermark = h.watermark
		}
		c.entries = append(c.entries, h.entry(off))
		return true, nil
	}
	return c, sc.run(start)
}

var errPayload = errors.New("the payload does not match its checksum")

// maxTombstone is more than Delete writes into one record, in bytes.
const maxTombstone = 16 << 20

// readRefs reads what a tombstone deletes.
func readRefs(f disk.File, off int64, h *header) ([]blob.Ref, error) {
	if h.size > maxTombstone {
		return nil, errPayload
	}
	b := make([]byte, h.size)
	if _, err := f.ReadAt(b, off+h.metaEnd()); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if blob.Checksum(0, b) != h.sum {
		return nil, errPayload
	}
	return decodeRefs(b), nil
}

// rescan makes the table of a segment whose table file is gone or damaged, as far
// as that went.
// Called with g.mu held.
func (g *segment) rescan() ([]entry, error) {
	f := g.file
	if f == nil {
		opened, err := g.fs.Open(g.path, false)
		if err != nil {
			return nil, err
		}
		defer func() { _ = opened.Close() }() // only read
		f = opened
	}
	c, err := g.scanFrom(f, blockSize)
	if err != nil {
		return nil, fmt.Errorf("seglog: read %s: %w", g.path, err)
	}
	return slices.DeleteFunc(c.entries, func(e entry) bool { return e.offset() >= g.end }), nil
}

// payloadSum reads a payload and returns its CRC32C.
func payloadSum(f disk.File, off, size int64, buf []byte) (uint32, error) {
	var sum uint32
	for size > 0 {
		p := buf[:min(int64(len(buf)), size)]
		n, err := f.ReadAt(p, off)
		if n < len(p) {
			if err == nil || errors.Is(err, io.EOF) {
				return sum, errPayload
			}
			return sum, err
		}
		sum = blob.Checksum(sum, p)
		off, size = off+int64(n), size-int64(n)
	}
	return sum, nil
}
