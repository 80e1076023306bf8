package pixels

import (
	"encoding/binary"
	"fmt"
)

// lossless decodes the scans of a lossless JPEG frame (ISO/IEC 10918-1 annex H).
type lossless struct {
	header   *jpegHeader
	tables   [4]*huffman
	interval int    // samples of a component from one restart to the next; 0: there is none
	out      []byte // little endian, interleaved
	step     int    // bytes of a sample in out
	seen     []bool // the components that have had their scan
}

func decodeLossless(data []byte, h *jpegHeader, l *Layout) ([]byte, error) {
	// Each sample has a code of a bit or more.
	if int64(len(data))*8 < int64(h.width)*int64(h.height)*int64(len(h.components)) {
		return nil, fmt.Errorf("%w: %d bytes are too few for %d x %d pixels", errJPEG, len(data), h.width, h.height)
	}
	for _, c := range h.components {
		if c.horizontal != c.vertical || c.horizontal != h.components[0].horizontal {
			return nil, fmt.Errorf("%w: lossless JPEG with subsampling", ErrUnsupported)
		}
	}
	d := &lossless{header: h, step: l.Allocated / 8, seen: make([]bool, len(h.components))}
	d.out = make([]byte, h.width*h.height*len(h.components)*d.step)
	segments := jpegSegments{data: data}
	for seen := 0; seen < len(h.components); {
		marker, content, err := segments.next()
		if err != nil {
			return nil, err
		}
		switch marker {
		case markerEnd:
			return nil, fmt.Errorf("%w: it ends before its last scan", errJPEG)
		case markerHuffman:
			if err := d.define(content); err != nil {
				return nil, err
			}
		case markerInterval:
			if len(content) != 2 {
				return nil, fmt.Errorf("%w: a restart interval of %d bytes", errJPEG, len(content))
			}
			d.interval = int(binary.BigEndian.Uint16(content))
		case markerScan:
			components, err := d.scan(content, data[segments.at:])
			if err != nil {
				return nil, err
			}
			seen += components
		}
	}
	return d.out, nil
}

// define takes Huffman tables (B.2.4.2).
func (d *lossless) define(content []byte) error {
	for len(content) > 0 {
		if len(content) < 17 || content[0]&15 > 3 {
			return errHuffman
		}
		number := 0
		for _, n := range content[1:17] {
			number += int(n)
		}
		if len(content) < 17+number {
			return errHuffman
		}
		table, err := newHuffman(content[1:17], content[17:17+number])
		if err != nil {
			return err
		}
		d.tables[content[0]&15] = table
		content = content[17+number:]
	}
	return nil
}

// scanned is what a scan header says (B.2.3).
type scanned struct {
	tables    []*huffman // of its components
	offsets   []int      // which samples of a pixel they are
	predictor byte
	shift     int // the point transform
}

func (d *lossless) parseScan(content []byte) (*scanned, error) {
	bad := fmt.Errorf("%w: a scan header is wrong", errJPEG)
	if len(content) < 1 || len(content) != 4+2*int(content[0]) || content[0] == 0 {
		return nil, bad
	}
	s := &scanned{predictor: content[len(content)-3], shift: int(content[len(content)-1] & 15)}
	if s.predictor < 1 || s.predictor > 7 || s.shift >= d.header.precision {
		return nil, bad
	}
	for c := content[1 : len(content)-3]; len(c) > 0; c = c[2:] {
		offset := -1
		for i, known := range d.header.components {
			if known.id == c[0] && !d.seen[i] {
				offset = i
			}
		}
		if offset < 0 || c[1]>>4 > 3 || d.tables[c[1]>>4] == nil {
			return nil, bad
		}
		d.seen[offset] = true
		s.offsets = append(s.offsets, offset)
		s.tables = append(s.tables, d.tables[c[1]>>4])
	}
	return s, nil
}

// scan decodes one scan and returns how many components it had.
func (d *lossless) scan(content, data []byte) (int, error) {
	s, err := d.parseScan(content)
	if err != nil {
		return 0, err
	}
	width, n := d.header.width, len(s.offsets)
	if d.interval%width != 0 {
		return 0, fmt.Errorf("%w: lossless JPEG that restarts within a line", ErrUnsupported)
	}
	lines := d.interval / width
	in := bitReader{data: data}
	row, above := make([]uint16, width*n), make([]uint16, width*n)
	for y := range d.header.height {
		first := y == 0
		if lines > 0 && y > 0 && y%lines == 0 {
			if !in.restart() {
				return 0, fmt.Errorf("%w: there is no restart before line %d", errJPEG, y)
			}
			first = true
		}
		row, above = above, row
		if first {
			s.firstLine(&in, row, 1<<(d.header.precision-s.shift-1))
		} else {
			s.line(&in, row, above)
		}
		if in.overrun() || in.broken {
			return 0, fmt.Errorf("%w: it is broken in line %d", errJPEG, y)
		}
		d.store(row, s, y)
	}
	return n, nil
}

// firstLine decodes a line that has none above: the first sample is predicted by half the range, others by the one before.
func (s *scanned) firstLine(in *bitReader, row []uint16, half uint16) {
	n := len(s.tables)
	for i := range row {
		before := half
		if i >= n {
			before = row[i-n]
		}
		row[i] = before + in.difference(s.tables[i%n])
	}
}

// line decodes a line by that above (H.1.2.1). The first sample is predicted by the one above.
func (s *scanned) line(in *bitReader, row, above []uint16) {
	n := len(s.tables)
	for c, table := range s.tables {
		row[c] = above[c] + in.difference(table)
	}
	table, c := s.tables[0], 0
	for i := n; i < len(row); i++ {
		if n > 1 {
			table = s.tables[c]
			if c++; c == n {
				c = 0
			}
		}
		a, b := int(row[i-n]), int(above[i])
		var predicted int
		switch s.predictor {
		case 1:
			predicted = a
		case 2:
			predicted = b
		case 3:
			predicted = int(above[i-n])
		case 4:
			predicted = a + b - int(above[i-n])
		case 5:
			predicted = a + (b-int(above[i-n]))>>1
		case 6:
			predicted = b + (a-int(above[i-n]))>>1
		case 7:
			predicted = (a + b) >> 1
		}
		row[i] = uint16(predicted) + in.difference(table) //nolint:gosec // modulo 2^16 (H.1.2.1)
	}
}

// store writes a line of the scan's components.
func (d *lossless) store(row []uint16, s *scanned, y int) {
	samples, n := len(d.header.components), len(s.offsets)
	out := d.out[y*d.header.width*samples*d.step:]
	for c, offset := range s.offsets {
		at := offset * d.step
		for i := c; i < len(row); i += n {
			v := row[i] << s.shift
			out[at] = byte(v) //nolint:gosec // the lower byte
			if d.step == 2 {
				out[at+1] = byte(v >> 8)
			}
			at += samples * d.step
		}
	}
}
