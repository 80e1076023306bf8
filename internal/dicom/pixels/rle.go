package pixels

import (
	"encoding/binary"
	"errors"
)

// rleHeader is the size of the header of an RLE frame (PS3.5 G.5).
const rleHeader = 64

var errRLE = errors.New("pixels: the frame is no sound RLE frame")

// UnpackRLE expands an RLE frame to an uncompressed one, little endian, with interleaved samples (PS3.5 annex G). The layout
// that it returns says so, and that YBR has become RGB.
func UnpackRLE(data []byte, l *Layout) ([]byte, *Layout, error) {
	plain, err := l.Unpacked()
	if err != nil {
		return nil, nil, err
	}
	bytes := l.Allocated / 8
	segments := l.Samples * bytes
	if bytes == 0 || len(data) < rleHeader || binary.LittleEndian.Uint32(data) != uint32(segments) { //nolint:gosec // at most 6
		return nil, nil, errRLE
	}
	out := make([]byte, l.Size())
	for s := range segments {
		from := int64(binary.LittleEndian.Uint32(data[4+4*s:]))
		to := int64(len(data))
		if s+1 < segments {
			to = int64(binary.LittleEndian.Uint32(data[8+4*s:]))
		}
		if from < rleHeader || from > to || to > int64(len(data)) {
			return nil, nil, errRLE
		}
		sample, high := s/bytes, s%bytes // the most significant byte comes first
		if !unpackBits(data[from:to], out, sample*bytes+bytes-1-high, segments) {
			return nil, nil, errRLE
		}
	}
	if l.isYBR() {
		toRGB(out)
	}
	return out, plain, nil
}

// unpackBits expands a segment into every step'th byte of out from at on, and reports whether it filled them.
func unpackBits(in, out []byte, at, step int) bool {
	for at < len(out) {
		if len(in) < 2 {
			return false
		}
		n := int(int8(in[0])) //nolint:gosec // as the standard reads it
		switch {
		case n == -128:
			in = in[1:]
		case n >= 0:
			if len(in) < n+2 {
				return false
			}
			for _, b := range in[1 : n+2] {
				if at < len(out) {
					out[at] = b
					at += step
				}
			}
			in = in[n+2:]
		default:
			for range 1 - n {
				if at < len(out) {
					out[at] = in[1]
					at += step
				}
			}
			in = in[2:]
		}
	}
	return true
}
