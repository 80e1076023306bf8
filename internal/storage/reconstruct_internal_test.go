package storage

import (
	"bytes"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/index"
)

// A file that is replaced while its instance is reconstructed keeps its own tags in the index, not those of the one before.
func TestReplacedWhileReconstructed(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Overwrite: OverwriteAlways})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	store := func(number string) *PutResult {
		ds := &dicom.Dataset{}
		ds.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
		ds.SetUID(dicom.TagSOPInstanceUID, "1.2.3.4")
		ds.SetString(dicom.TagPatientID, dicom.VRLO, "A")
		ds.SetUID(dicom.TagStudyInstanceUID, "1.2")
		ds.SetUID(dicom.TagSeriesInstanceUID, "1.2.3")
		ds.SetString(dicom.TagInstanceNumber, dicom.VRIS, number)
		data, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := s.Put(t.Context(), &PutRequest{Received: true, TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	rs := store("1")
	rows, err := s.page(t.Context(), index.Instance, rs.InstanceID, 0)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := s.rereadRows(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	store("2")
	replaced, err := s.giveTags(t.Context(), fresh)
	if err != nil || len(replaced) != 1 {
		t.Errorf("%d are read again, %v", len(replaced), err)
	}
	if err := s.retag(t.Context(), replaced); err != nil {
		t.Error(err)
	}
	rows, err = s.page(t.Context(), index.Instance, rs.InstanceID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if number, _ := rows[0].Tags.Get(dicom.TagInstanceNumber); number != "2" {
		t.Errorf("Instance Number %s in the index, 2 in the file", number)
	}
}
