package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// object is a made DICOM object.
type object struct {
	patient, name      string
	study, series, sop string
	class              dicom.UID
	pixels             []byte
	extra              []dicom.Element
}

func ct(patient string, study, series, number int) object {
	root := fmt.Sprintf("1.2.826.0.1.3680043.1.%s.%d", patient, study)
	return object{patient: patient, name: "Doe^" + patient, study: root, series: fmt.Sprintf("%s.%d", root, series),
		sop: fmt.Sprintf("%s.%d.%d", root, series, number), class: dicom.CTImageStorage, pixels: bytes.Repeat([]byte{1, 2}, 512)}
}

// dataset encodes the object in Explicit VR Little Endian.
func (o object) dataset(t testing.TB) []byte {
	t.Helper()
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 192")
	set := func(tag dicom.Tag, vr dicom.VR, v string) {
		if v != "" {
			ds.SetString(tag, vr, v)
		}
	}
	set(dicom.TagSOPClassUID, dicom.VRUI, string(o.class))
	set(dicom.TagSOPInstanceUID, dicom.VRUI, o.sop)
	set(dicom.TagStudyDate, dicom.VRDA, "20261121")
	set(dicom.TagModality, dicom.VRCS, "CT")
	set(dicom.TagPatientName, dicom.VRPN, o.name)
	set(dicom.TagPatientID, dicom.VRLO, o.patient)
	set(dicom.TagStudyInstanceUID, dicom.VRUI, o.study)
	set(dicom.TagSeriesInstanceUID, dicom.VRUI, o.series)
	set(dicom.TagInstanceNumber, dicom.VRIS, "7")
	for _, e := range o.extra {
		ds.Set(e)
	}
	if o.pixels != nil {
		ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: o.pixels})
	}
	b, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// file is the object as a Part 10 file.
func (o object) file(t testing.TB) []byte {
	t.Helper()
	meta := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: o.class, SOPInstanceUID: dicom.UID(o.sop),
		TransferSyntaxUID: dicom.ExplicitVRLittleEndian, SourceAET: "SOMEONE"})
	return append(meta, o.dataset(t)...)
}

// received is the request by which a C-STORE puts the object.
func (o object) received(t testing.TB) *storage.PutRequest {
	t.Helper()
	return receivedBytes(o, o.dataset(t))
}

func receivedBytes(o object, dataset []byte) *storage.PutRequest {
	return &storage.PutRequest{Data: bytes.NewReader(dataset), Received: true, SOPClassUID: o.class,
		SOPInstanceUID: dicom.UID(o.sop), TransferSyntax: dicom.ExplicitVRLittleEndian,
		Origin: index.Origin{Source: "DicomProtocol", RemoteAET: "CT01", RemoteIP: "192.0.2.1", CalledAET: "GANTRY"}}
}

func (o object) upload(t testing.TB) *storage.PutRequest {
	t.Helper()
	return &storage.PutRequest{Data: bytes.NewReader(o.file(t)), Origin: index.Origin{Source: "RestApi", HttpUsername: "alice"}}
}

// layouts are those every test of the store runs with.
var layouts = []string{storage.LayoutLog, storage.LayoutFiles}

func eachLayout(t *testing.T, fn func(t *testing.T, layout string)) {
	t.Helper()
	for _, l := range layouts {
		t.Run(l, func(t *testing.T) { t.Parallel(); fn(t, l) })
	}
}

// open opens a store that is closed with the test.
func open(t testing.TB, dir, layout string, change ...func(*storage.Options)) *storage.Store {
	t.Helper()
	o := storage.Options{Dir: dir, Layout: layout, SegmentSize: 1 << 20}
	for _, fn := range change {
		fn(&o)
	}
	s, err := storage.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func closeStore(t testing.TB, s *storage.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, s *storage.Store, rq *storage.PutRequest) *storage.PutResult {
	t.Helper()
	rs, err := s.Put(t.Context(), rq)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// stored reads the whole file of an instance.
func stored(t testing.TB, s *storage.Store, id index.ID) []byte {
	t.Helper()
	o, err := s.OpenInstance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := o.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func counts(t testing.TB, s *storage.Store) index.Statistics {
	t.Helper()
	st, err := s.Statistics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st.Statistics
}
