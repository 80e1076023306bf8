package jobkinds

import (
	"context"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// propertyRecycling names the property that holds the id of the patient that is being recycled.
const propertyRecycling = "recycling"

// recycling is the patient that is being recycled, the zero id if none is.
func recycling(tx index.ReadTx) (id index.ID, err error) {
	value, err := tx.Property(propertyRecycling)
	copy(id[:], value)
	return id, ignoreNotFound(err)
}

// commitStore is the store as decisions see it.
type commitStore struct{ *storage.Store }

// Doomed tells which patients are about to be recycled.
func (s commitStore) Doomed(ctx context.Context) (map[index.ID]bool, error) {
	doomed := map[index.ID]bool{}
	err := s.View(ctx, func(tx index.ReadTx) error {
		id, err := recycling(tx)
		if id != (index.ID{}) {
			doomed[id] = true
		}
		return err
	})
	return doomed, err
}
