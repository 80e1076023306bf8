package services_test

import (
	"testing"

	"gantry/internal/config"
	"gantry/internal/jobkinds"
	"gantry/internal/storage/index"
)

// patientOf finds the patient of an instance, and whether its instances were committed.
func (s *site) patientOf(ref index.Reference) (patient index.ID, committed bool) {
	s.t.Helper()
	err := s.store.View(s.t.Context(), func(tx index.ReadTx) error {
		found := make([]index.Found, 1)
		if err := tx.References([]index.Reference{ref}, found); err != nil {
			return err
		}
		patient = found[0].Patient
		var err error
		committed, err = tx.Committed(patient)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return patient, committed
}

// reasonsFor asks for commitment and returns the reason of each reference.
func (s *site) reasonsFor(r *requester, refs ...index.Reference) (got []uint16) {
	s.t.Helper()
	if err := ask(s.t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		s.t.Fatal(err)
	}
	decided := reasons(r.next(s.t).data)
	for _, ref := range refs {
		got = append(got, decided[ref])
	}
	return got
}

// A full store that recycles committed patients, too, promises nothing for the one whose turn is next: 0213H.
func TestPatientAboutToBeRecycled(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.MaximumPatientCount, c.RecycleCommitted = 2, true })
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	next, err1 := s.putOf("NEXT", 1)
	safe, err2 := s.putOf("SAFE", 1)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	got := s.reasonsFor(r, next[0], safe[0])
	if got[0] != jobkinds.ReasonResourceLimitation || got[1] != 0 {
		t.Errorf("%04X", got)
	}
	if _, committed := s.patientOf(next[0]); committed {
		t.Error("the mark says that it was committed")
	}
}

// A committed patient is not recycled: rather is nothing taken any more.
func TestCommittedPatientIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.MaximumPatientCount = 1 })
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	first, err := s.putOf("FIRST", 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, committed := s.patientOf(first[0]); committed {
		t.Error("marked before anybody asked")
	}
	second, err := s.putOf("SECOND", 2) // FIRST makes room
	if err != nil {
		t.Fatal(err)
	}
	if got := s.reasonsFor(r, first[0], second[0], second[1]); got[0] != jobkinds.ReasonNoSuchInstance || got[1] != 0 || got[2] != 0 {
		t.Errorf("%04X", got)
	}
	if _, committed := s.patientOf(second[0]); !committed {
		t.Error("it is not marked")
	}
	if _, err := s.putOf("THIRD", 1); err == nil {
		t.Error("a third patient was taken")
	}
	if found, err := s.store.Lookup(t.Context(), second); err != nil || !found[0].Present || !found[1].Present {
		t.Errorf("%+v %v", found, err)
	}
}

// While a patient is being recycled nothing is promised for it; after that its instances are missing.
func TestPatientBeingRecycled(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	going, err1 := s.putOf("GOING", 1)
	staying, err2 := s.putOf("STAYING", 1)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	patient, _ := s.patientOf(going[0])
	if err := s.store.Update(t.Context(), func(tx index.Tx) error { return tx.SetProperty("recycling", patient[:]) }); err != nil {
		t.Fatal(err)
	}
	if got := s.reasonsFor(r, going[0], staying[0]); got[0] != jobkinds.ReasonResourceLimitation || got[1] != 0 {
		t.Errorf("%04X", got)
	}
}

// With StorageCommitmentVerify "digest" the MD5 is compared, too, where one was kept.
func TestMD5IsVerified(t *testing.T) {
	t.Parallel()
	for verify, want := range map[string]uint16{"exists": 0, "digest": jobkinds.ReasonProcessingFailure} {
		t.Run(verify, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(c *config.Config) { c.StorageCommitmentVerify = verify })
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", r.addr))
			refs := s.putInto(2)
			found, err := s.store.Lookup(t.Context(), refs)
			if err != nil {
				t.Fatal(err)
			}
			for i := range found {
				if _, err := s.store.MD5(t.Context(), found[i].Blob.Instance); err != nil {
					t.Fatal(err)
				}
			}
			err = s.store.Update(t.Context(), func(tx index.Tx) error {
				b, err := tx.Stored(found[0].Blob.Instance)
				if err != nil {
					return err
				}
				b.MD5[0] ^= 1
				return tx.SetBlob(b.Instance, b)
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := s.reasonsFor(r, refs...); got[0] != want || got[1] != 0 {
				t.Errorf("%04X, want %04X", got, want)
			}
		})
	}
}
