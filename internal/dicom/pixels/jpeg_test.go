package pixels_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"gantry/internal/dicom/pixels"
)

// shade is what a picture of the tests shows at a place.
func shade(x, y int) color.RGBA { return color.RGBA{byte(3 * x), byte(2 * y), byte(x + y), 255} }

// baseline encodes a picture with the standard library: in gray, or in YCbCr with half the chrominance in both directions.
func baseline(t testing.TB, rows, columns int, inColor bool) []byte {
	t.Helper()
	var shown image.Image
	gray, rgba := image.NewGray(image.Rect(0, 0, columns, rows)), image.NewRGBA(image.Rect(0, 0, columns, rows))
	for y := range rows {
		for x := range columns {
			gray.SetGray(x, y, color.Gray{shade(x, y).R})
			rgba.SetRGBA(x, y, shade(x, y))
		}
	}
	if shown = gray; inColor {
		shown = rgba
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shown, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func colorLayout(rows, columns int, photometric string) *pixels.Layout {
	return &pixels.Layout{Rows: rows, Columns: columns, Samples: 3, Allocated: 8, Stored: 8, High: 7, Photometric: photometric}
}

func TestBaselineJPEG(t *testing.T) {
	t.Parallel()
	const rows, columns, tolerance = 37, 51, 4
	near := func(a, b byte) bool { return max(a, b)-min(a, b) <= tolerance }
	plain, layout, err := pixels.UnpackJPEG(baseline(t, rows, columns, false), gray(rows, columns, 8, 8, nil))
	if err != nil || len(plain) != rows*columns || layout.Photometric != "MONOCHROME2" {
		t.Fatalf("gray: %d bytes, %+v, %v", len(plain), layout, err)
	}
	wide, _, err := pixels.UnpackJPEG(baseline(t, rows, columns, false), gray(rows, columns, 16, 8, nil))
	if err != nil || len(wide) != 2*rows*columns {
		t.Fatalf("gray in 16 bits: %d bytes, %v", len(wide), err)
	}
	colored, layout, err := pixels.UnpackJPEG(baseline(t, rows, columns, true), colorLayout(rows, columns, "YBR_FULL_422"))
	if err != nil || len(colored) != 3*rows*columns || layout.Photometric != "RGB" {
		t.Fatalf("colors: %d bytes, %+v, %v", len(colored), layout, err)
	}
	for i := range rows * columns {
		want := shade(i%columns, i/columns)
		if !near(plain[i], want.R) || wide[2*i] != plain[i] || wide[2*i+1] != 0 {
			t.Fatalf("gray at %d: %d and %d, want %d", i, plain[i], wide[2*i], want.R)
		}
		if !near(colored[3*i], want.R) || !near(colored[3*i+1], want.G) || !near(colored[3*i+2], want.B) {
			t.Fatalf("color at %d: %v, want %v", i, colored[3*i:3*i+3], want)
		}
	}
	unconverted, _, err := pixels.UnpackJPEG(baseline(t, rows, columns, true), colorLayout(rows, columns, "RGB"))
	if err != nil {
		t.Fatal(err)
	}
	want := shade(columns-1, rows-1)
	if y, _, _ := color.RGBToYCbCr(want.R, want.G, want.B); !near(unconverted[len(unconverted)-3], y) {
		t.Errorf("what the layout calls RGB was converted: %v, want %v as it is in the frame", unconverted[len(unconverted)-3:], y)
	}
}

// What does not fit the attributes, or is of another kind, is refused before it is decoded.
func TestJPEGRefusals(t *testing.T) {
	t.Parallel()
	whole := baseline(t, 16, 16, false)
	header := bytes.Index(whole, []byte{0xff, 0xc0})
	changed := func(at int, b ...byte) []byte {
		out := bytes.Clone(whole)
		copy(out[header+at:], b)
		return out
	}
	scan := whole[bytes.Index(whole, []byte{0xff, 0xda}):]
	for name, x := range map[string]struct {
		data        []byte
		layout      *pixels.Layout
		unsupported bool
	}{
		"nothing":                   {nil, gray(16, 16, 8, 8, nil), false},
		"something else":            {[]byte("something else"), gray(16, 16, 8, 8, nil), false},
		"another height":            {whole, gray(17, 16, 8, 8, nil), false},
		"a height of 65535":         {changed(5, 0xff, 0xff), gray(16, 16, 8, 8, nil), false},
		"samples in color":          {whole, colorLayout(16, 16, "RGB"), false},
		"12 bits":                   {changed(1, 0xc1, 0, 11, 12), gray(16, 16, 16, 12, nil), true},
		"arithmetic coding":         {changed(1, 0xc9), gray(16, 16, 8, 8, nil), true},
		"a layout that is not read": {whole, gray(16, 16, 32, 32, nil), true},
		"no scan":                   {whole[:len(whole)-len(scan)], gray(16, 16, 8, 8, nil), false},
		"half of it":                {whole[:len(whole)-len(scan)/2], gray(16, 16, 8, 8, nil), false},
		"very many scans":           {append(bytes.Clone(whole[:len(whole)-2]), bytes.Repeat(scan[:len(scan)-2], 70)...), gray(16, 16, 8, 8, nil), false},
	} {
		if _, _, err := pixels.UnpackJPEG(x.data, x.layout); err == nil || errors.Is(err, pixels.ErrUnsupported) != x.unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkPreview(b *testing.B) {
	l := gray(512, 512, 16, 12, func(l *pixels.Layout) { l.Signed = true })
	data := make([]byte, l.Size())
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	b.SetBytes(l.Size())
	for b.Loop() {
		f, err := pixels.Decode(data, l)
		if err != nil {
			b.Fatal(err)
		}
		f.Preview()
	}
}
