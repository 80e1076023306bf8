package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// ctHeader returns a data set like those of CT scanners: 150 elements, a fifth of them private, three sequences,
// and 512 x 512 pixels of 16 bits.
func ctHeader(tb testing.TB, ts dicom.UID) []byte {
	tb.Helper()
	var ds dicom.Dataset
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 100")
	ds.SetString(dicom.TagImageType, dicom.VRCS, "ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI")
	ds.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
	ds.SetUID(dicom.TagSOPInstanceUID, "1.3.12.2.1107.5.1.4.66666.30000012345678901234567890123")
	ds.SetString(dicom.TagPatientName, dicom.VRPN, "Muster^Erika^^Dr.")
	ds.SetString(dicom.TagPatientID, dicom.VRLO, "4711-0815")
	ds.SetUID(dicom.TagStudyInstanceUID, "1.3.12.2.1107.5.1.4.66666.30000012345678901234567890000")
	ds.SetUID(dicom.TagSeriesInstanceUID, "1.3.12.2.1107.5.1.4.66666.30000012345678901234567890100")
	for _, t := range []dicom.Tag{dicom.TagReferencedStudySequence, dicom.TagReferencedImageSequence, dicom.TagRequestAttributesSequence} {
		var item dicom.Dataset
		item.SetUID(dicom.TagReferencedSOPClassUID, dicom.CTImageStorage)
		item.SetUID(dicom.TagReferencedSOPInstanceUID, "1.3.12.2.1107.5.1.4.66666.30000012345678901234567890456")
		item.SetString(dicom.TagCodeMeaning, dicom.VRLO, "Thorax nativ")
		ds.SetItems(t, &item)
	}
	for i := range 50 {
		ds.SetString(dicom.NewTag(0x0018, 0x1100+uint16(i)), dicom.VRDS, fmt.Sprintf("%d.5", i))
		ds.SetUint16(dicom.NewTag(0x0028, 0x0100+uint16(i)), uint16(i))
	}
	for i := range uint16(10) {
		ds.SetString(dicom.NewTag(0x0019+2*i, 0x0010), dicom.VRLO, "SIEMENS CT VA0  COAD")
		ds.SetString(dicom.NewTag(0x0019+2*i, 0x1001), dicom.VRDS, "1.25")
		ds.Set(dicom.Element{Tag: dicom.NewTag(0x0019+2*i, 0x1002), VR: dicom.VROB, Value: make([]byte, 64)})
	}
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: make([]byte, 512*512*2)})
	b, err := codec.Marshal(&ds, dicom.LookupTransferSyntax(ts))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

var benchSyntaxes = []struct {
	name string
	uid  dicom.UID
}{{"explicit", dicom.ExplicitVRLittleEndian}, {"implicit", dicom.ImplicitVRLittleEndian}, {"big-endian", dicom.ExplicitVRBigEndian}}

// readHeader reads the values of the header as the index does, up to the pixel data.
func readHeader(d *codec.Reader) (elements int, err error) {
	for {
		h, err := d.Next()
		if err != nil || h.Tag == dicom.TagPixelData {
			return elements, err
		}
		elements++
		if _, err := d.Value(); err != nil {
			return elements, err
		}
	}
}

func BenchmarkReadHeader(b *testing.B) {
	for _, s := range benchSyntaxes {
		data := ctHeader(b, s.uid)
		ts := dicom.LookupTransferSyntax(s.uid)
		b.Run(s.name+"/memory", func(b *testing.B) {
			d := codec.NewReaderBytes(data, ts, codec.Limits{})
			benchHeaders(b, func() (int, error) {
				d.ResetBytes(data, ts, codec.Limits{})
				return readHeader(d)
			})
		})
		b.Run(s.name+"/stream", func(b *testing.B) {
			src := bytes.NewReader(data)
			d := codec.NewReader(src, ts, codec.Limits{})
			benchHeaders(b, func() (int, error) {
				src.Reset(data)
				d.Reset(src, ts, codec.Limits{})
				return readHeader(d)
			})
		})
	}
}

func benchHeaders(b *testing.B, read func() (int, error)) {
	b.ReportAllocs()
	elements := 0
	for b.Loop() {
		n, err := read()
		if err != nil {
			b.Fatal(err)
		}
		elements = n
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "headers/s")
	b.ReportMetric(float64(elements), "elements")
}

func BenchmarkCopy(b *testing.B) {
	ts := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	data := ctHeader(b, ts.UID)
	d := codec.NewReaderBytes(data, ts, codec.Limits{})
	w := codec.NewWriter(io.Discard, ts)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.ResetBytes(data, ts, codec.Limits{})
		w.Reset(io.Discard, ts)
		if err := codec.Copy(w, d); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReferences reads 100,000 references, as in a large storage commitment request.
func BenchmarkReferences(b *testing.B) {
	var items []*dicom.Dataset
	for range 100000 {
		var item dicom.Dataset
		item.SetUID(dicom.TagReferencedSOPClassUID, dicom.CTImageStorage)
		item.SetUID(dicom.TagReferencedSOPInstanceUID, "1.3.12.2.1107.5.1.4.66666.30000012345678901234567890456")
		items = append(items, &item)
	}
	var ds dicom.Dataset
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	ts := dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian)
	data, err := codec.Marshal(&ds, ts)
	if err != nil {
		b.Fatal(err)
	}
	d := codec.NewReader(bytes.NewReader(data), ts, codec.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(bytes.NewReader(data), ts, codec.Limits{})
		if _, err := readHeader(d); !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100000*float64(b.N)/b.Elapsed().Seconds(), "references/s")
}

// The hot path takes no memory once the Reader has its own.
func TestReaderTakesNoMemoryPerElement(t *testing.T) {
	for _, s := range benchSyntaxes {
		data := ctHeader(t, s.uid)
		ts := dicom.LookupTransferSyntax(s.uid)
		d := codec.NewReaderBytes(data, ts, codec.Limits{})
		allocs := testing.AllocsPerRun(10, func() {
			d.ResetBytes(data, ts, codec.Limits{})
			if _, err := readHeader(d); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %.0f allocations per header", s.name, allocs)
		}
	}
}
