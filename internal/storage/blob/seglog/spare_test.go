package seglog

import (
	"errors"
	"sync/atomic"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/disk"
)

// crampedDisk is the system's file system on a disk that says how much room it has.
type crampedDisk struct {
	disk.OS
	free atomic.Int64
}

func (c *crampedDisk) Free(string) (int64, error) { return c.free.Load(), nil }

// When hardly any room is left objects are refused, the index keeps its room, and deletions go on.
func TestObjectsLeaveRoomForDeletions(t *testing.T) {
	t.Parallel()
	fs := &crampedDisk{}
	fs.free.Store(1 << 40)
	s, err := Open(t.Context(), t.TempDir(), Options{FS: fs, SegmentSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var kept []blob.Ref
	for range 12 {
		kept = append(kept, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, make([]byte, 60_000)))
	}
	fs.free.Store(4 << 10)
	for refused := false; !refused; {
		_, err := blobtest.Commit(t.Context(), s, blob.KindInstance, blob.Meta{}, make([]byte, 60_000))
		if refused = errors.Is(err, blob.ErrFull); err != nil && !refused {
			t.Fatal(err)
		}
	}
	for _, ref := range kept {
		ticket, err := s.Delete(t.Context(), ref)
		if err == nil {
			err = ticket.Wait(t.Context())
		}
		if err != nil {
			t.Fatalf("a deletion on a full disk: %v", err)
		}
	}
	fs.free.Store(1 << 40)
	blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, make([]byte, 60_000))
}
