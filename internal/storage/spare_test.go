package storage_test

import (
	"errors"
	"math"
	"testing"

	"gantry/internal/storage"
)

// What is written beside the objects leaves room on the disk.
func TestCheckFree(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	if err := s.CheckFree(math.MaxInt64 / 2); !errors.Is(err, storage.ErrFull) {
		t.Errorf("more than any disk has: %v", err)
	}
}
