package storage_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// What comes for a patient that is being recycled is stored when that is over, and not deleted with the rest; and nobody is
// told meanwhile that the patient is protected.
func TestStoreToPatientBeingRecycled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := storage.Open(t.Context(), storage.Options{Layout: storage.LayoutMemory, Quota: storage.Quota{Bytes: 20_000}})
		if err != nil {
			t.Fatal(err)
		}
		sized := func(patient string, number, size int) *storage.PutRequest {
			o := ct(patient, 1, 1, number)
			o.pixels = make([]byte, size)
			return o.received(t)
		}
		old := put(t, s, sized("old", 1, 8000))
		put(t, s, sized("other", 1, 8000))
		unlock, err := s.LockInstance(t.Context(), old.InstanceID)
		if err != nil {
			t.Fatal(err)
		}
		stored := make(chan error, 2)
		store := func(rq *storage.PutRequest) {
			_, err := s.Put(t.Context(), rq)
			stored <- err
		}
		go store(sized("new", 1, 8000))
		synctest.Wait() // it recycles the old patient and waits for the instance
		follow := sized("old", 2, 100)
		go store(follow)
		synctest.Wait()
		if err := s.Protect(t.Context(), old.PatientID, true); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("protected while it is being recycled: %v", err)
		}
		unlock()
		for range 2 {
			if err := <-stored; err != nil {
				t.Error(err)
			}
		}
		var list []index.InstanceRow
		err = s.View(t.Context(), func(r index.ReadTx) (err error) {
			list, err = r.Instances(index.Patient, old.PatientID, 0, 10)
			return err
		})
		if err != nil || len(list) != 1 || list[0].SOPInstanceUID != follow.SOPInstanceUID {
			t.Errorf("of what was answered there is %v, %v", list, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
