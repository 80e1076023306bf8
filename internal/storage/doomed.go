package storage

import (
	"context"
	"errors"

	"gantry/internal/storage/index"
)

// Recycling is the patient that is being recycled, the zero id if none is.
func Recycling(tx index.ReadTx) (patient index.ID, err error) {
	noted, err := tx.Property(recyclingProperty)
	if errors.Is(err, index.ErrNotFound) {
		return patient, nil
	}
	copy(patient[:], noted)
	return patient, err
}

// Doomed tells whom nobody can promise to keep: the patient that is being recycled, and in a full store that recycles
// patients with committed instances, too, the one whose turn is next.
func (s *Store) Doomed(ctx context.Context) (map[index.ID]bool, error) {
	doomed := map[index.ID]bool{}
	err := s.View(ctx, func(tx index.ReadTx) error {
		id, err := Recycling(tx)
		if err == nil && id != (index.ID{}) {
			doomed[id] = true
		}
		if full, e := s.full(tx); !full || e != nil {
			return errors.Join(err, e)
		}
		next, found, e := s.nextToRecycle(tx, nil)
		if found && e == nil {
			doomed[next] = true
		}
		return errors.Join(err, e)
	})
	return doomed, s.typed("look for patients to recycle", err)
}

// full tells whether the next patient, or one more object of the usual size, would have a committed patient recycled.
func (s *Store) full(tx index.ReadTx) (bool, error) {
	q := s.o.Quota
	if !q.limited() || q.Reject || !q.RecycleCommitted || s.o.Frozen {
		return false, nil
	}
	st, err := tx.Statistics()
	if err != nil || st.Instances == 0 {
		return false, err
	}
	usual := st.Bytes / st.Instances
	return q.Patients > 0 && st.Patients >= int64(q.Patients) || q.Bytes > 0 && st.Bytes+st.AttachedBytes+usual > q.Bytes, nil
}
