package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"gantry/internal/storage/index"
)

// Quota bounds what a store holds (Orthanc's MaximumStorageSize, MaximumPatientCount and MaximumStorageMode).
type Quota struct {
	Bytes    int64 // on the disk, of instances and attachments together; 0: no limit
	Patients int   // 0: no limit
	// Reject refuses what goes beyond the limits. Otherwise the patients that nothing was stored to for longest make room,
	// but for the protected ones.
	Reject bool
	// RecycleCommitted lets those go, too, of whom we have promised to keep an instance (storage commitment).
	RecycleCommitted bool
}

func (q Quota) limited() bool { return q.Bytes > 0 || q.Patients > 0 }

func (q Quota) String() string {
	switch {
	case q.Bytes > 0 && q.Patients > 0:
		return fmt.Sprintf("%d MB, %d patients", q.Bytes>>20, q.Patients)
	case q.Patients > 0:
		return fmt.Sprintf("%d patients", q.Patients)
	}
	return fmt.Sprintf("%d MB", q.Bytes>>20)
}

// room knows how much the store holds and has promised to hold, so that arrivals of any number together never go beyond
// the quota.
type room struct {
	mu        sync.Mutex
	bytes     int64            // stored, and granted to what is under way
	newcomers map[index.ID]int // patients granted to what is under way
	known     map[index.ID]struct{}
	settled   uint64           // counts newcomers that have ended
	busy      map[index.ID]int // patients that something is being stored to

	recycling chan struct{} // holds one token: the right to make room
}

// claim is what an arrival needs of the quota.
type claim struct {
	patient  index.ID
	bytes    int64 // may be negative
	creates  bool  // it may be the first of its patient
	granted  bool
	newcomer bool
}

// maxKnown bounds the patients that are remembered to be there.
const maxKnown = 10_000

func (r *room) enter(patient index.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy == nil {
		r.busy = map[index.ID]int{}
	}
	r.busy[patient]++
}

func (r *room) leave(patient index.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[patient]--; r.busy[patient] == 0 {
		delete(r.busy, patient)
	}
}

// settle ends a claim: what it was granted is given back unless it was kept.
func (r *room) settle(c *claim, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !c.granted {
		return
	}
	if !kept {
		r.bytes -= c.bytes
	}
	if c.newcomer {
		if r.newcomers[c.patient]--; r.newcomers[c.patient] == 0 {
			delete(r.newcomers, c.patient)
			r.settled++
		}
	}
	c.granted, c.newcomer = false, false
}

// freed counts what was deleted.
func (r *room) freed(lists ...[]index.Blob) {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.known)
	for _, blobs := range lists {
		for i := range blobs {
			r.bytes -= blobs[i].Size
		}
	}
}

// admit grants a claim if there is room for it.
func (s *Store) admit(ctx context.Context, c *claim) (bool, error) {
	q, r := s.o.Quota, &s.room
	for {
		isNew, patients, seen := false, int64(0), uint64(0)
		if q.Patients > 0 && c.creates {
			var err error
			if isNew, patients, seen, err = s.newPatient(ctx, c.patient); err != nil {
				return false, err
			}
		}
		r.mu.Lock()
		if isNew && seen != r.settled {
			r.mu.Unlock() // others have come since they were counted
			continue
		}
		full := q.Bytes > 0 && c.bytes > 0 && r.bytes+c.bytes > q.Bytes ||
			isNew && r.newcomers[c.patient] == 0 && patients+int64(len(r.newcomers)) >= int64(q.Patients)
		if !full {
			r.bytes += c.bytes
			c.granted, c.newcomer = true, isNew
			if isNew {
				r.newcomers[c.patient]++
			}
		}
		r.mu.Unlock()
		return !full, nil
	}
}

// newPatient tells whether a patient is not in the index, and how many are.
func (s *Store) newPatient(ctx context.Context, id index.ID) (isNew bool, patients int64, seen uint64, err error) {
	r := &s.room
	r.mu.Lock()
	seen = r.settled
	_, known := r.known[id]
	r.mu.Unlock()
	if known {
		return false, 0, seen, nil
	}
	err = s.View(ctx, func(tx index.ReadTx) error {
		st, err := tx.Statistics()
		patients = st.Patients
		if err == nil {
			_, err = tx.PatientOf(index.Resource{Level: index.Patient, ID: id})
		}
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return true, patients, seen, nil
	}
	if err == nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.known) >= maxKnown {
			clear(r.known)
		}
		r.known[id] = struct{}{}
	}
	return false, patients, seen, s.typed("count the patients", err)
}

// takeIn decides what is to become of an arrival and makes room for it. Without an error the identity of the instance is
// locked, and the arrival is to leave arrivals and to settle its claim. No identity is held while others are deleted.
func (s *Store) takeIn(ctx context.Context, mode Overwrite, a *arrival) (PutStatus, error) {
	for {
		if err := s.identities.lock(ctx, a.n.ID); err != nil {
			s.room.settle(&a.claim, false)
			return 0, err
		}
		a.old = nil
		status, err := s.decide(ctx, mode, a)
		if err == nil && status == AlreadyStored {
			s.room.settle(&a.claim, false)
			return status, nil
		}
		if err == nil {
			err = s.claimBytes(ctx, a)
		}
		if err == nil && a.granted {
			return status, nil
		}
		s.arrivals.leave(a)
		s.identities.unlock(a.n.ID)
		if err == nil {
			err = s.makeRoom(ctx, &a.claim)
		}
		if err != nil {
			s.room.settle(&a.claim, false)
			return 0, err
		}
	}
}

// claimBytes claims what an arrival adds to the store.
func (s *Store) claimBytes(ctx context.Context, a *arrival) error {
	need := a.n.Blob.Size
	if a.old != nil {
		need -= a.old.Size
	}
	if a.granted && a.bytes == need {
		return nil
	}
	s.room.settle(&a.claim, false)
	a.bytes = need
	_, err := s.admit(ctx, &a.claim)
	return err
}

// openRoom counts what is there and brings it within the limits.
func (s *Store) openRoom(ctx context.Context) error {
	r := &s.room
	r.newcomers, r.known, r.recycling = map[index.ID]int{}, map[index.ID]struct{}{}, make(chan struct{}, 1)
	r.recycling <- struct{}{}
	var st index.Statistics
	err := s.idx.View(ctx, func(tx index.ReadTx) (err error) { st, err = tx.Statistics(); return err })
	if err != nil {
		return err
	}
	r.bytes = st.Bytes + st.AttachedBytes
	if err := s.finishRecycling(ctx); err != nil || s.o.Frozen || s.o.Quota.Reject {
		return err
	}
	return s.trim(ctx)
}

// beingStoredTo are the patients that something is being stored to.
func (r *room) beingStoredTo() map[index.ID]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.busy)
}
