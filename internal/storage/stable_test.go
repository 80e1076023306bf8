package storage_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// stableChanges waits until so many stable resources were noted.
func stableChanges(t *testing.T, s *storage.Store, n int) []index.Change {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	q := index.ChangeQuery{To: -1, Limit: 100, Types: []index.ChangeType{index.ChangeStablePatient, index.ChangeStableStudy, index.ChangeStableSeries}}
	for {
		list, _, _, err := s.ChangesLike(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) >= n {
			return list
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("only %d of %d resources became stable", len(list), n)
		}
	}
}

func stable(t *testing.T, s *storage.Store, rs *storage.PutResult) (is bool) {
	t.Helper()
	err := s.View(t.Context(), func(tx index.ReadTx) error {
		series, err1 := tx.Series(rs.SeriesID)
		if err1 == nil {
			is = series.Stable
		}
		return err1
	})
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// What arrived before a restart becomes stable after it, once, from the series up; what comes again is noted again.
func TestStableAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog)
	rs := put(t, s, ct("1", 1, 1, 1).received(t))
	put(t, s, ct("1", 1, 2, 1).received(t))
	if stable(t, s, rs) {
		t.Error("stable at once")
	}
	closeStore(t, s)
	s = open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.StableAge = time.Millisecond })
	list := stableChanges(t, s, 4)
	if len(list) != 4 || list[0].Level != index.Series || list[1].Level != index.Study && list[1].Level != index.Series || list[3].Level != index.Patient {
		t.Errorf("noted %+v", list)
	}
	if !stable(t, s, rs) {
		t.Error("noted as stable and not shown so")
	}
	put(t, s, ct("1", 1, 1, 2).received(t))
	if stable(t, s, rs) {
		t.Error("stable with a new instance")
	}
	if list = stableChanges(t, s, 7); len(list) != 7 {
		t.Errorf("noted %+v", list)
	}
}

// Changes of what was deleted are not shown, like Orthanc's.
func TestChangesOfTheDeleted(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	rs := put(t, s, ct("1", 1, 1, 1).received(t))
	put(t, s, ct("1", 1, 1, 2).received(t))
	if _, err := s.Delete(t.Context(), index.Instance, rs.InstanceID); err != nil {
		t.Fatal(err)
	}
	list, more, last, err := s.ChangesLike(t.Context(), index.ChangeQuery{To: -1, Limit: 10})
	if err != nil || more || last != 5 || len(list) != 4 || list[0].Seq != 2 {
		t.Errorf("%+v %t %d %v", list, more, last, err)
	}
}

// The change log does not keep what was deleted for ever.
func TestChangesAreSwept(t *testing.T) {
	t.Parallel()
	s := open(t, "", storage.LayoutMemory) // the change log alone is asked about
	put(t, s, ct("kept", 1, 1, 1).received(t))
	o := ct("gone", 1, 1, 1000)
	o.pixels = nil
	ds := o.dataset(t)
	at := bytes.Index(ds, []byte(o.sop)) + len(o.sop) - 4
	s.CountDeleted(3000) // as if so many had gone earlier
	for range 3 {
		for i := range 700 {
			copy(ds[at:], fmt.Sprint(1000+i))
			o.sop = o.sop[:len(o.sop)-4] + fmt.Sprint(1000+i)
			put(t, s, receivedBytes(o, ds))
		}
		if _, err := s.Delete(t.Context(), index.Patient, patientID("gone")); err != nil {
			t.Fatal(err)
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var left []index.Change
		err := s.View(t.Context(), func(tx index.ReadTx) (err error) { left, err = tx.Changes(0, 10_000); return err })
		if err != nil {
			t.Fatal(err)
		}
		if len(left) < 100 && len(left) >= 4 {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%d changes are left", len(left))
		}
	}
}
