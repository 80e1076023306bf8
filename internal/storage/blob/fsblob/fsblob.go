// Package fsblob is a blob.Store that keeps every object in a file of its own:
// plain DICOM files named by random keys, for those who want to see them or put
// the folder under other tools.
//
// The files hold nothing but the object. What is known of its reception, and
// whether it was deleted, stands in a journal beside them, which is an object
// log (package seglog) whose records have their payload elsewhere. A sidecar
// per file would have doubled the files, the folders' sizes and the syncs; the
// journal costs one append, and its sync is shared by all who wait. So replay,
// recovery, check, compaction and backup are the log's, and a folder may be
// opened in either way: each object is where its record says, whatever the
// layout was when it came.
//
// An object becomes durable in this order: its file is written under a passing
// name and synced, renamed, its folder synced (shared by those who arrive
// together), then its record synced.
package fsblob

import (
	"context"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/seglog"
)

// Open opens or makes a store in dir. Options.Files is set; the others mean what
// they mean for a log, and so do the errors.
func Open(ctx context.Context, dir string, opt seglog.Options) (blob.Store, error) {
	opt.Files = true
	if opt.SegmentSize == 0 {
		opt.SegmentSize = 32 << 20 // records are small
	}
	s, err := seglog.Open(ctx, dir, opt)
	if err != nil {
		return nil, err
	}
	return s, nil
}
