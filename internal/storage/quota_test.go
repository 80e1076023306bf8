package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// ticking is a clock that moves a millisecond with every look at it.
func ticking(o *storage.Options) {
	var n atomic.Int64
	o.Clock = func() time.Time {
		return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).Add(time.Duration(n.Add(1)) * time.Millisecond)
	}
}

func limited(q storage.Quota) func(*storage.Options) { return func(o *storage.Options) { o.Quota = q } }

// patients lists the patients of a store by their PatientID.
func patients(t *testing.T, s *storage.Store) (names []string) {
	t.Helper()
	err := s.View(t.Context(), func(tx index.ReadTx) error {
		list, err := tx.List(index.Patient, 0, 1000)
		for _, e := range list {
			row, err := tx.Patient(e.ID)
			if err != nil {
				return err
			}
			names = append(names, row.Tags[1].Value)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func patientID(name string) index.ID { return index.NewID(name) }

// The patient that nothing was stored to for longest goes, never a protected or a committed one, nor the one stored to.
func TestRecycling(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		s := open(t, t.TempDir(), layout, ticking, limited(storage.Quota{Patients: 2}))
		want := func(names ...string) {
			t.Helper()
			if got := patients(t, s); !slices.Equal(got, names) {
				t.Errorf("patients %v, want %v", got, names)
			}
		}
		put(t, s, ct("1", 1, 1, 1).received(t))
		put(t, s, ct("2", 1, 1, 1).received(t))
		put(t, s, ct("1", 1, 1, 2).received(t)) // the oldest, and the one stored to last
		put(t, s, ct("3", 1, 1, 1).received(t))
		want("1", "3")
		protect := func(name string, on bool) {
			t.Helper()
			if err := s.Protect(t.Context(), patientID(name), on); err != nil {
				t.Fatal(err)
			}
		}
		protect("1", true)
		put(t, s, ct("4", 1, 1, 1).received(t))
		want("1", "4")
		if next, found, err := s.NextToRecycle(t.Context()); !found || err != nil || next != patientID("4") {
			t.Errorf("next %v %t %v, want patient 4", next, found, err)
		}
		err := s.Update(t.Context(), func(tx index.Tx) error { return tx.MarkCommitted(patientID("4")) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), ct("5", 1, 1, 1).received(t)); !errors.Is(err, storage.ErrFull) {
			t.Errorf("with nobody to recycle: %v", err)
		}
		put(t, s, ct("4", 1, 1, 2).received(t)) // no new patient
		protect("1", false)
		put(t, s, ct("5", 1, 1, 1).received(t))
		want("4", "5")
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}

func TestRecyclingCommittedPatients(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog, ticking, limited(storage.Quota{Patients: 1, RecycleCommitted: true}))
	put(t, s, ct("1", 1, 1, 1).received(t))
	if err := s.Update(t.Context(), func(tx index.Tx) error { return tx.MarkCommitted(patientID("1")) }); err != nil {
		t.Fatal(err)
	}
	put(t, s, ct("2", 1, 1, 1).received(t))
	if got := patients(t, s); !slices.Equal(got, []string{"2"}) {
		t.Errorf("patients %v", got)
	}
}

func TestRejectAtTheLimit(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog, limited(storage.Quota{Patients: 1, Reject: true}))
	put(t, s, ct("1", 1, 1, 1).received(t))
	put(t, s, ct("1", 1, 1, 2).received(t))
	var limit *storage.LimitError
	if _, err := s.Put(t.Context(), ct("2", 1, 1, 1).received(t)); !errors.As(err, &limit) || !errors.Is(err, storage.ErrFull) {
		t.Errorf("a second patient: %v", err)
	}
	if rs := put(t, s, ct("1", 1, 1, 1).received(t)); rs.Status != storage.AlreadyStored {
		t.Errorf("status %v", rs.Status)
	}
}

// However many arrive at once, the store never holds more than its quota.
func TestQuotaIsNeverExceeded(t *testing.T) {
	t.Parallel()
	quota := storage.Quota{Bytes: 40_000, Patients: 7}
	s := open(t, t.TempDir(), storage.LayoutLog, limited(quota))
	var senders sync.WaitGroup
	for w := range 6 {
		senders.Go(func() {
			for i := range 40 {
				if _, err := s.Put(t.Context(), ct(fmt.Sprint(i%10+w), 1, w, i).received(t)); err != nil && !errors.Is(err, storage.ErrFull) {
					t.Error(err)
				}
				if st := counts(t, s); st.Bytes > quota.Bytes || st.Patients > int64(quota.Patients) {
					t.Errorf("beyond the quota: %+v", st)
				}
			}
		})
	}
	senders.Wait()
	if st := counts(t, s); st.Bytes < quota.Bytes/4 {
		t.Errorf("more was recycled than had to be: %+v", st)
	}
	checkAgrees(t, s, storage.CheckOptions{Checksums: true})
}

// A patient half recycled when the process ended is gone after the next start; limits that were lowered hold, too.
func TestRecyclingGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog, ticking)
	for i := range 4 {
		put(t, s, ct(fmt.Sprint(i), 1, 1, 1).received(t))
	}
	id := patientID("3")
	if err := s.Update(t.Context(), func(tx index.Tx) error { return tx.SetProperty("recycling", id[:]) }); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	s = open(t, dir, storage.LayoutLog, limited(storage.Quota{Patients: 2}))
	if got := patients(t, s); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("patients %v", got)
	}
	if _, err := s.Put(t.Context(), ct("9", 1, 1, 1).received(t)); err != nil {
		t.Error(err)
	}
}

func TestFrozenStoreTakesNoChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, storage.LayoutLog)
	rs := put(t, s, ct("1", 1, 1, 1).received(t))
	closeStore(t, s)
	s = open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.Frozen = true })
	ctx := t.Context()
	_, err1 := s.Put(ctx, ct("2", 1, 1, 1).received(t))
	_, err2 := s.Delete(ctx, index.Instance, rs.InstanceID)
	_, err3 := s.SetMetadata(ctx, rs.InstanceID, 1024, "x", nil)
	for i, err := range []error{err1, err2, err3, s.SetLabel(ctx, rs.InstanceID, "x", true), s.Protect(ctx, rs.PatientID, true),
		s.ClearChanges(ctx), s.Recode(ctx, rs.InstanceID, storage.DicomFile, true), s.Reconstruct(ctx, 0, index.ID{}, false)} {
		if !errors.Is(err, storage.ErrFrozen) {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if len(stored(t, s, rs.InstanceID)) == 0 {
		t.Error("nothing to read")
	}
}

// An attachment that is to be replaced goes with its owner while that happens; the owner that is stored again is another
// one. The limit holds to the byte afterwards.
func TestQuotaWhenOwnerIsStoredAgain(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		const quota = 100_000
		s := open(t, t.TempDir(), layout, limited(storage.Quota{Bytes: quota, Reject: true}))
		o := ct("1", 1, 1, 1)
		rs := put(t, s, o.received(t))
		attach(t, s, rs.InstanceID, 1024, strings.Repeat("1", 40_000))
		_, err := s.Attach(t.Context(), rs.InstanceID, &storage.AttachRequest{Number: 1024, Data: strings.NewReader(strings.Repeat("2", 50_000)),
			Guard: func(*index.Attachment) error {
				_, err := s.Delete(t.Context(), index.Instance, rs.InstanceID)
				if err == nil {
					put(t, s, o.received(t))
				}
				return err
			}})
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("attached in place of what is gone: %v", err)
		}
		st := counts(t, s)
		fill := func(n int64) error {
			_, err := s.Attach(t.Context(), rs.InstanceID, &storage.AttachRequest{Number: 1025, Data: strings.NewReader(strings.Repeat("3", int(n)))})
			return err
		}
		left := quota - st.Bytes - st.AttachedBytes
		if err := fill(left + 1); !errors.Is(err, storage.ErrFull) {
			t.Errorf("beyond the limit: %v", err)
		}
		if err := fill(left); err != nil {
			t.Errorf("within the limit: %v", err)
		}
		checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	})
}
