package seglog

import (
	"fmt"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// measured is a file system that knows how much room is left where a folder lies, in bytes.
type measured interface {
	Free(dir string) (int64, error)
}

// spare returns an error for which errors.Is(err, blob.ErrFull) holds if n more bytes for an object would take what is
// kept free. Tombstones may take it. Where nothing is known about the room the disk itself has to tell.
func (s *Store) spare(n int64, object bool) error {
	fs, known := s.fs.(measured)
	if !known || !object {
		return nil
	}
	keep := min(disk.KeepFree, s.opt.SegmentSize/8)
	if free, err := fs.Free(s.dir); err == nil && free-n < keep {
		return fmt.Errorf("%w: %d bytes are free, and %d of them are kept for the index", blob.ErrFull, free, keep)
	}
	return nil
}
