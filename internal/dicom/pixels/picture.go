package pixels

import (
	"image"
	"math"
)

// Window maps numbers to gray levels (PS3.3 C.11.2): those within it from black to white.
type Window struct {
	Center, Width    float64
	Slope, Intercept float64 // of the rescaling before
}

// Preview shows the lowest number black and the highest white; colors as they are.
func (f *Frame) Preview() image.Image {
	if f.Gray == nil {
		return f.color()
	}
	low, high := f.extremes()
	scale := float32(0)
	if high > low {
		scale = 255 / float32(int64(high)-int64(low))
	}
	return f.gray8(scale, -float32(low)*scale, 0.5, f.Inverted)
}

// Render shows numbers through a window; colors as they are.
func (f *Frame) Render(w Window) image.Image {
	if f.Gray == nil {
		return f.color()
	}
	center, width, slope, intercept := float32(w.Center), float32(w.Width), float32(w.Slope), float32(w.Intercept)
	scale, shift := 255*slope/width, float32(0)
	if slope == 0 {
		shift = (intercept - center + width/2) * 255 / width
	} else {
		shift = (intercept - center + width/2) / slope * scale // in the order in which Orthanc rounds
	}
	return f.gray8(scale, shift, 0, f.Inverted)
}

// Clamped8 shows numbers from 0 to 255 as they are, others as the nearest of them; nil of a frame in color.
func (f *Frame) Clamped8() image.Image {
	if f.Gray == nil {
		return nil
	}
	return f.gray8(1, 0, 0, false)
}

// gray8 shows numbers as the gray level that is so many times as high and shifted. What round adds is cut off with the
// decimals.
func (f *Frame) gray8(scale, shift float32, round float64, inverted bool) image.Image {
	flip := byte(0)
	if inverted {
		flip = 255
	}
	level := func(v int32) byte {
		level := float64(float32(scale*float32(v))+shift) + round
		switch {
		case level >= 255:
			return 255 ^ flip
		case level > 0:
			return byte(level) ^ flip
		}
		return flip // also of no number
	}
	out := image.NewGray(image.Rect(0, 0, f.Width, f.Height))
	pix := out.Pix[:len(f.Gray)]
	low, high := f.extremes()
	if int(high)-int(low) > len(pix)/2 {
		for i, v := range f.Gray {
			pix[i] = level(v)
		}
		return out
	}
	levels := make([]byte, int(high)-int(low)+1)
	for i := range levels {
		levels[i] = level(low + int32(i)) //nolint:gosec // within the range of int32
	}
	for i, v := range f.Gray {
		pix[i] = levels[v-low]
	}
	return out
}

// extremes are the lowest and the highest number.
func (f *Frame) extremes() (low, high int32) {
	low, high = f.Gray[0], f.Gray[0]
	for _, v := range f.Gray {
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// Clamped16 shows numbers as they are, signed ones in two's complement, those out of the range as the nearest within;
// nil of a frame in color.
func (f *Frame) Clamped16(signed bool) image.Image {
	if f.Gray == nil {
		return nil
	}
	low, high := int32(0), int32(math.MaxUint16)
	if signed {
		low, high = math.MinInt16, math.MaxInt16
	}
	out := image.NewGray16(image.Rect(0, 0, f.Width, f.Height))
	for i, v := range f.Gray {
		v = max(low, min(v, high))
		out.Pix[2*i], out.Pix[2*i+1] = byte(v>>8), byte(v) //nolint:gosec // two's complement
	}
	return out
}

func (f *Frame) color() image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i := range f.Width * f.Height {
		copy(out.Pix[4*i:4*i+3], f.RGB[3*i:])
		out.Pix[4*i+3] = 255
	}
	return out
}
