package jobkinds

import (
	"bytes"
	"errors"
	"testing"

	"gantry/internal/jobs"
	"gantry/internal/storage"
)

// The file of an archive stops growing before the disk is full, and the job says why.
func TestArchiveLeavesRoom(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	w := &sparing{&file, func(n int64) error {
		if int64(file.Len())+n > 10 {
			return storage.ErrFull
		}
		return nil
	}}
	if _, err := w.Write(make([]byte, 8)); err != nil {
		t.Error(err)
	}
	_, err := w.Write(make([]byte, 8))
	var failed *jobs.Error
	if !errors.As(archiveError(err), &failed) || failed.Code != jobs.CodeFullStorage || file.Len() != 8 {
		t.Errorf("%d bytes, %v", file.Len(), archiveError(err))
	}
}
