package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	mu      sync.Mutex
	bytes   int64            // stored, and granted to what is under way
	held    map[index.ID]int // patients granted to what is under way, with a limit of patients
	version uint64           // counts changes of held
	known   map[index.ID]struct{}
	busy    map[index.ID]int // patients that something is being stored to, or waits to be
	storing map[index.ID]int // patients that something was granted for that is being stored to, where patients are recycled
	doomed  index.ID         // the patient that is being recycled: what comes for it waits
	settled chan struct{}    // closed when a patient is no longer held or stored to

	gate      sync.RWMutex  // patients are counted and admitted while nothing takes patients out of the index
	recycling chan struct{} // holds one token: the right to make room
}

// claim is what an arrival needs of the quota.
type claim struct {
	patient index.ID
	bytes   int64 // may be negative
	creates bool  // it may be the first of its patient
	granted bool
	holds   bool // the patient
	stores  bool // counted in storing
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
	if c.holds {
		if r.held[c.patient]--; r.held[c.patient] == 0 {
			delete(r.held, c.patient)
			r.version++
			r.tell()
		}
	}
	if c.stores {
		if r.storing[c.patient]--; r.storing[c.patient] == 0 {
			delete(r.storing, c.patient)
			r.tell()
		}
	}
	c.granted, c.holds, c.stores = false, false, false
}

// tell wakes who waits for a patient to be settled. Called with mu held.
func (r *room) tell() {
	close(r.settled)
	r.settled = make(chan struct{})
}

// doom keeps everything from being stored to a patient until spare, unless something is.
func (r *room) doom(patient index.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.storing[patient] > 0 || r.held[patient] > 0 {
		return false
	}
	r.doomed = patient
	return true
}

func (r *room) spare() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doomed = index.ID{}
}

// beingRecycled is the patient that is doomed, if there is one.
func (r *room) beingRecycled() index.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.doomed
}

// freed counts what was deleted.
func (r *room) freed(lists ...[]index.Blob) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, blobs := range lists {
		for i := range blobs {
			r.bytes -= blobs[i].Size
		}
	}
}

// without runs a transaction that may take patients out of the index.
func (r *room) without(fn func() error) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		clear(r.known)
	}()
	return fn()
}

// admit grants a claim if there is room for it.
func (s *Store) admit(ctx context.Context, c *claim) (bool, error) {
	q, r := s.o.Quota, &s.room
	holds := q.Patients > 0 && c.creates
	if holds {
		r.gate.RLock()
		defer r.gate.RUnlock()
	}
	for {
		fits, seen := true, uint64(0)
		if holds {
			var err error
			if fits, seen, err = s.patientFits(ctx, c.patient); err != nil {
				return false, err
			}
		}
		r.mu.Lock()
		if holds && seen != r.version {
			r.mu.Unlock() // others have come or gone since the patients were counted
			continue
		}
		fits = fits && (q.Bytes == 0 || c.bytes <= 0 || r.bytes+c.bytes <= q.Bytes) && (r.doomed == index.ID{} || r.doomed != c.patient)
		if fits {
			r.bytes += c.bytes
			c.granted, c.holds, c.stores = true, holds, q.limited() && !q.Reject
			if c.stores {
				r.storing[c.patient]++
			}
			if holds {
				if r.held[c.patient]++; r.held[c.patient] == 1 {
					r.version++
				}
			}
		}
		r.mu.Unlock()
		return fits, nil
	}
}

// patientFits tells whether a patient is there, or is to be, or may come in addition to those.
func (s *Store) patientFits(ctx context.Context, id index.ID) (fits bool, seen uint64, err error) {
	r := &s.room
	r.mu.Lock()
	seen = r.version
	_, known := r.known[id]
	known = known || r.held[id] > 0
	coming := slices.Collect(maps.Keys(r.held))
	r.mu.Unlock()
	if known {
		return true, seen, nil
	}
	there := false
	err = s.View(ctx, func(tx index.ReadTx) error {
		st, err := tx.Statistics()
		if err != nil {
			return err
		}
		count := st.Patients
		for _, other := range append(coming, id) {
			_, err := tx.PatientOf(index.Resource{Level: index.Patient, ID: other})
			switch {
			case err == nil:
				there = there || other == id
			case errors.Is(err, index.ErrNotFound):
				count++
			default:
				return err
			}
		}
		fits = there || count <= int64(s.o.Quota.Patients)
		return nil
	})
	if err != nil {
		return false, seen, s.typed("count the patients", err)
	}
	if there {
		r.know(id)
	}
	return fits, seen, nil
}

// know remembers that a patient is there.
func (r *room) know(id index.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxKnown {
		clear(r.known)
	}
	r.known[id] = struct{}{}
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
		switch {
		case err != nil:
		case status != AlreadyStored:
			err = s.claimBytes(ctx, a)
		case s.room.beingRecycled() == a.patient: // not for long
			s.room.settle(&a.claim, false)
			a.bytes = a.n.Blob.Size
		default:
			s.room.settle(&a.claim, false)
			return status, nil
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
	r.held, r.storing, r.known = map[index.ID]int{}, map[index.ID]int{}, map[index.ID]struct{}{}
	r.settled = make(chan struct{})
	r.recycling = make(chan struct{}, 1)
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

// spoken tells which patients something is being stored to: those that it waits for, and those that it was granted.
// settled is closed when one is no longer among the latter.
func (r *room) spoken() (busy, storing map[index.ID]int, settled <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.busy), maps.Clone(r.storing), r.settled
}
