package jobkinds

import (
	"encoding/binary"
	"errors"
)

// outcome gathers the Failure Reason of each reference of a request in its order, 0 for one that is committed, as runs
// of equal ones: a request of any size whose instances fare alike takes a few bytes.
type outcome struct {
	runs              []byte // of each: how many (varint), and their reason (16 bits)
	last              uint16
	length            uint64 // of the run that is not in runs yet
	committed, failed int
	counts            map[uint16]int // of each reason
}

func (o *outcome) add(reason uint16) {
	if o.counts == nil {
		o.counts = map[uint16]int{}
	}
	if o.counts[reason]++; reason == 0 {
		o.committed++
	} else {
		o.failed++
	}
	if o.length > 0 && reason != o.last {
		o.runs = o.encode()
		o.length = 0
	}
	o.last = reason
	o.length++
}

// encode returns the outcome as it is kept.
func (o *outcome) encode() []byte {
	if o.length == 0 {
		return o.runs
	}
	return binary.LittleEndian.AppendUint16(binary.AppendUvarint(o.runs, o.length), o.last)
}

// eventType is the Event Type ID that goes with the outcome (PS3.4 J.3.3).
func (o *outcome) eventType() uint16 {
	if o.failed > 0 {
		return 2
	}
	return 1
}

// errOutcome means that the kept outcome of a request is damaged.
var errOutcome = errors.New("jobkinds: the kept outcome of a storage commitment request cannot be read")

// reasons reads a kept outcome from its beginning.
type reasons struct {
	rest   []byte
	reason uint16
	left   uint64
}

// next returns the reason of the next reference.
func (r *reasons) next() (uint16, error) {
	if r.left == 0 {
		n, used := binary.Uvarint(r.rest)
		if used <= 0 || n == 0 || len(r.rest) < used+2 {
			return 0, errOutcome
		}
		r.left, r.reason, r.rest = n, binary.LittleEndian.Uint16(r.rest[used:]), r.rest[used+2:]
	}
	r.left--
	return r.reason, nil
}

// countReasons tells how many references of a kept outcome have each reason.
func countReasons(kept []byte) (map[uint16]int, error) {
	counts := map[uint16]int{}
	for r := (reasons{rest: kept}); len(r.rest) > 0; r.left = 0 {
		reason, err := r.next()
		if err != nil {
			return nil, err
		}
		counts[reason] += int(r.left) + 1 //nolint:gosec // a number of references
	}
	return counts, nil
}
