package pixels

import (
	"image"
	"math"
	"slices"
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
	low, high := slices.Min(f.Gray), slices.Max(f.Gray)
	scale := float32(0)
	if high > low {
		scale = 255 / (float32(high) - float32(low))
	}
	return f.gray8(func(v int32) float32 { return float32(v-low)*scale + 0.5 }, f.Inverted)
}

// Render shows numbers through a window; colors as they are.
func (f *Frame) Render(w Window) image.Image {
	if f.Gray == nil {
		return f.color()
	}
	low := float32(w.Center - w.Width/2)
	scale, slope, intercept := float32(255/w.Width), float32(w.Slope), float32(w.Intercept)
	return f.gray8(func(v int32) float32 { return (float32(v)*slope + intercept - low) * scale }, f.Inverted)
}

// Clamped8 shows numbers from 0 to 255 as they are, others as the nearest of them; nil of a frame in color.
func (f *Frame) Clamped8() image.Image {
	if f.Gray == nil {
		return nil
	}
	return f.gray8(func(v int32) float32 { return float32(v) }, false)
}

func (f *Frame) gray8(level func(int32) float32, inverted bool) image.Image {
	out := image.NewGray(image.Rect(0, 0, f.Width, f.Height))
	for i, v := range f.Gray {
		gray := uint8(max(0, min(float64(level(v)), 255)))
		if inverted {
			gray = 255 - gray
		}
		out.Pix[i] = gray
	}
	return out
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
