package codec_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	grailbio "github.com/grailbio/go-dicom"
	"github.com/grailbio/go-dicom/dicomtag"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// secondOpinionLimit keeps grailbio/go-dicom, which takes what memory a file asks for, from large files.
const secondOpinionLimit = 512 << 10

// grailbioDiffers are the samples that grailbio/go-dicom reads in another way than we and DCMTK do, with the reason.
var grailbioDiffers = map[string]string{
	"priv_SQ.dcm":       "does not know that a private creator is LO",
	"DICOMDIR-implicit": "takes the offsets of a directory for text, of a VR named UP",
}

// grailbioFails are the samples that grailbio/go-dicom does not read, with the reason.
var grailbioFails = map[string]string{
	"rtstruct.dcm":             "has no preamble",
	"ExplVR_LitEndNoMeta.dcm":  "has no preamble",
	"ExplVR_BigEndNoMeta.dcm":  "has no preamble",
	"no_meta_group_length.dcm": "has no group length in its file meta information",
	"meta_missing_tsyntax.dcm": "names no transfer syntax",
	"SC_rgb_jpeg.dcm":          "is in implicit VR under an explicit VR transfer syntax",
	"nested_priv_SQ.dcm":       "has a value of odd length",
	"MR_truncated.dcm":         "ends inside its pixel data",
	"UN_sequence.dcm":          "has a UN of undefined length, whose items are not in explicit VR (PS3.5 6.2.2)",
	"DICOMDIR-nooffset":        "ends inside an item",
	"image_dfl.dcm":            "is deflated",
	"chrX2.dcm":                "is in GB18030",
	"chrKoreanMulti.dcm":       "has an empty first value in Specific Character Set",
	"chrJapMulti.dcm":          "has an empty first value in Specific Character Set",
	"chrI2.dcm":                "has an empty first value in Specific Character Set",
	"chrH31.dcm":               "has an empty first value in Specific Character Set",
}

// grailbio/go-dicom, an independent reader, sees the same elements, VRs and values.
func TestSamplesAgainstGrailbio(t *testing.T) {
	t.Parallel()
	forSamples(t, func(t *testing.T, path string, data []byte) {
		if len(data) > secondOpinionLimit {
			t.Skipf("%d bytes are too many for grailbio/go-dicom", len(data))
		}
		name := filepath.Base(path)
		theirs, err := readGrailbio(data)
		if err != nil {
			if grailbioFails[name] == "" {
				t.Errorf("grailbio/go-dicom: %v", err)
			}
			return
		}
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		ours, err := f.Dataset()
		if err != nil {
			t.Fatal(err)
		}
		diff := compareSets(f.Meta, theirs[:min(len(f.Meta.Elements), len(theirs))])
		if diff == "" {
			diff = compareSets(ours, theirs[len(f.Meta.Elements):])
		}
		switch why := grailbioDiffers[name]; {
		case diff != "" && why == "":
			t.Error(diff)
		case diff == "" && why != "":
			t.Errorf("agrees, though listed as %q", why)
		}
	})
}

func readGrailbio(data []byte) (elements []*grailbio.Element, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ds, err := grailbio.ReadDataSet(bytes.NewReader(data), grailbio.ReadOptions{})
	if err != nil {
		return nil, err
	}
	return ds.Elements, nil
}

// compareSets returns the first difference, "" if there is none.
func compareSets(ours *dicom.Dataset, theirs []*grailbio.Element) string {
	for i := range ours.Elements {
		e := &ours.Elements[i]
		if i == len(theirs) {
			return fmt.Sprintf("grailbio lacks %s", e.Tag)
		}
		g := theirs[i]
		if tag := dicom.NewTag(g.Tag.Group, g.Tag.Element); tag != e.Tag {
			return fmt.Sprintf("%s, grailbio has %s", e.Tag, tag)
		}
		if diff := compareElements(e, g, ours.BigEndian); diff != "" {
			return fmt.Sprintf("%s %s", e.Tag, diff)
		}
	}
	if len(theirs) > len(ours.Elements) {
		return fmt.Sprintf("grailbio has %d elements more", len(theirs)-len(ours.Elements))
	}
	return ""
}

func compareElements(e *dicom.Element, g *grailbio.Element, bigEndian bool) string {
	if g.VR != e.VR.String() {
		return fmt.Sprintf("is %s, grailbio has %s", e.VR, g.VR)
	}
	if e.Items != nil {
		return compareItems(e, g, bigEndian)
	}
	if e.Tag == dicom.TagPixelData {
		return comparePixels(e, g)
	}
	ours, ok := valueText(e, bigEndian)
	if theirs := grailbioText(g); ok && ours != theirs {
		return fmt.Sprintf("%s is %.100q, grailbio has %.100q", e.VR, ours, theirs)
	}
	return ""
}

func compareItems(e *dicom.Element, g *grailbio.Element, bigEndian bool) string {
	if len(e.Items) != len(g.Value) {
		return fmt.Sprintf("has %d items, grailbio %d", len(e.Items), len(g.Value))
	}
	for i, item := range e.Items {
		var content []*grailbio.Element
		for _, v := range g.Value[i].(*grailbio.Element).Value {
			content = append(content, v.(*grailbio.Element))
		}
		if diff := compareSets(item, content); diff != "" {
			return fmt.Sprintf("[%d] %s", i, diff)
		}
	}
	return ""
}

func comparePixels(e *dicom.Element, g *grailbio.Element) string {
	ours := [][]byte{e.Value}
	if e.Fragments != nil {
		ours = e.Fragments[min(1, len(e.Fragments)):]
	}
	if theirs := g.Value[0].(grailbio.PixelDataInfo).Frames; !slices.EqualFunc(ours, theirs, bytes.Equal) {
		return fmt.Sprintf("has %d fragments, grailbio %d, or their bytes differ", len(ours), len(theirs))
	}
	return ""
}

// valueText returns a value as grailbioText does; false if they cannot be compared: grailbio converts text
// outside ASCII.
func valueText(e *dicom.Element, bigEndian bool) (string, bool) {
	var order binary.ByteOrder = binary.LittleEndian
	if bigEndian {
		order = binary.BigEndian
	}
	switch e.VR {
	case dicom.VRUS, dicom.VRSS, dicom.VRUL, dicom.VRSL, dicom.VRAT, dicom.VRFL, dicom.VRFD, dicom.VROF, dicom.VROD:
		return grailbioNumbers(e, order), true
	case dicom.VROB:
		return string(e.Value), true
	case dicom.VROW:
		var b []byte
		for v := e.Value; len(v) >= 2; v = v[2:] {
			b = binary.NativeEndian.AppendUint16(b, order.Uint16(v))
		}
		return string(b), true
	}
	for _, c := range e.Value {
		if c >= 0x80 || c == 0x1B {
			return "", false
		}
	}
	if e.VR == dicom.VRLT || e.VR == dicom.VRUT {
		return string(e.Value), true
	}
	return strings.Trim(string(e.Value), " \x00"), true
}

func grailbioNumbers(e *dicom.Element, order binary.ByteOrder) string {
	var parts []string
	width := e.VR.Width()
	if e.VR == dicom.VRAT {
		width = 4
	}
	for v := e.Value; len(v) >= width; v = v[width:] {
		switch e.VR {
		case dicom.VRUS:
			parts = append(parts, fmt.Sprint(order.Uint16(v)))
		case dicom.VRSS:
			parts = append(parts, fmt.Sprint(int16(order.Uint16(v))))
		case dicom.VRAT:
			parts = append(parts, dicom.NewTag(order.Uint16(v), order.Uint16(v[2:])).String())
		case dicom.VRUL:
			parts = append(parts, fmt.Sprint(order.Uint32(v)))
		case dicom.VRSL:
			parts = append(parts, fmt.Sprint(int32(order.Uint32(v))))
		case dicom.VRFL, dicom.VROF:
			parts = append(parts, fmt.Sprint(math.Float32frombits(order.Uint32(v))))
		default:
			parts = append(parts, fmt.Sprint(math.Float64frombits(order.Uint64(v))))
		}
	}
	return strings.Join(parts, `\`)
}

func grailbioText(g *grailbio.Element) string {
	var parts []string
	for _, v := range g.Value {
		switch v := v.(type) {
		case []byte:
			parts = append(parts, string(v))
		case string:
			parts = append(parts, v)
		case dicomtag.Tag:
			parts = append(parts, dicom.NewTag(v.Group, v.Element).String())
		default:
			parts = append(parts, fmt.Sprint(v))
		}
	}
	return strings.Join(parts, `\`)
}
