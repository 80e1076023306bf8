package rest

import (
	"encoding/binary"
	"io"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/pixels"
)

// picture is what has to be known of an image to show its frames.
type picture struct {
	layout pixels.Layout
	window pixels.Window
	frames int
}

// pictureTags are the elements that are read before the pixel data: all of the group 0028 that count.
const (
	tagSamples           dicom.Tag = 0x00280002
	tagPhotometric       dicom.Tag = 0x00280004
	tagPlanar            dicom.Tag = 0x00280006
	tagRows              dicom.Tag = 0x00280010
	tagColumns           dicom.Tag = 0x00280011
	tagBitsAllocated     dicom.Tag = 0x00280100
	tagBitsStored        dicom.Tag = 0x00280101
	tagHighBit           dicom.Tag = 0x00280102
	tagSigned            dicom.Tag = 0x00280103
	tagWindowCenter      dicom.Tag = 0x00281050
	tagWindowWidth       dicom.Tag = 0x00281051
	tagIntercept         dicom.Tag = 0x00281052
	tagSlope             dicom.Tag = 0x00281053
	tagPaletteDescriptor dicom.Tag = 0x00281101 // of red; green and blue follow
	tagPaletteData       dicom.Tag = 0x00281201
)

// readPicture reads a data set up to its pixel data and stands there. With io.EOF there is none.
func readPicture(file *codec.File) (*picture, codec.Header, error) {
	p := &picture{frames: 1, layout: pixels.Layout{Samples: 1, BigEndian: file.TransferSyntax.BigEndian},
		window: pixels.Window{Slope: 1}}
	var palette pixels.Palette
	depth := 0
	for {
		h, err := file.Next()
		if err != nil {
			return nil, h, err
		}
		switch h.Kind {
		case codec.KindSequence:
			depth++
			continue
		case codec.KindSequenceEnd:
			depth--
			continue
		}
		switch {
		case depth > 0 || h.Kind != codec.KindElement && h.Kind != codec.KindFragments:
			continue
		case h.Tag == dicom.TagPixelData:
			p.defaultWindow()
			if palette.Colors[0] != nil {
				p.layout.Palette = &palette
			}
			return p, h, nil
		case h.Tag > dicom.TagPixelData:
			return nil, h, io.EOF
		case h.Tag.Group() != 0x0028 || h.Kind != codec.KindElement || h.Length > 1<<18:
			continue
		}
		value, err := file.Value()
		if err != nil {
			return nil, h, err
		}
		p.note(h.Tag, value, &palette)
	}
}

// defaultWindow is that of an image which names none: as wide as its stored bits allow (as Orthanc).
func (p *picture) defaultWindow() {
	if p.window.Width <= 0 {
		p.window.Width = float64(uint64(1) << min(max(p.layout.Stored, 1), 32))
		p.window.Center = p.window.Width / 2
	}
}

func (p *picture) note(tag dicom.Tag, value []byte, palette *pixels.Palette) {
	number := func(i int) int {
		switch {
		case len(value) < 2*i+2:
			return 0
		case p.layout.BigEndian:
			return int(binary.BigEndian.Uint16(value[2*i:]))
		}
		return int(binary.LittleEndian.Uint16(value[2*i:]))
	}
	l := &p.layout
	text, _, _ := strings.Cut(strings.Trim(string(value), " \x00"), `\`)
	decimal := func(to *float64) {
		if v, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
			*to = v
		}
	}
	switch tag {
	case tagSamples:
		l.Samples = number(0)
	case tagPhotometric:
		l.Photometric = text
	case tagPlanar:
		l.Planar = number(0) == 1
	case tagNumberOfFrames:
		if n, err := strconv.ParseUint(text, 10, 31); err == nil && n > 0 {
			p.frames = int(n) //nolint:gosec // 31 bits
		}
	case tagRows:
		l.Rows = number(0)
	case tagColumns:
		l.Columns = number(0)
	case tagBitsAllocated:
		l.Allocated = number(0)
	case tagBitsStored:
		l.Stored = number(0)
	case tagHighBit:
		l.High = number(0)
	case tagSigned:
		l.Signed = number(0) == 1
	case tagWindowCenter:
		decimal(&p.window.Center)
	case tagWindowWidth:
		decimal(&p.window.Width)
	case tagIntercept:
		decimal(&p.window.Intercept)
	case tagSlope:
		decimal(&p.window.Slope)
	case tagPaletteDescriptor:
		palette.First = int(int16(number(1))) //nolint:gosec // PS3.3 C.7.6.3.1.5: signed where the pixels are
		if !l.Signed {
			palette.First = number(1)
		}
	case tagPaletteData, tagPaletteData + 1, tagPaletteData + 2:
		colors := make([]byte, len(value)/2)
		for i := range colors {
			colors[i] = byte(number(i) >> 8) //nolint:gosec // 16 bits
		}
		palette.Colors[tag-tagPaletteData] = colors
	}
}
