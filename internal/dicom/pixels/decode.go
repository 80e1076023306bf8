// Package pixels turns the pixel data of one frame into numbers and pictures (PS3.3 C.7.6.3, PS3.5 8): uncompressed, RLE and
// JPEG (8 bits or lossless), MONOCHROME1, MONOCHROME2, RGB and PALETTE COLOR, compressed ones also YBR_FULL and YBR_FULL_422.
// It knows no files; the caller has the bytes of the frame.
package pixels

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrUnsupported means that pixel data is of a kind that is not decoded.
var ErrUnsupported = errors.New("pixels: this kind of pixel data is not decoded")

// MaxPixels is how many pixels a frame may have. A decoded one takes four bytes for each.
const MaxPixels = 1 << 25

// Layout says how the samples of a frame lie in its bytes.
type Layout struct {
	Rows, Columns, Samples    int
	Allocated, Stored, High   int // bits of a sample; High is the number of the highest one
	Signed, Planar, BigEndian bool
	Photometric               string
	Palette                   *Palette // of PALETTE COLOR
}

// Palette maps values to red, green and blue (PS3.3 C.7.6.3.1.5).
type Palette struct {
	First  int       // the value that the first entry is for
	Colors [3][]byte // the highest eight bits of each entry
}

// Size is the number of bytes of an uncompressed frame.
func (l *Layout) Size() int64 {
	return (int64(l.Rows)*int64(l.Columns)*int64(l.Samples)*int64(l.Allocated) + 7) / 8
}

// Check says whether frames with this layout are decoded, before memory is taken for one; it wraps ErrUnsupported.
func (l *Layout) Check() error {
	depth := l.Allocated == 8 || l.Allocated == 16 || l.Allocated == 1 && l.Stored == 1
	ok := l.Rows > 0 && l.Columns > 0 && l.Rows*l.Columns <= MaxPixels && depth && l.Stored > 0 && l.Stored <= l.Allocated &&
		l.High < l.Allocated && l.High >= l.Stored-1
	switch l.Photometric {
	case "MONOCHROME1", "MONOCHROME2":
		ok = ok && l.Samples == 1
	case "RGB":
		ok = ok && l.Samples == 3 && l.Allocated == 8
	case "PALETTE COLOR":
		ok = ok && l.Samples == 1 && l.Allocated >= 8 && l.Palette != nil
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("%w: %d x %d, %d x %d bits, %s", ErrUnsupported, l.Columns, l.Rows, l.Samples, l.Allocated, l.Photometric)
	}
	return nil
}

// Unpacked is the layout that frames with this one have after decompression: little endian, with interleaved samples, in RGB
// if they were in YBR. Its error is that of Check.
func (l *Layout) Unpacked() (*Layout, error) {
	plain := *l
	plain.Planar, plain.BigEndian = false, false
	if l.isYBR() {
		plain.Photometric = "RGB"
	}
	return &plain, plain.Check()
}

func (l *Layout) isYBR() bool {
	return l.Samples == 3 && (l.Photometric == "YBR_FULL" || l.Photometric == "YBR_FULL_422")
}

// Frame is a decoded frame: numbers in Gray, or colors in RGB.
type Frame struct {
	Width, Height int
	Gray          []int32 // nil of one in color
	RGB           []byte  // three for each pixel
	Inverted      bool    // the lowest number is white (MONOCHROME1)
}

// Decode reads an uncompressed frame.
func Decode(data []byte, l *Layout) (*Frame, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if int64(len(data)) < l.Size() {
		return nil, fmt.Errorf("pixels: the frame has %d bytes, %d are due", len(data), l.Size())
	}
	f := &Frame{Width: l.Columns, Height: l.Rows, Inverted: l.Photometric == "MONOCHROME1"}
	if l.Photometric == "RGB" {
		f.RGB = interleaved(data, l)
		return f, nil
	}
	f.Gray = numbers(data, l)
	if l.Photometric == "PALETTE COLOR" {
		f.RGB, f.Gray = l.Palette.apply(f.Gray), nil
	}
	return f, nil
}

func interleaved(data []byte, l *Layout) []byte {
	pixels := l.Rows * l.Columns
	if !l.Planar {
		return data[:3*pixels]
	}
	rgb := make([]byte, 3*pixels)
	for sample := range 3 {
		for i, v := range data[sample*pixels : (sample+1)*pixels] {
			rgb[3*i+sample] = v
		}
	}
	return rgb
}

// numbers reads the stored bits of each sample (PS3.5 8.1.1).
func numbers(data []byte, l *Layout) []int32 {
	out := make([]int32, l.Rows*l.Columns)
	shift, mask, sign := l.High+1-l.Stored, int32(1)<<l.Stored-1, int32(0)
	if l.Signed {
		sign = 1 << (l.Stored - 1)
	}
	stored := func(v int32) int32 {
		v = v >> shift & mask
		return v&^sign - v&sign
	}
	switch {
	case l.Allocated == 1:
		for i := range out {
			out[i] = int32(data[i/8]>>(i%8)&1) * 255
		}
	case l.Allocated == 8:
		for i, v := range data[:len(out)] {
			out[i] = stored(int32(v))
		}
	case l.BigEndian:
		for i := range out {
			out[i] = stored(int32(binary.BigEndian.Uint16(data[2*i:])))
		}
	default:
		for i := range out {
			out[i] = stored(int32(binary.LittleEndian.Uint16(data[2*i:])))
		}
	}
	return out
}

// apply looks values up; those outside the palette get its first or last color.
func (p *Palette) apply(values []int32) []byte {
	rgb := make([]byte, 3*len(values))
	for i, v := range values {
		for sample, colors := range p.Colors {
			if n := len(colors); n > 0 {
				rgb[3*i+sample] = colors[max(0, min(int(v)-p.First, n-1))]
			}
		}
	}
	return rgb
}
