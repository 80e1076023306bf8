package storage_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/seglog"
	"gantry/internal/storage/index"
)

// encapsulated is a data set with pixel data in fragments (PS3.5 A.4).
func encapsulated(t *testing.T, o object, fragments, size int) []byte {
	t.Helper()
	o.pixels = nil
	b := append(o.dataset(t), "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x00\x00\x00\x00"...)
	for range fragments {
		b = append(b, "\xfe\xff\x00\xe0"...)
		b = binary.LittleEndian.AppendUint32(b, uint32(size))
		b = append(b, make([]byte, size)...)
	}
	return append(b, "\xfe\xff\xdd\xe0\x00\x00\x00\x00"...)
}

// An object that was cut off is refused, and nothing of it is kept: its sender must not take it for stored.
func TestTruncatedObjectsAreRefused(t *testing.T) {
	t.Parallel()
	const jpeg = dicom.UID("1.2.840.10008.1.2.4.50")
	small, large, plain := ct("A", 1, 1, 1), ct("A", 1, 1, 1), ct("A", 1, 1, 1)
	large.pixels = make([]byte, 300<<10)
	plain.pixels = nil
	for name, c := range map[string]struct {
		dataset []byte
		syntax  dicom.UID
		reason  string
	}{
		"native":              {small.dataset(t), dicom.ExplicitVRLittleEndian, "of 1024 bytes of (7FE0,0010) PixelData"},
		"native, large":       {large.dataset(t), dicom.ExplicitVRLittleEndian, "of 307200 bytes of (7FE0,0010) PixelData"},
		"encapsulated":        {encapsulated(t, small, 3, 1000), jpeg, "within the fragments"},
		"encapsulated, large": {encapsulated(t, small, 30, 20_000), jpeg, "within the fragments"},
		"no pixel data":       {plain.dataset(t), dicom.ExplicitVRLittleEndian, ""},
	} {
		s := open(t, t.TempDir(), storage.LayoutMemory)
		meta := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: small.class, SOPInstanceUID: dicom.UID(small.sop), TransferSyntaxUID: c.syntax})
		request := func(b []byte, upload bool) *storage.PutRequest {
			if upload {
				return &storage.PutRequest{Data: bytes.NewReader(append(bytes.Clone(meta), b...))}
			}
			rq := receivedBytes(small, b)
			rq.TransferSyntax = c.syntax
			return rq
		}
		for _, upload := range []bool{false, true} {
			for _, cut := range []int{1, 4, 7, 8, 9, 12} {
				if name == "no pixel data" && cut >= 10 {
					continue // a whole element less
				}
				var bad *storage.BadObjectError
				_, err := s.Put(t.Context(), request(c.dataset[:len(c.dataset)-cut], upload))
				if !errors.As(err, &bad) || bad.Tag != 0 || !strings.Contains(err.Error(), c.reason) {
					t.Errorf("%s, %d bytes cut off: %v", name, cut, err)
				}
			}
		}
		if st := counts(t, s); st.Instances != 0 {
			t.Errorf("%s: kept: %+v", name, st)
		}
		for _, upload := range []bool{false, true} {
			put(t, s, request(c.dataset, upload))
		}
		padded := ct("A", 1, 1, 2)
		padded.pixels = nil
		put(t, s, receivedBytes(padded, append(padded.dataset(t), 0))) // made even by its sender
	}
}

// Of an object that an older version has kept although it was cut off, the whole one takes the place.
func TestWholeObjectReplacesTruncatedOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	closeStore(t, open(t, dir, storage.LayoutLog))
	l, err := seglog.Open(t.Context(), filepath.Join(dir, "objects"), seglog.Options{SegmentSize: 1 << 20, CompactRate: -1})
	if err != nil {
		t.Fatal(err)
	}
	o := ct("A", 1, 1, 1)
	file := o.file(t)
	blobtest.Put(t, l, blob.KindUpload, blob.Meta{}, file[:len(file)-100])
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, storage.LayoutLog)
	if st := counts(t, s); st.Instances != 1 {
		t.Fatalf("the old copy is not indexed: %+v", st)
	}
	for _, want := range []storage.PutStatus{storage.Replaced, storage.AlreadyStored} {
		rs := put(t, s, o.upload(t))
		if rs.Status != want || !bytes.Equal(stored(t, s, rs.InstanceID), file) {
			t.Errorf("%v, want %v", rs.Status, want)
		}
	}
	checkAgrees(t, s, storage.CheckOptions{Checksums: true})
}

// A PatientID that is too long to be kept in the index still tells patients apart.
func TestLongPatientID(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutMemory)
	var ids []index.ID
	for _, last := range []string{"a", "b"} {
		o := ct("A", 1, 1, 1)
		o.patient = strings.Repeat("x", 400) + last
		rs := put(t, s, o.received(t))
		if rs.Status != storage.Stored || rs.PatientID != index.NewID(o.patient) {
			t.Errorf("%v, patient %v", rs.Status, rs.PatientID)
		}
		ids = append(ids, rs.InstanceID)
	}
	if ids[0] == ids[1] {
		t.Error("one id for two instances")
	}
	o := ct("A", 1, 1, 1)
	o.patient = strings.Repeat("x", 20<<10)
	var bad *storage.BadObjectError
	if _, err := s.Put(t.Context(), o.received(t)); !errors.As(err, &bad) || bad.Name != "PatientID" {
		t.Errorf("a value without end: %v", err)
	}
}
