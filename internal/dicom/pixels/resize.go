package pixels

import (
	"fmt"
	"image"
	"math"
)

// Fit returns a picture in 8 bits that fits into a box, as much smaller or larger as its sides allow; 0 is no limit. Smooth
// blurs before it makes smaller. Each pixel is that which lies at its center, as in Orthanc. The error is that the picture
// would be larger than MaxPixels.
func Fit(shown image.Image, width, height int, smooth bool) (image.Image, error) {
	size := shown.Bounds().Size()
	ratio := float32(math.Inf(1))
	if width > 0 {
		ratio = float32(width) / float32(size.X)
	}
	if height > 0 {
		ratio = min(ratio, float32(height)/float32(size.Y))
	}
	if math.IsInf(float64(ratio), 1) {
		return shown, nil
	}
	side := func(n int) int { return max(1, int(math.Round(float64(ratio*float32(n))))) }
	w, h := side(size.X), side(size.Y)
	if w == size.X && h == size.Y {
		return shown, nil
	}
	if w > MaxPixels || h > MaxPixels || w*h > MaxPixels {
		return nil, fmt.Errorf("pixels: a picture of %d x %d pixels is larger than %d", w, h, MaxPixels)
	}
	smooth = smooth && (w < size.X || h < size.Y)
	switch shown := shown.(type) {
	case *image.Gray:
		out := image.NewGray(image.Rect(0, 0, w, h))
		resize(out.Pix, w, h, shown.Pix, size, 1, smooth)
		return out, nil
	case *image.NRGBA:
		out := image.NewNRGBA(image.Rect(0, 0, w, h))
		resize(out.Pix, w, h, shown.Pix, size, 4, smooth)
		return out, nil
	}
	return nil, fmt.Errorf("%w: resizing of %T", ErrUnsupported, shown)
}

// resize takes the nearest of pixels that have some bytes each.
func resize(out []byte, width, height int, in []byte, size image.Point, bytes int, smooth bool) {
	if smooth {
		in = blurred(in, size.X, size.Y, bytes)
	}
	columns := nearest(width, size.X)
	for y, row := range nearest(height, size.Y) {
		from, to := in[row*size.X*bytes:], out[y*width*bytes:]
		if bytes == 1 {
			for x, column := range columns {
				to[x] = from[column]
			}
			continue
		}
		for x, column := range columns {
			copy(to[x*bytes:(x+1)*bytes], from[column*bytes:])
		}
	}
}

// nearest finds what lies at the centers of n parts of a length.
func nearest(n, length int) []int {
	at := make([]int, n)
	scale := float32(length) / float32(n)
	for i := range at {
		at[i] = min(int((float32(i)+0.5)*scale), length-1)
	}
	return at
}

// blurred is a picture after a Gaussian filter of 5 x 5: 1, 4, 6, 4, 1 in both directions. Beyond its edges it is as there.
func blurred(in []byte, width, height, bytes int) []byte {
	lines := make([]uint16, len(in))
	for y := range height {
		filter(lines[y*width*bytes:], in[y*width*bytes:], width, bytes)
	}
	out := make([]byte, len(in))
	row := func(y int) []uint16 {
		y = max(0, min(y, height-1))
		return lines[y*width*bytes:][:width*bytes]
	}
	for y := range height {
		a, b, c, d, e := row(y-2), row(y-1), row(y), row(y+1), row(y+2)
		for i, v := range c {
			sum := uint32(a[i]) + 4*uint32(b[i]) + 6*uint32(v) + 4*uint32(d[i]) + uint32(e[i])
			out[y*width*bytes+i] = byte(sum >> 8) //nolint:gosec // a mean of bytes
		}
	}
	return out
}

// filter is the horizontal half of blurred; its results are sixteen times as large.
func filter(out []uint16, in []byte, width, bytes int) {
	for x := range width {
		before2, before := max(x-2, 0)*bytes, max(x-1, 0)*bytes
		after, after2 := min(x+1, width-1)*bytes, min(x+2, width-1)*bytes
		for i := range bytes {
			out[x*bytes+i] = uint16(in[before2+i]) + 4*uint16(in[before+i]) + 6*uint16(in[x*bytes+i]) +
				4*uint16(in[after+i]) + uint16(in[after2+i])
		}
	}
}
