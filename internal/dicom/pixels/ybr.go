package pixels

import (
	"image"
	"image/color"
)

// toRGB converts interleaved YBR_FULL samples (PS3.3 C.7.6.3.1.2) to RGB.
func toRGB(samples []byte) {
	for i := 0; i+3 <= len(samples); i += 3 {
		samples[i], samples[i+1], samples[i+2] = color.YCbCrToRGB(samples[i], samples[i+1], samples[i+2])
	}
}

// upsample interleaves the planes of a picture. Chrominance of half the width is interpolated: three quarters of the nearer
// sample and one of the other, as decoders commonly do; that of half the height alone is taken as it is.
func upsample(out []byte, p *image.YCbCr) {
	width, height := p.Rect.Dx(), p.Rect.Dy()
	for y := range height {
		row := out[3*y*width:][:3*width]
		for x, v := range p.Y[y*p.YStride:][:width] {
			row[3*x] = v
		}
		for sample, plane := range [2][]byte{p.Cb, p.Cr} {
			switch p.SubsampleRatio {
			case image.YCbCrSubsampleRatio422:
				line := plane[y*p.CStride:][:(width+1)/2]
				widen(row[1+sample:], width, func(i int) int { return 4 * int(line[i]) })
			case image.YCbCrSubsampleRatio420:
				near, far := plane[y/2*p.CStride:], plane[max(0, min(y/2+2*(y%2)-1, (height+1)/2-1))*p.CStride:]
				widen(row[1+sample:], width, func(i int) int { return 3*int(near[i]) + int(far[i]) })
			default:
				for x := range width {
					row[3*x+1+sample] = plane[p.COffset(x, y)]
				}
			}
		}
	}
}

// widen writes a line of twice the samples into every third byte; line gives four times a sample.
func widen(out []byte, width int, line func(int) int) {
	last := (width - 1) / 2
	here := line(0)
	before := here
	for i := range last + 1 {
		after := line(min(i+1, last))
		out[6*i] = byte((3*here + before + 8) >> 4) //nolint:gosec // a mean of bytes
		if 2*i+1 < width {
			out[6*i+3] = byte((3*here + after + 7) >> 4) //nolint:gosec // a mean of bytes
		}
		before, here = here, after
	}
}
