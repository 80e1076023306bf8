package storage

import (
	"sync"

	"gantry/internal/storage/blob"
)

// flights knows which records of the log are not in the index yet, to tell from where a replay has to begin.
//
// Where a record will lie is not known before it is written, but it will be behind every record whose end was seen
// before it was begun. So each flight remembers the highest end seen at its start: its floor. Floors rise, and that of
// the oldest flight is where a replay has to begin; without flights it is the highest end.
type flights struct {
	mu          sync.Mutex
	end         blob.Position
	first, last *flight
}

// flight is a record being written, or a batch of tombstones.
type flight struct {
	floor      blob.Position
	prev, next *flight
	landing    bool // among the rows that are being committed
}

// begin registers a flight before its record is committed to the log.
func (f *flights) begin(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.floor, fl.prev, fl.next = f.end, f.last, nil
	if f.last == nil {
		f.first = fl
	} else {
		f.last.next = fl
	}
	f.last = fl
}

// saw notes the end of a record.
func (f *flights) saw(end blob.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.end.Less(end) {
		f.end = end
	}
}

// done forgets a flight: its record is in the index, or dead.
func (f *flights) done(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.prev == nil {
		f.first = fl.next
	} else {
		fl.prev.next = fl.next
	}
	if fl.next == nil {
		f.last = fl.prev
	} else {
		fl.next.prev = fl.prev
	}
}
