package pixels_test

import (
	"bytes"
	"errors"
	"image"
	"slices"
	"testing"

	"gantry/internal/dicom/pixels"
)

func gray(rows, columns, allocated, stored int, more func(*pixels.Layout)) *pixels.Layout {
	l := &pixels.Layout{Rows: rows, Columns: columns, Samples: 1, Allocated: allocated, Stored: stored, High: stored - 1, Photometric: "MONOCHROME2"}
	if more != nil {
		more(l)
	}
	return l
}

func TestDecodeNumbers(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name   string
		data   []byte
		layout *pixels.Layout
		want   []int32
	}{
		{"8 bits", []byte{0, 127, 255}, gray(1, 3, 8, 8, nil), []int32{0, 127, 255}},
		{"8 bits, signed", []byte{0, 127, 255}, gray(1, 3, 8, 8, func(l *pixels.Layout) { l.Signed = true }), []int32{0, 127, -1}},
		{"16 bits", []byte{1, 2, 255, 255}, gray(1, 2, 16, 16, nil), []int32{513, 65535}},
		{"16 bits, signed", []byte{1, 2, 255, 255}, gray(1, 2, 16, 16, func(l *pixels.Layout) { l.Signed = true }), []int32{513, -1}},
		{"big endian", []byte{1, 2}, gray(1, 1, 16, 16, func(l *pixels.Layout) { l.BigEndian = true }), []int32{258}},
		{"12 bits, signed, what is above counts for nothing", []byte{0xff, 0xff, 0xff, 0xf7}, gray(1, 2, 16, 12, func(l *pixels.Layout) { l.Signed = true }), []int32{-1, 2047}},
		{"12 bits at the top", []byte{0x10, 0x00}, gray(1, 1, 16, 12, func(l *pixels.Layout) { l.High = 15 }), []int32{1}},
		{"1 bit", []byte{0b101}, gray(1, 3, 1, 1, nil), []int32{255, 0, 255}},
	} {
		f, err := pixels.Decode(x.data, x.layout)
		if err != nil || !slices.Equal(f.Gray, x.want) {
			t.Errorf("%s: %v, %v", x.name, f, err)
		}
	}
}

func TestDecodeColors(t *testing.T) {
	t.Parallel()
	rgb := &pixels.Layout{Rows: 1, Columns: 2, Samples: 3, Allocated: 8, Stored: 8, High: 7, Photometric: "RGB"}
	planar := *rgb
	planar.Planar = true
	palette := gray(1, 4, 8, 8, func(l *pixels.Layout) {
		l.Photometric = "PALETTE COLOR"
		l.Palette = &pixels.Palette{First: 1, Colors: [3][]byte{{1, 2}, {3, 4}, {5, 6}}}
	})
	for _, x := range []struct {
		data   []byte
		layout *pixels.Layout
		want   []byte
	}{
		{[]byte{1, 2, 3, 4, 5, 6}, rgb, []byte{1, 2, 3, 4, 5, 6}},
		{[]byte{1, 4, 2, 5, 3, 6}, &planar, []byte{1, 2, 3, 4, 5, 6}},
		{[]byte{0, 1, 2, 200}, palette, []byte{1, 3, 5, 1, 3, 5, 2, 4, 6, 2, 4, 6}},
	} {
		f, err := pixels.Decode(x.data, x.layout)
		if err != nil || !bytes.Equal(f.RGB, x.want) {
			t.Errorf("%v: %v, %v", x.data, f, err)
		}
	}
}

// What is not decoded, or too large, is refused by its layout alone; frames that are too short are errors.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, l := range []*pixels.Layout{
		{}, gray(0, 1, 8, 8, nil), gray(1<<16, 1<<16, 16, 16, nil), gray(1, 1, 32, 32, nil), gray(1, 1, 8, 9, nil), gray(1, 1, 16, 0, nil),
		gray(1, 1, 8, 8, func(l *pixels.Layout) { l.High = 8 }), gray(1, 1, 8, 8, func(l *pixels.Layout) { l.High = 3 }),
		gray(1, 1, 8, 8, func(l *pixels.Layout) { l.Photometric = "YBR_FULL" }), gray(1, 1, 8, 8, func(l *pixels.Layout) { l.Samples = 3 }),
		gray(1, 1, 8, 8, func(l *pixels.Layout) { l.Photometric = "PALETTE COLOR" }), gray(1, 1, 8, 8, func(l *pixels.Layout) { l.Photometric = "RGB" }),
	} {
		if _, err := pixels.Decode(make([]byte, 64), l); !errors.Is(err, pixels.ErrUnsupported) {
			t.Errorf("%+v: %v", l, err)
		}
	}
	if _, err := pixels.Decode(make([]byte, 3), gray(2, 2, 8, 8, nil)); err == nil {
		t.Error("a short frame was decoded")
	}
}

// rle makes an RLE frame of segments (PS3.5 G.5).
func rle(segments ...[]byte) []byte {
	out := make([]byte, 64)
	out[0] = byte(len(segments))
	for i, s := range segments {
		out[4+4*i], out[5+4*i] = byte(len(out)), byte(len(out)>>8)
		out = append(out, s...)
	}
	return out
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	eight, sixteen := gray(1, 6, 8, 8, nil), gray(1, 2, 16, 16, nil)
	got, layout, err := pixels.UnpackRLE(rle([]byte{1, 7, 8, 0x80, 0xfe, 9, 0, 5}), eight)
	if err != nil || !bytes.Equal(got, []byte{7, 8, 9, 9, 9, 5}) || layout.Size() != 6 {
		t.Errorf("8 bits: %v %v", got, err)
	}
	if got, _, err = pixels.UnpackRLE(rle([]byte{1, 1, 2}, []byte{0xff, 3}), sixteen); err != nil || !bytes.Equal(got, []byte{3, 1, 3, 2}) {
		t.Errorf("16 bits: %v %v", got, err)
	}
	for name, data := range map[string][]byte{
		"nothing": nil, "a header alone": rle([]byte{}), "too few": rle([]byte{1, 7, 8}), "a literal that stops": rle([]byte{5, 7}),
		"a run that stops": rle([]byte{0xff}), "another number of segments": rle([]byte{5, 1, 2, 3, 4, 5, 6}, []byte{0}),
		"offsets into the header": append([]byte{1, 0, 0, 0, 8}, make([]byte, 100)...), "offsets beyond the end": append([]byte{1, 0, 0, 0, 255, 255, 255}, make([]byte, 100)...),
	} {
		if _, _, err := pixels.UnpackRLE(data, eight); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPictures(t *testing.T) {
	t.Parallel()
	f, err := pixels.Decode([]byte{0, 0, 100, 0, 0xff, 0xff, 0xe8, 0x03}, gray(2, 2, 16, 16, func(l *pixels.Layout) { l.Signed = true }))
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		shown image.Image
		want  []byte
	}{
		"preview":      {f.Preview(), []byte{0, 26, 0, 255}},
		"8 bits":       {f.Clamped8(), []byte{0, 100, 0, 255}},
		"16 bits":      {f.Clamped16(false), []byte{0, 0, 0, 100, 0, 0, 3, 232}},
		"signed":       {f.Clamped16(true), []byte{0, 0, 0, 100, 255, 255, 3, 232}},
		"rendered":     {f.Render(pixels.Window{Center: 50, Width: 100, Slope: 1}), []byte{0, 255, 0, 255}},
		"rendered, x2": {f.Render(pixels.Window{Center: 100, Width: 200, Slope: 2, Intercept: -100}), []byte{0, 127, 0, 255}},
		"smaller":      {fit(t, f.Clamped8(), 1, 0, false), []byte{255}},
		"smooth":       {fit(t, f.Clamped8(), 1, 0, true), []byte{142}},
		"larger":       {fit(t, f.Clamped8(), 0, 4, true), []byte{0, 0, 100, 100, 0, 0, 100, 100, 0, 0, 255, 255, 0, 0, 255, 255}},
		"of its size":  {fit(t, f.Clamped8(), 2, 7, true), []byte{0, 100, 0, 255}},
	} {
		var got []byte
		switch i := x.shown.(type) {
		case *image.Gray:
			got = i.Pix
		case *image.Gray16:
			got = i.Pix
		}
		if !bytes.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
	f.Inverted = true
	if shown := f.Preview().(*image.Gray); shown.Pix[3] != 0 || shown.Pix[0] != 255 {
		t.Errorf("inverted: %v", shown.Pix)
	}
	color := &pixels.Frame{Width: 1, Height: 1, RGB: []byte{1, 2, 3}}
	if color.Clamped8() != nil || color.Clamped16(true) != nil || fit(t, color.Preview(), 2, 2, false).Bounds().Dx() != 2 {
		t.Error("colors were taken for numbers")
	}
}

func fit(t *testing.T, shown image.Image, width, height int, smooth bool) image.Image {
	t.Helper()
	fitting, err := pixels.Fit(shown, width, height, smooth)
	if err != nil {
		t.Fatal(err)
	}
	return fitting
}

func TestFitRefusesWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	if _, err := pixels.Fit(image.NewGray(image.Rect(0, 0, 2, 2)), 1<<24, 0, false); err == nil {
		t.Error("a picture of 2^48 pixels was made")
	}
}

func FuzzUnpackRLE(f *testing.F) {
	f.Add(rle([]byte{1, 7, 8, 0x80, 0xfe, 9, 0, 5}), uint8(1), uint8(8))
	f.Fuzz(func(t *testing.T, data []byte, samples, allocated uint8) {
		l := &pixels.Layout{Rows: 3, Columns: 5, Samples: int(samples), Allocated: int(allocated), Stored: int(allocated), High: int(allocated) - 1, Photometric: "RGB"}
		if samples == 1 {
			l.Photometric = "MONOCHROME1"
		}
		if plain, layout, err := pixels.UnpackRLE(data, l); err == nil {
			if _, err := pixels.Decode(plain, layout); err != nil {
				t.Error(err)
			}
		}
	})
}
