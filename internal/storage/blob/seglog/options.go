package seglog

import (
	"log/slog"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/disk"
)

// Options say how a log is kept. The zero value is good for a daemon.
type Options struct {
	SegmentSize  int64 // 256 MiB; at least 1 MiB
	SpillSize    int64 // larger objects go to a file of their own; 4 MiB, at most an eighth of a segment
	MemoryBudget int64 // for objects being written; 64 MiB
	FillAhead    int64 // zero-filled ahead of the writers; 64 MiB
	CompactRate  int64 // bytes per second the background compaction may copy; 16 MiB, negative turns it off
	Files        bool  // new objects go to a file each, below files; see package fsblob
	NoSync       bool  // tickets wait for the system to have the bytes, not for the disk
	ReadOnly     bool  // for looking into a log that must not change; takes no lock

	FS     disk.FS          // disk.OS
	Logger *slog.Logger     // nil discards
	Clock  func() time.Time // time.Now

	// Damaged, when set, is told of every damaged place met while opening.
	Damaged func(blob.Finding)
}

// reserve is the room kept in every segment for tombstones when the disk is full.
func (o *Options) reserve() int64 { return min(1<<20, o.SegmentSize/16/blockSize*blockSize) }

func (o Options) withDefaults() Options {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.SegmentSize, 256<<20)
	def(&o.SpillSize, 4<<20)
	def(&o.MemoryBudget, 64<<20)
	def(&o.FillAhead, 64<<20)
	def(&o.CompactRate, 16<<20)
	o.SegmentSize = max(1<<20, min(o.SegmentSize, 4<<30)) / blockSize * blockSize
	o.SpillSize = min(o.SpillSize, o.SegmentSize/8)
	o.FillAhead = min(o.FillAhead, o.SegmentSize/4) / blockSize * blockSize
	if o.FS == nil {
		o.FS = disk.OS{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}
