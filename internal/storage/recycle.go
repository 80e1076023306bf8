package storage

import (
	"context"
	"errors"

	"gantry/internal/storage/index"
)

// recyclingProperty names the patient that is being recycled, from before the first of its instances goes until after
// the last. A storage commitment that is decided meanwhile does not promise to keep them.
const recyclingProperty = "recycling"

// makeRoom recycles patients until a claim can be granted.
func (s *Store) makeRoom(ctx context.Context, c *claim) error {
	q := s.o.Quota
	if q.Reject || q.Bytes > 0 && c.bytes > q.Bytes {
		return &LimitError{Limit: q.String()}
	}
	select {
	case <-s.room.recycling:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { s.room.recycling <- struct{}{} }()
	if doomed := s.room.beingRecycled(); doomed != (index.ID{}) { // an attempt before this one failed on the way
		if err := s.recycle(context.WithoutCancel(ctx), doomed); err != nil {
			return s.typed("recycle", err)
		}
	}
	for {
		if ok, err := s.admit(ctx, c); ok || err != nil {
			return err
		}
		if found, err := s.recycleOne(ctx, &c.patient); err != nil {
			return s.typed("recycle", err)
		} else if !found {
			return &LimitError{Limit: q.String()}
		}
	}
}

// recycleOne deletes the patient whose turn it is, never the given one.
func (s *Store) recycleOne(ctx context.Context, never *index.ID) (found bool, err error) {
	for {
		victim, found, wait, err := s.choose(ctx, never)
		switch {
		case err != nil:
			return false, err
		case found:
			return true, s.recycle(context.WithoutCancel(ctx), victim) // once begun a patient is not left half there
		case wait == nil:
			return false, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// choose finds the next to be recycled and notes it. If there are only patients that something is just being stored to,
// wait is closed when that may have changed.
func (s *Store) choose(ctx context.Context, never *index.ID) (victim index.ID, found bool, wait <-chan struct{}, err error) {
	busy, storing, settled := s.room.spoken()
	err = s.Update(ctx, func(tx index.Tx) error {
		var passed bool
		victim, found, passed, err = s.candidate(tx, never, busy, storing)
		if found && err == nil && !s.room.doom(victim) {
			found, passed = false, true // something has begun to be stored to it meanwhile
		}
		if passed {
			wait = settled
		}
		if found && err == nil && s.pending.of(victim) { // it was chosen without regard to what came last
			s.room.spare()
			found, wait = false, nothingToWaitFor()
		}
		if !found || err != nil {
			return err
		}
		return tx.SetProperty(recyclingProperty, victim[:])
	})
	if err != nil {
		s.room.spare()
	}
	return victim, found, wait, err
}

// nothingToWaitFor is closed.
func nothingToWaitFor() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// nextToRecycle is candidate as things stand now.
func (s *Store) nextToRecycle(tx index.ReadTx, never *index.ID) (index.ID, bool, error) {
	busy, storing, _ := s.room.spoken()
	id, found, _, err := s.candidate(tx, never, busy, storing)
	return id, found, err
}

// candidate finds the patient to be recycled next: one that nothing is being stored to, if there is such a one, and
// never one that room was granted for; passed tells that there is one of those.
func (s *Store) candidate(tx index.ReadTx, never *index.ID, busy, storing map[index.ID]int) (id index.ID, found, passed bool, err error) {
	ids, err := tx.ToRecycle(s.o.Quota.RecycleCommitted, len(busy)+len(storing)+2)
	if err != nil {
		return id, false, false, err
	}
	var second *index.ID
	for i := range ids {
		switch {
		case never != nil && ids[i] == *never:
		case storing[ids[i]] > 0:
			passed = true
		case busy[ids[i]] == 0:
			return ids[i], true, passed, nil
		case second == nil:
			second = &ids[i]
		}
	}
	if second != nil {
		return *second, true, passed, nil
	}
	return id, false, passed, nil
}

// recycle deletes a patient that was chosen. What comes for it meanwhile waits: it is not to be deleted with the rest. That
// holds after an error, too, as the next start finishes this if nobody does before.
func (s *Store) recycle(ctx context.Context, patient index.ID) error {
	d, err := s.remove(ctx, index.Patient, patient)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	s.emptySoon()
	if d != nil {
		s.log.Info("recycled a patient to make room", "patient", patient, "instances", d.Instances, "bytes", d.Bytes)
	}
	if err := s.idx.Update(ctx, func(tx index.Tx) error { return tx.DeleteProperty(recyclingProperty) }); err != nil {
		return err
	}
	s.room.spare()
	return nil
}

// NextToRecycle tells which patient would be recycled next if the store went beyond its limits now; found is false
// where there are none, nothing is ever recycled, or nobody may be.
func (s *Store) NextToRecycle(ctx context.Context) (patient index.ID, found bool, err error) {
	if !s.o.Quota.limited() || s.o.Quota.Reject || s.o.Frozen {
		return index.ID{}, false, nil
	}
	err = s.View(ctx, func(tx index.ReadTx) error {
		patient, found, err = s.nextToRecycle(tx, nil)
		return err
	})
	return patient, found, s.typed("look for the next patient to recycle", err)
}

// finishRecycling deletes what is left of a patient that was being recycled when the last process ended.
func (s *Store) finishRecycling(ctx context.Context) error {
	var noted []byte
	err := s.idx.View(ctx, func(tx index.ReadTx) (err error) { noted, err = tx.Property(recyclingProperty); return err })
	if errors.Is(err, index.ErrNotFound) {
		return nil
	}
	var patient index.ID
	if err != nil || copy(patient[:], noted) < len(patient) {
		return err
	}
	return s.recycle(ctx, patient)
}

// trim recycles what goes beyond limits that were lowered.
func (s *Store) trim(ctx context.Context) error {
	for {
		over, err := s.beyond(ctx)
		if err != nil || !over {
			return err
		}
		if found, err := s.recycleOne(ctx, nil); err != nil {
			return err
		} else if !found {
			s.log.Warn("the store is beyond its limits and nothing may be recycled", "limits", s.o.Quota.String())
			return nil
		}
	}
}

// beyond tells whether the store holds more than its quota.
func (s *Store) beyond(ctx context.Context) (bool, error) {
	q := s.o.Quota
	if !q.limited() {
		return false, nil
	}
	var st index.Statistics
	err := s.idx.View(ctx, func(tx index.ReadTx) (err error) { st, err = tx.Statistics(); return err })
	return q.Bytes > 0 && st.Bytes+st.AttachedBytes > q.Bytes || q.Patients > 0 && st.Patients > int64(q.Patients), err
}
