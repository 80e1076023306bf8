package storage_test

import (
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// Tags that are kept from now on come into the index by reconstructing, with the signature that says so.
func TestReconstruct(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := ct("1", 1, 1, 1)
	o.extra = []dicom.Element{{Tag: dicom.TagPatientAge, VR: dicom.VRAS, Value: []byte("043Y")}}
	s := open(t, dir, storage.LayoutLog)
	rs := put(t, s, o.received(t))
	closeStore(t, s)
	s = open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.ExtraMainTags.Patient = []dicom.Tag{dicom.TagPatientAge} })
	age := func() (value, signature string) {
		err := s.View(t.Context(), func(tx index.ReadTx) error {
			row, err := tx.Patient(rs.PatientID)
			if err == nil {
				value, _ = row.Tags.Get(dicom.TagPatientAge)
				signature = row.Signature
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return value, signature
	}
	if value, signature := age(); value != "" || signature != "" {
		t.Errorf("before: %q %q", value, signature)
	}
	if err := s.Reconstruct(t.Context(), index.Study, rs.StudyID, false); err != nil {
		t.Fatal(err)
	}
	if value, signature := age(); value != "043Y" || signature != index.Signature(s.MainTags(index.Patient)) {
		t.Errorf("after: %q %q", value, signature)
	}
	if err := s.Reconstruct(t.Context(), index.Study, index.ID{1}, false); err == nil {
		t.Error("an unknown study was reconstructed")
	}
}
