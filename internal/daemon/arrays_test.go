package daemon_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// imageFile makes an image of a series; packed fragments are in JPEG, plain pixels in 16 bits.
func imageFile(t *testing.T, uid, number string, rows, columns, frames int, plain []byte, packed [][]byte) []byte {
	t.Helper()
	syntax, depth := dicom.ExplicitVRLittleEndian, uint16(16)
	if packed != nil {
		syntax, depth = dicom.JPEGBaseline8Bit, 8
	}
	ds := &dicom.Dataset{}
	for tag, value := range map[dicom.Tag]string{0x00080018: uid, 0x0020000d: "1.2.3.77", 0x0020000e: "1.2.3.77.1", 0x00080016: "1.2.840.10008.5.1.4.1.1.7"} {
		ds.SetUID(tag, dicom.UID(value))
	}
	ds.SetString(0x00100020, dicom.VRLO, "ARRAYS")
	ds.SetString(0x00200013, dicom.VRIS, number)
	ds.SetString(0x00280004, dicom.VRCS, "MONOCHROME2")
	ds.SetString(0x00280008, dicom.VRIS, fmt.Sprint(frames))
	ds.SetString(0x00281052, dicom.VRDS, "-1")
	ds.SetString(0x00281053, dicom.VRDS, "2")
	for tag, value := range map[dicom.Tag]int{0x00280002: 1, 0x00280010: rows, 0x00280011: columns, 0x00280100: int(depth), 0x00280101: int(depth), 0x00280102: int(depth) - 1, 0x00280103: 0} {
		ds.SetUint16(tag, uint16(value))
	}
	if plain != nil {
		ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: plain})
	}
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(syntax))
	if err != nil {
		t.Fatal(err)
	}
	if packed != nil {
		body = append(body, "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x00\x00\x00\x00"...) // no table
		for _, fragment := range packed {
			body = append(body, 0xfe, 0xff, 0x00, 0xe0)
			body = append(binary.LittleEndian.AppendUint32(body, uint32(len(fragment))), fragment...)
		}
		body = append(body, "\xfe\xff\xdd\xe0\x00\x00\x00\x00"...)
	}
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: "1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID: dicom.UID(uid), TransferSyntaxUID: syntax}), body...)
}

// flat is a JPEG picture of one gray level.
func flat(t *testing.T, rows, columns int, level byte) []byte {
	t.Helper()
	shown := image.NewGray(image.Rect(0, 0, columns, rows))
	for i := range shown.Pix {
		shown.Pix[i] = level
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shown, nil); err != nil {
		t.Fatal(err)
	}
	if out.Len()%2 == 1 {
		out.WriteByte(0)
	}
	return out.Bytes()
}

// A series is an array in the order of its slices, with the numbers rescaled or as they are stored.
func TestSeriesAsArray(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var stored struct{ ID, ParentSeries string }
	s.post("/instances", imageFile(t, "1.2.3.77.2", "2", 1, 2, 1, []byte{3, 0, 4, 1}, nil), &stored)
	s.post("/instances", imageFile(t, "1.2.3.77.3", "1", 1, 2, 1, []byte{1, 0, 2, 0}, nil), &stored)
	header := func(kind, shape string) string {
		return fmt.Sprintf("\x93NUMPY\x01\x00v\x00%-117s\n", "{'descr': '"+kind+"', 'fortran_order': False, 'shape': ("+shape+"), }")
	}
	for path, want := range map[string]string{
		"/series/" + stored.ParentSeries + "/numpy?rescale=0": header("<u2", "2, 1,2,1") + "\x01\x00\x02\x00\x03\x00\x04\x01",
		"/instances/" + stored.ID + "/numpy":                  header("<f4", "1, 1,2,1") + "\x00\x00\x80\x3f\x00\x00\x40\x40",
		"/instances/" + stored.ID + "/frames/0/numpy":         header("<f4", "1,2,1") + "\x00\x00\x80\x3f\x00\x00\x40\x40",
		"/instances/" + stored.ID + "/matlab":                 "double([ 1 2 ])",
	} {
		if status, got := do(t, http.MethodGet, s.url+path, nil); status != 200 || string(got) != want {
			t.Errorf("%s: status %d, %q, want %q", path, status, got, want)
		}
	}
	s.post("/instances", imageFile(t, "1.2.3.77.4", "3", 2, 1, 1, []byte{1, 0, 2, 0}, nil), &stored)
	if status, text := do(t, http.MethodGet, s.url+"/series/"+stored.ParentSeries+"/numpy", nil); status != 415 || !strings.Contains(string(text), "2 x 1 and 1 x 2") {
		t.Errorf("frames of several sizes: status %d, %s", status, text)
	}
}

// Frames in several fragments are found without a table, and one that is broken says so where it is; those before it are
// shown.
func TestFramesInFragments(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	first, second, third := flat(t, 16, 8, 40), flat(t, 16, 8, 200), flat(t, 16, 9, 7)
	var stored struct{ ID string }
	s.post("/instances", imageFile(t, "1.2.3.77.5", "1", 16, 8, 3, nil, [][]byte{first[:100], first[100:], second[:50], second[50:200], second[200:], third}), &stored)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"frames/0/image-uint8": {200, strings.Repeat("\x28", 128)},
		"frames/1/image-uint8": {200, strings.Repeat("\xc8", 128)},
		"frames/2/image-uint8": {415, "Frame 2 cannot be decoded"},
		"frames/2/numpy":       {400, "it has 9 x 16 pixels of 1 samples, 8 x 16 of 1 are due"},
		"frames/3/image-uint8": {415, "There is no frame with this number"},
	} {
		status, text := do(t, http.MethodGet, s.url+"/instances/"+stored.ID+"/"+path, nil, "Accept", "image/x-portable-arbitrarymap")
		if status != want.status || !strings.Contains(string(text), want.text) {
			t.Errorf("%s: status %d, %q", path, status, text)
		}
	}
	answer, err := http.Get(s.url + "/instances/" + stored.ID + "/numpy") //nolint:noctx // of this test alone
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	if err == nil {
		t.Error("an array whose third frame is broken came as if it were whole")
	}
}
