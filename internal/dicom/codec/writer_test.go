package codec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

func TestWriterStreams(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := codec.NewWriter(&out, explicitLE)
	steps := []error{
		w.WriteElement(dicom.TagModality, dicom.VRCS, []byte("CT")),
		w.BeginSequence(dicom.TagReferencedImageSequence),
		w.BeginItem(),
		w.WriteElement(dicom.TagReferencedSOPInstanceUID, dicom.VRUI, []byte("1.2")),
		w.EndItem(),
		w.EndSequence(),
		w.WriteElement(dicom.TagPatientID, dicom.VRLO, []byte("123")),
		w.Close(),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	want := short(0x00080060, "CS", "CT") + head(0x00081140, "SQ", u) + itemOpen(short(0x00081155, "UI", "1.2\x00")) + seqEnd + short(0x00100020, "LO", "123 ")
	if out.String() != want {
		t.Errorf("wrote\n%x, want\n%x", out.String(), want)
	}
}

func TestWriterHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ts   dicom.TransferSyntax
		h    codec.Header
		want string
	}{
		{"short, PS3.5 7.1.2", explicitLE, codec.Header{Tag: dicom.TagModality, VR: dicom.VRCS, Length: 2}, tagLE(0x00080060) + "CS\x02\x00"},
		{"long, PS3.5 7.1.2", explicitLE, codec.Header{Tag: dicom.TagPixelData, VR: dicom.VROW, Length: 2}, head(0x7FE00010, "OW", 2)},
		{"implicit, PS3.5 7.1.3", implicitLE, codec.Header{Tag: dicom.TagModality, VR: dicom.VRCS, Length: 2}, bare(0x00080060, 2)},
		{"big endian, PS3.5 7.3", explicitBE, codec.Header{Tag: dicom.TagPixelData, VR: dicom.VROW, Length: 2}, headBE(0x7FE00010, "OW", 2)},
		{"no VR is UN", explicitLE, codec.Header{Tag: 0x00091001, Length: 2}, head(0x00091001, "UN", 2)},
		{"an unknown VR is long, PS3.5 6.2.2", explicitLE, codec.Header{Tag: 0x00091001, VR: dicom.ParseVR('Z', 'Z'), Length: 2}, head(0x00091001, "ZZ", 2)},
		{"too long for 16 bits, PS3.5 6.2.2", explicitLE, codec.Header{Tag: 0x00091001, VR: dicom.VRDS, Length: 0x10000}, head(0x00091001, "UN", 0x10000)},
		{"what is irregular in explicit VR is not in implicit", implicitLE,
			codec.Header{Tag: 0x00091001, VR: dicom.VROB, RawVR: [2]byte{'O', 'B'}, Form: codec.FormShort, Reserved: [2]byte{1, 1}, Length: 2}, bare(0x00091001, 2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			w := codec.NewWriter(&out, c.ts)
			if err := w.WriteHeader(c.h); err != nil {
				t.Fatal(err)
			}
			value := strings.Repeat("x", int(c.h.Length))
			if _, err := w.Write([]byte(value)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := out.String(); got != c.want+value {
				t.Errorf("wrote %x, want %x", got[:min(len(got), 20)], c.want)
			}
		})
	}
}

func TestWriterRefuses(t *testing.T) {
	t.Parallel()
	element := codec.Header{Tag: dicom.TagModality, VR: dicom.VRCS, Length: 2}
	seq := codec.Header{Tag: dicom.TagReferencedImageSequence, VR: dicom.VRSQ, Kind: codec.KindSequence, Length: u}
	itm := codec.Header{Tag: dicom.TagItem, Kind: codec.KindItem, Length: 4}
	fragments := codec.Header{Tag: dicom.TagPixelData, VR: dicom.VROB, Kind: codec.KindFragments, Length: u}
	fragment := codec.Header{Tag: dicom.TagItem, Kind: codec.KindFragment}
	end := func(k codec.Kind) codec.Header { return codec.Header{Kind: k} }
	for _, c := range []struct {
		name    string
		headers []codec.Header
		want    error
	}{
		{"value missing", []codec.Header{element}, codec.ErrValueShort},
		{"value missing before the next header", []codec.Header{element, element}, codec.ErrValueShort},
		{"element in a sequence", []codec.Header{seq, element}, codec.ErrMisplaced},
		{"item outside a sequence", []codec.Header{itm}, codec.ErrMisplaced},
		{"fragment outside fragments", []codec.Header{fragment}, codec.ErrMisplaced},
		{"fragment in a sequence", []codec.Header{seq, fragment}, codec.ErrMisplaced},
		{"item in fragments", []codec.Header{fragments, itm}, codec.ErrMisplaced},
		{"fragments of defined length", []codec.Header{{Tag: dicom.TagPixelData, VR: dicom.VROB, Kind: codec.KindFragments}}, codec.ErrMisplaced},
		{"element of undefined length", []codec.Header{{Tag: dicom.TagPixelData, VR: dicom.VROB, Length: u}}, codec.ErrMisplaced},
		{"an item as element", []codec.Header{{Tag: dicom.TagItem}}, codec.ErrMisplaced},
		{"end of what was not begun", []codec.Header{end(codec.KindItemEnd)}, codec.ErrMisplaced},
		{"end of the wrong container", []codec.Header{seq, end(codec.KindItemEnd)}, codec.ErrMisplaced},
		{"an item that is shorter than it says", []codec.Header{seq, itm, end(codec.KindItemEnd)}, codec.ErrMisplaced},
		{"not ended", []codec.Header{seq}, codec.ErrMisplaced},
		{"unknown kind", []codec.Header{{Kind: 99}}, codec.ErrMisplaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := codec.NewWriter(&bytes.Buffer{}, explicitLE)
			var err error
			for _, h := range c.headers {
				if err == nil {
					err = w.WriteHeader(h)
				}
			}
			if err == nil {
				err = w.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestWriterValueTooLong(t *testing.T) {
	t.Parallel()
	w := codec.NewWriter(&bytes.Buffer{}, explicitLE)
	if err := w.WriteHeader(codec.Header{Tag: dicom.TagModality, VR: dicom.VRCS, Length: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("CT ")); !errors.Is(err, codec.ErrValueLong) {
		t.Errorf("got %v", err)
	}
}

func TestWriterPassesErrorsOn(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for _, ts := range []dicom.TransferSyntax{explicitLE, deflated} {
		w := codec.NewWriter(failingWriter{full}, ts)
		err := w.WriteElement(dicom.TagPixelData, dicom.VROB, bytes.Repeat([]byte{1, 7, 3, 200}, 100))
		err = errors.Join(err, w.Close())
		if !errors.Is(err, full) {
			t.Errorf("got %v", err)
		}
	}
	if err := codec.WriteDataset(failingWriter{full}, new(dicom.Dataset), explicitLE); !errors.Is(err, full) {
		t.Errorf("WriteDataset: %v", err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

// A deflated data set has an even length on the wire and comes back as it was (PS3.5 A.5).
func TestDeflatedRoundTrip(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		in := short(0x00080060, "CS", "CT") + long(0x00420011, "OB", strings.Repeat("abc ", n*100))
		var out bytes.Buffer
		w := codec.NewWriter(&out, deflated)
		if err := codec.Copy(w, codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{})); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.Len()%2 == 1 {
			t.Errorf("%d bytes deflated to the odd number %d", len(in), out.Len())
		}
		back := rewrite(t, codec.NewReader(&out, deflated, codec.Limits{}), explicitLE)
		if string(back) != in {
			t.Errorf("%d bytes came back as %d others", len(in), len(back))
		}
	}
}

// A deflate stream that is cut off is read as far as it goes.
func TestDeflatedTruncated(t *testing.T) {
	t.Parallel()
	var ds dicom.Dataset
	ds.SetString(dicom.TagPatientID, dicom.VRLO, "1")
	noise := make([]byte, 10000)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: noise})
	b, err := codec.Marshal(&ds, deflated)
	if err != nil {
		t.Fatal(err)
	}
	d := codec.NewReaderBytes(b[:len(b)/2], deflated, codec.Limits{})
	got, err := d.Dataset()
	if err != nil || !d.Truncated() || got.String(dicom.TagPatientID) != "1" {
		t.Errorf("truncated %v, %v", d.Truncated(), err)
	}
	d = codec.NewReaderBytes([]byte("\xff\xff\xff\xff"), deflated, codec.Limits{})
	if _, err := d.Next(); err == nil {
		t.Error("bytes that are no deflate stream are read")
	}
}
