package pixels

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// Numbers says how the samples of frames are written for programs.
type Numbers uint8

// The kinds of numbers.
const (
	Bytes    Numbers = iota // one byte
	Unsigned                // 16 bits
	Signed                  // 16 bits, with a sign
	Floats                  // 32 bits, rescaled
)

// Size is the number of bytes of a sample.
func (n Numbers) Size() int { return [...]int{1, 2, 2, 4}[n] }

// Numbers is the kind that keeps all samples of a frame. That of a frame with numbers is Floats if it is to be rescaled.
func (f *Frame) Numbers(l *Layout, rescaled bool) Numbers {
	switch {
	case f.Gray == nil:
		return Bytes
	case rescaled:
		return Floats
	case l.Signed:
		return Signed
	case l.Allocated <= 8:
		return Bytes
	}
	return Unsigned
}

// Channels is how many samples a pixel has.
func (f *Frame) Channels() int {
	if f.Gray == nil {
		return 3
	}
	return 1
}

// AppendNumbers appends the samples of some lines, little endian, with interleaved colors.
func (f *Frame) AppendNumbers(out []byte, as Numbers, w Window, from, to int) []byte {
	if f.Gray == nil {
		return append(out, f.RGB[3*from*f.Width:3*to*f.Width]...)
	}
	values := f.Gray[from*f.Width : to*f.Width]
	at := len(out)
	out = slices.Grow(out, len(values)*as.Size())[:at+len(values)*as.Size()]
	rest := out[at:]
	switch as {
	case Bytes:
		for i, v := range values {
			rest[i] = byte(v) //nolint:gosec // 8 bits are allocated
		}
	case Unsigned, Signed:
		for i, v := range values {
			binary.LittleEndian.PutUint16(rest[2*i:], uint16(v)) //nolint:gosec // 16 bits are allocated
		}
	case Floats:
		slope, intercept := float32(w.Slope), float32(w.Intercept)
		for i, v := range values {
			binary.LittleEndian.PutUint32(rest[4*i:], math.Float32bits(float32(float32(v)*slope)+intercept))
		}
	}
	return out
}

// AppendText appends the samples of a line in decimal digits, with a space behind each.
func (f *Frame) AppendText(out []byte, line int) []byte {
	if f.Gray == nil {
		for _, v := range f.RGB[3*line*f.Width : 3*(line+1)*f.Width] {
			out = append(strconv.AppendUint(out, uint64(v), 10), ' ')
		}
		return out
	}
	for _, v := range f.Gray[line*f.Width : (line+1)*f.Width] {
		out = append(strconv.AppendInt(out, int64(v), 10), ' ')
	}
	return out
}
