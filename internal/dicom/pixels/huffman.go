package pixels

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

var errHuffman = fmt.Errorf("%w: a Huffman table is wrong", errJPEG)

// lookupBits is how many bits of a code are looked up at once. Longer codes are rare.
const lookupBits = 10

// huffman decodes categories of differences (ISO/IEC 10918-1 F.2.2.3 and H.1.2.2).
type huffman struct {
	lookup   [1 << lookupBits]uint16 // length in the upper byte, category in the lower; 0: the code is longer or unknown
	limits   [17]uint32              // for codes of each length: those below this, aligned to 16 bits, are no longer
	offsets  [17]int                 // what added to a code of this length gives the place of its value
	values   []byte
	complete int // the greatest length
}

// newHuffman makes a table of the numbers of codes of each length, and the values in the order of the codes.
func newHuffman(counts, values []byte) (*huffman, error) {
	h := &huffman{values: values}
	code, place := 0, 0
	for length := 1; length <= 16; length++ {
		n := int(counts[length-1])
		h.offsets[length] = place - code
		for range n {
			if code >= 1<<length || values[place] > 16 {
				return nil, errHuffman
			}
			if length <= lookupBits {
				from := code << (lookupBits - length)
				for i := range 1 << (lookupBits - length) {
					h.lookup[from+i] = uint16(length)<<8 | uint16(values[place]) //nolint:gosec // at most 10
				}
			}
			code++
			place++
		}
		h.limits[length] = uint32(code) << (16 - length) //nolint:gosec // at most 2^16
		code <<= 1
		if n > 0 {
			h.complete = length
		}
	}
	return h, nil
}

// bitReader reads entropy-coded data up to the next marker (F.2.2.5). Beyond its end there are zeros.
type bitReader struct {
	data   []byte
	bits   uint64 // those read and not taken, the next one highest
	n      int    // how many
	zeros  int    // how many of them come from beyond the end
	broken bool   // there was a code that the table does not have
}

// fill makes 32 bits or more available.
func (r *bitReader) fill() {
	if len(r.data) >= 4 {
		if next := binary.BigEndian.Uint32(r.data); (^next-0x01010101)&next&0x80808080 == 0 { // no 0xff
			r.bits |= uint64(next) << (32 - r.n)
			r.n += 32
			r.data = r.data[4:]
			return
		}
	}
	for r.n <= 56 {
		var next byte
		switch {
		case len(r.data) == 0 || r.data[0] == 0xff && (len(r.data) == 1 || r.data[1] != 0):
			r.zeros += 8
		case r.data[0] == 0xff:
			next, r.data = 0xff, r.data[2:]
		default:
			next, r.data = r.data[0], r.data[1:]
		}
		r.bits |= uint64(next) << (56 - r.n)
		r.n += 8
	}
}

// difference reads one coded difference (H.1.2.2).
func (r *bitReader) difference(h *huffman) uint16 {
	if r.n < 32 {
		r.fill()
	}
	entry := h.lookup[r.bits>>(64-lookupBits)]
	length, category := int(entry>>8), int(entry&0xff)
	if length == 0 {
		if length, category = h.long(uint32(r.bits >> 48)); length == 0 { //nolint:gosec // 16 bits
			r.broken = true
			return 0
		}
	}
	r.bits <<= length
	r.n -= length
	switch category {
	case 0:
		return 0
	case 16:
		return 1 << 15
	}
	value := r.bits >> (64 - category)
	if r.bits>>63 == 0 {
		value -= 1<<category - 1 // F.2.2.1
	}
	r.bits <<= category
	r.n -= category
	return uint16(value) //nolint:gosec // modulo 2^16
}

// long finds a code that is longer than the lookup table's among the next 16 bits; length is 0 if there is none.
func (h *huffman) long(next uint32) (length, category int) {
	for length = lookupBits + 1; length <= h.complete; length++ {
		if next < h.limits[length] {
			return length, int(h.values[int(next>>(16-length))+h.offsets[length]])
		}
	}
	return 0, 0
}

// overrun reports whether bits from beyond the end were taken.
func (r *bitReader) overrun() bool { return r.n < r.zeros }

// restart goes on behind the next restart marker and reports whether there is one.
func (r *bitReader) restart() bool {
	for {
		i := bytes.IndexByte(r.data, 0xff)
		if i < 0 || i+1 >= len(r.data) {
			return false
		}
		marker := r.data[i+1]
		if marker >= markerRestart0 && marker < markerStart {
			*r = bitReader{data: r.data[i+2:]}
			return true
		}
		if marker != 0 && marker != 0xff {
			return false
		}
		r.data = r.data[i+1:]
	}
}
