package storage

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// undeletable is a blob store that writes no tombstones.
type undeletable struct {
	blob.Store
	err error
}

func (u *undeletable) Delete(ctx context.Context, refs ...blob.Ref) (blob.Ticket, error) {
	if u.err != nil {
		return nil, u.err
	}
	return u.Store.Delete(ctx, refs...)
}

func arrivalOf(t *testing.T, patient, number string) *PutRequest {
	t.Helper()
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagSOPClassUID, dicom.VRUI, string(dicom.CTImageStorage))
	ds.SetString(dicom.TagSOPInstanceUID, dicom.VRUI, "1.2.3."+patient+"."+number)
	ds.SetString(dicom.TagPatientID, dicom.VRLO, patient)
	ds.SetString(dicom.TagStudyInstanceUID, dicom.VRUI, "1.2.3."+patient+".1")
	ds.SetString(dicom.TagSeriesInstanceUID, dicom.VRUI, "1.2.3."+patient+".1.1")
	b, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return &PutRequest{Data: bytes.NewReader(b), Received: true, TransferSyntax: dicom.ExplicitVRLittleEndian}
}

// A patient that could not be recycled is not stored to before that was done: the next start, which finishes it, would take
// what was stored meanwhile along.
func TestStoreAfterRecyclingHasFailed(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Quota: Quota{Patients: 1}}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	first, err := s.Put(t.Context(), arrivalOf(t, "1", "1"))
	if err != nil {
		t.Fatal(err)
	}
	bad := &undeletable{Store: s.blobs, err: errors.New("a fault of the disk")}
	s.blobs = bad
	for _, rq := range []*PutRequest{arrivalOf(t, "2", "1"), arrivalOf(t, "1", "2")} {
		if _, err := s.Put(t.Context(), rq); !errors.Is(err, bad.err) {
			t.Errorf("while a patient cannot be recycled: %v", err)
		}
	}
	bad.err = nil
	later, err := s.Put(t.Context(), arrivalOf(t, "1", "3"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx index.ReadTx) error { _, err := tx.Stored(later.InstanceID); return err })
	if err != nil {
		t.Errorf("what was acknowledged after recycling had failed: %v", err)
	}
	err = s.View(t.Context(), func(tx index.ReadTx) error { _, err := tx.Stored(first.InstanceID); return err })
	if !errors.Is(err, index.ErrNotFound) {
		t.Errorf("what was being recycled: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// meanwhile does something within the next transaction.
type meanwhile struct {
	index.Index
	do func()
}

func (m *meanwhile) Update(ctx context.Context, fn func(index.Tx) error) error {
	do := m.do
	m.do = nil
	return m.Index.Update(ctx, func(tx index.Tx) error {
		if do != nil {
			do()
		}
		return fn(tx)
	})
}

// Whose turn it is, is said with regard to what was acknowledged a moment ago and is not in the index yet.
func TestRecyclingKnowsWhatCameLast(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Quota: Quota{Patients: 2}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(patient, number string) *PutResult {
		t.Helper()
		rs, err := s.Put(t.Context(), arrivalOf(t, patient, number))
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	there := func(rs *PutResult) bool {
		err := s.View(t.Context(), func(tx index.ReadTx) error { _, err := tx.Stored(rs.InstanceID); return err })
		return err == nil
	}
	oldest, second := put("1", "1"), put("2", "1")
	if !there(oldest) || !there(second) { // now they are in the index
		t.Fatal("not there")
	}
	var latest *PutResult
	s.idx = &meanwhile{s.idx, func() { latest = put("1", "2") }}
	put("3", "1")
	if !there(oldest) || !there(latest) || there(second) {
		t.Errorf("the patient last stored to is there: %t, %t; the other one: %t", there(oldest), there(latest), there(second))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// What is compressed of a patient that is being recycled is gone, and not beyond the limits: Reconstruct goes on.
func TestRecodeOfPatientBeingRecycled(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Layout: LayoutMemory, Quota: Quota{Patients: 1}})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := s.Put(t.Context(), arrivalOf(t, "1", "1"))
	if err != nil {
		t.Fatal(err)
	}
	s.o.Compress = true
	if !s.room.doom(rs.PatientID) {
		t.Fatal("something is being stored")
	}
	if err := s.Recode(t.Context(), rs.InstanceID, DicomFile, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("recode: %v", err)
	}
	if err := s.Reconstruct(t.Context(), 0, index.ID{}, true); err != nil {
		t.Errorf("reconstruct: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Who sends again what is being recycled is not told that it is stored already.
func TestDuplicateOfPatientBeingRecycled(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Layout: LayoutMemory, Quota: Quota{Patients: 1}})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := s.Put(t.Context(), arrivalOf(t, "1", "1"))
	if err != nil || !s.room.doom(rs.PatientID) {
		t.Fatal(err)
	}
	again, err := s.Put(t.Context(), arrivalOf(t, "1", "1"))
	if err != nil || again.Status != Stored {
		t.Fatalf("%+v, %v", again, err)
	}
	err = s.View(t.Context(), func(tx index.ReadTx) error { _, err := tx.Stored(again.InstanceID); return err })
	if err != nil || s.room.beingRecycled() != (index.ID{}) {
		t.Errorf("what was answered is there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
