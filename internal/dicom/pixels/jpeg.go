package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
)

// errJPEG is wrapped by what is said about frames that cannot be decoded.
var errJPEG = errors.New("pixels: the frame is no sound JPEG frame")

// Markers of JPEG (ISO/IEC 10918-1 table B.1).
const (
	markerBaseline    = 0xc0
	markerExtended    = 0xc1
	markerProgressive = 0xc2
	markerLossless    = 0xc3
	markerHuffman     = 0xc4
	markerRestart0    = 0xd0
	markerStart       = 0xd8
	markerEnd         = 0xd9
	markerScan        = 0xda
	markerInterval    = 0xdd
)

const (
	// maxScans is how many scans a frame may have: each of them costs time for all pixels, however short it is.
	maxScans = 64
	// maxProgressive is how many pixels a progressive frame may have. It takes twelve bytes more for each of them.
	maxProgressive = 1 << 24
)

// UnpackJPEG decodes a JPEG frame to an uncompressed one, little endian, with interleaved samples. The layout that it
// returns says so, and that YBR has become RGB. It knows baseline, extended and progressive frames of 8 bits (ISO/IEC
// 10918-1 annexes F and G), and lossless ones of 2 to 16 (annex H); for others it wraps ErrUnsupported. Whether colors are
// converted says the layout, not the frame.
func UnpackJPEG(data []byte, l *Layout) ([]byte, *Layout, error) {
	plain, err := l.Unpacked()
	if err != nil {
		return nil, nil, err
	}
	h, err := readJPEGHeader(data)
	if err != nil {
		return nil, nil, err
	}
	if err := h.check(l); err != nil {
		return nil, nil, err
	}
	var out []byte
	switch h.process {
	case markerLossless:
		out, err = decodeLossless(data, h, plain)
	default:
		out, err = decodeDCT(data, plain)
	}
	if err != nil {
		return nil, nil, err
	}
	if l.isYBR() {
		toRGB(out)
	}
	return out, plain, nil
}

// jpegHeader is what a frame header says (B.2.2), and how many scans follow.
type jpegHeader struct {
	process                  byte // its marker
	precision, width, height int
	components               []jpegComponent
	scans                    int
}

type jpegComponent struct {
	id                   byte
	horizontal, vertical byte // sampling factors
}

// readJPEGHeader goes through all markers of a frame, before memory is taken for it.
func readJPEGHeader(data []byte) (*jpegHeader, error) {
	var h *jpegHeader
	segments := jpegSegments{data: data}
	for {
		marker, content, err := segments.next()
		switch {
		case err != nil:
			return nil, err
		case marker == markerEnd:
			if h == nil || h.scans == 0 {
				return nil, fmt.Errorf("%w: it has no scan", errJPEG)
			}
			return h, nil
		case marker == markerScan:
			if h == nil {
				return nil, fmt.Errorf("%w: a scan comes before the frame header", errJPEG)
			}
			if h.scans++; h.scans > maxScans {
				return nil, fmt.Errorf("%w: it has more than %d scans", errJPEG, maxScans)
			}
		case marker >= markerBaseline && marker <= 0xcf && marker != markerHuffman && marker != 0xc8 && marker != 0xcc:
			if h != nil {
				return nil, fmt.Errorf("%w: it has two frame headers", errJPEG)
			}
			if h, err = parseFrameHeader(marker, content); err != nil {
				return nil, err
			}
		}
	}
}

func parseFrameHeader(marker byte, content []byte) (*jpegHeader, error) {
	if len(content) < 6 || len(content) != 6+3*int(content[5]) {
		return nil, fmt.Errorf("%w: its frame header is too short", errJPEG)
	}
	h := &jpegHeader{process: marker, precision: int(content[0]), height: int(binary.BigEndian.Uint16(content[1:])),
		width: int(binary.BigEndian.Uint16(content[3:]))}
	for c := content[6:]; len(c) > 0; c = c[3:] {
		h.components = append(h.components, jpegComponent{c[0], c[1] >> 4, c[1] & 15})
	}
	return h, nil
}

// check holds a frame header to the attributes of the image.
func (h *jpegHeader) check(l *Layout) error {
	switch {
	case h.process > markerLossless:
		return fmt.Errorf("%w: JPEG process with marker %#x", ErrUnsupported, h.process)
	case h.process != markerLossless && h.precision != 8:
		return fmt.Errorf("%w: lossy JPEG with %d bits", ErrUnsupported, h.precision)
	case h.process == markerProgressive && h.width*h.height > maxProgressive:
		return fmt.Errorf("%w: progressive JPEG with %d x %d pixels", ErrUnsupported, h.width, h.height)
	case h.width != l.Columns || h.height != l.Rows || len(h.components) != l.Samples:
		return fmt.Errorf("%w: it has %d x %d pixels of %d samples, %d x %d of %d are due", errJPEG, h.width, h.height, len(h.components),
			l.Columns, l.Rows, l.Samples)
	case h.precision < 2 || h.precision > 16 || h.precision > l.Allocated:
		return fmt.Errorf("%w: it has %d bits, %d are allocated", errJPEG, h.precision, l.Allocated)
	}
	return nil
}

// jpegSegments reads marker segments (B.1.1.4).
type jpegSegments struct {
	data []byte
	at   int
}

// next finds the next marker and what belongs to it; entropy-coded data between segments is passed over. The end of the
// data counts as the end of the image.
func (s *jpegSegments) next() (marker byte, content []byte, err error) {
	if s.at == 0 {
		if len(s.data) < 2 || s.data[0] != 0xff || s.data[1] != markerStart {
			return 0, nil, fmt.Errorf("%w: it does not begin like one", errJPEG)
		}
		s.at = 2
	}
	for {
		i := bytes.IndexByte(s.data[s.at:], 0xff)
		if i < 0 || s.at+i+1 >= len(s.data) {
			return markerEnd, nil, nil
		}
		s.at += i + 1
		marker = s.data[s.at]
		if marker != 0 && marker != 0xff && (marker < markerRestart0 || marker >= markerStart) {
			break
		}
	}
	s.at++
	if marker == markerEnd || marker == markerStart || marker == 1 {
		return marker, nil, nil
	}
	if len(s.data) < s.at+2 {
		return 0, nil, fmt.Errorf("%w: it ends in a segment", errJPEG)
	}
	length := int(binary.BigEndian.Uint16(s.data[s.at:]))
	if length < 2 || len(s.data) < s.at+length {
		return 0, nil, fmt.Errorf("%w: it ends in a segment", errJPEG)
	}
	content = s.data[s.at+2 : s.at+length]
	s.at += length
	return marker, content, nil
}

// decodeDCT decodes with the standard library, which gives samples as they are in the frame (colors unconverted).
func decodeDCT(data []byte, l *Layout) ([]byte, error) {
	if blocks := (int64(l.Columns) + 7) / 8 * ((int64(l.Rows) + 7) / 8); int64(len(data))*8 < blocks { // of a bit or more
		return nil, fmt.Errorf("%w: %d bytes are too few for %d x %d pixels", errJPEG, len(data), l.Columns, l.Rows)
	}
	ended := io.MultiReader(bytes.NewReader(data), bytes.NewReader([]byte{0xff, markerEnd})) // there are writers who leave it out
	decoded, err := jpeg.Decode(ended)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errJPEG, err)
	}
	out := make([]byte, l.Rows*l.Columns*l.Samples*(l.Allocated/8))
	switch shown := decoded.(type) {
	case *image.Gray:
		step := l.Allocated / 8
		for y := range l.Rows {
			row := out[y*l.Columns*step:]
			for x, v := range shown.Pix[y*shown.Stride:][:l.Columns] {
				row[x*step] = v
			}
		}
	case *image.YCbCr:
		upsample(out, shown)
	case *image.RGBA: // a frame that says that it is in RGB
		for y := range l.Rows {
			row := shown.Pix[y*shown.Stride:]
			for x := range l.Columns {
				copy(out[3*(y*l.Columns+x):][:3], row[4*x:])
			}
		}
	default:
		return nil, fmt.Errorf("%w: JPEG with %d samples", ErrUnsupported, l.Samples)
	}
	return out, nil
}
