package memblob_test

import (
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
	"gantry/internal/storage/blob/memblob"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	blobtest.Suite{
		Open:     func(*testing.T, string) blob.Store { return memblob.New() },
		Volatile: true, Large: 5 << 20,
	}.Run(t)
}
