package storage

import (
	"fmt"

	"gantry/internal/storage/blob/disk"
)

// CheckFree tells whether n more bytes may be written into the data folder beside the objects: ErrFull if they would take
// what is kept free for the index, which needs it for deletions. Where nothing is known about the room the disk itself
// has to tell.
func (s *Store) CheckFree(n int64) error {
	free, err := disk.OS{}.Free(s.o.Dir)
	if err != nil || free-n >= disk.KeepFree {
		return nil //nolint:nilerr // see above
	}
	return fmt.Errorf("%w: %d bytes are free, and %d of them are kept for the index", ErrFull, free, disk.KeepFree)
}
