package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// whole refuses an object that ends before its data set does: its sender would take the answer for leave to delete the
// only complete copy. walk has followed encapsulated pixel data; nil if there is none, or it could not be followed.
func (h *header) whole(offset, size int64, walk *fragments) error {
	switch {
	case h.pixelEnd > 0 && h.truncated:
		start := offset + h.pixelStart
		return truncatedError(fmt.Sprintf("the data set ends after %d of %d bytes of %s PixelData", max(0, size-start),
			h.pixelEnd-h.pixelStart, h.pixelTag))
	case h.truncated:
		return truncatedError("the data set ends in the middle of an element")
	case walk != nil && !walk.done:
		return truncatedError(fmt.Sprintf("the data set ends within the fragments of %s PixelData", h.pixelTag))
	}
	return nil
}

func truncatedError(reason string) error { return &BadObjectError{Reason: reason} }

// fragments follows encapsulated pixel data (PS3.5 A.4) as it goes by, from item to item, to see whether it comes to its
// end. Nothing of it is kept.
type fragments struct {
	skip int64   // bytes of the present fragment still to come
	head [8]byte // of the next item
	n    int     // bytes of it there
	done bool    // the delimiter has come, or something that this does not judge
}

const (
	itemTag  = 0xE000FFFE // as read in little endian: element, then group
	tagSize  = 4
	headSize = 8
)

func (f *fragments) feed(p []byte) {
	for len(p) > 0 && !f.done {
		if f.skip > 0 {
			k := min(f.skip, int64(len(p)))
			f.skip, p = f.skip-k, p[k:]
			continue
		}
		k := copy(f.head[f.n:], p)
		f.n, p = f.n+k, p[k:]
		if f.n < headSize {
			return
		}
		f.n = 0
		length := binary.LittleEndian.Uint32(f.head[tagSize:])
		f.done = binary.LittleEndian.Uint32(f.head[:]) != itemTag || length == math.MaxUint32
		f.skip = int64(length)
	}
}

// follow begins to follow encapsulated pixel data in what there is of a file so far; nil if there is none.
func (h *header) follow(file []byte, offset int64, ts dicom.TransferSyntax) *fragments {
	start := offset + h.pixelStart
	if h.pixelAt < 0 || h.pixelEnd > 0 || !h.encapsulated || ts.Deflated || start > int64(len(file)) {
		return nil
	}
	f := &fragments{}
	f.feed(file[start:])
	return f
}

// incomplete tells whether the stored copy of an instance is one that was cut off, as older versions took them.
func (s *Store) incomplete(ctx context.Context, id index.ID) (cut bool, err error) {
	err = s.idx.View(ctx, func(r index.ReadTx) error {
		row, err := r.Instance(id)
		if err == nil {
			cut = row.Truncated
		}
		return err
	})
	if errors.Is(err, index.ErrNotFound) { // pending
		return false, nil
	}
	return cut, s.typed("look at the stored copy", err)
}
