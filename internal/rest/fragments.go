package rest

import (
	"encoding/binary"
	"io"
	"slices"

	"gantry/internal/dicom/codec"
)

// fragments are the sizes of the fragments of compressed pixel data, and where its frames begin (PS3.5 A.4).
type fragments struct {
	lengths []uint32
	table   []uint32 // the Basic Offset Table; empty if there is none
	starts  []int64  // where the fragments begin, as the table counts
	size    int64    // of all of them, as the table counts
	images  []int    // the fragments in which a JPEG image begins
}

// maximumFragments is how many of them are looked at.
const maximumFragments = 1 << 20

// read goes through the fragments; the Reader stands at the beginning of the pixel data.
func (f *fragments) read(r *codec.Reader, pixels codec.Header) error {
	for number := 0; ; number++ {
		h, err := r.Next()
		switch {
		case err != nil:
			return err
		case h.Kind == codec.KindFragmentsEnd && h.Depth == pixels.Depth:
			if len(f.lengths) == 0 {
				return errNoFrame
			}
			return nil
		case h.Kind != codec.KindFragment:
			number--
		case number == 0:
			if h.Length > 4*maximumFragments {
				continue
			}
			value, err := r.Value()
			if err != nil {
				return err
			}
			for i := 0; i+4 <= len(value); i += 4 {
				f.table = append(f.table, binary.LittleEndian.Uint32(value[i:]))
			}
		case len(f.lengths) == maximumFragments:
			return fail(statusBadFileFormat, "The pixel data has more than %d fragments", maximumFragments)
		default:
			var begin [2]byte
			if h.Length >= 2 {
				if _, err := io.ReadFull(r, begin[:]); err != nil {
					return err
				}
			}
			if begin == [2]byte{0xff, 0xd8} {
				f.images = append(f.images, len(f.lengths))
			}
			f.starts = append(f.starts, f.size)
			f.size += itemHeader + int64(h.Length)
			f.lengths = append(f.lengths, h.Length)
		}
	}
}

// of finds the fragments of a frame: all of them where there is one frame, one where there are as many, else as the
// table says, or from one beginning of an image to the next.
func (f *fragments) of(frame, frames int) (from, to int, ok bool) {
	switch {
	case frames == 1:
		return 0, len(f.lengths), true
	case frames == len(f.lengths):
		return frame, frame + 1, true
	case len(f.table) == frames:
		end := f.size
		if frame+1 < frames {
			end = int64(f.table[frame+1])
		}
		from, found := slices.BinarySearch(f.starts, int64(f.table[frame]))
		to, _ = slices.BinarySearch(f.starts, end)
		return from, to, found && from < to
	case len(f.images) == frames:
		if to = len(f.lengths); frame+1 < frames {
			to = f.images[frame+1]
		}
		return f.images[frame], to, true
	}
	return 0, 0, false
}

// itemHeader is the size of the tag and the length of an item.
const itemHeader = 8

// fragmentWalk goes through the fragments of pixel data once, from the table on.
type fragmentWalk struct {
	r      *codec.Reader
	pixels codec.Header
	next   int // the number of the fragment that comes next; -1 is the table
}

// copy writes some fragments, one after the other. They come after those that it wrote before.
func (f *fragmentWalk) copy(w io.Writer, from, to int) error {
	for f.next < to {
		h, err := f.r.Next()
		switch {
		case err != nil:
			return err
		case h.Kind == codec.KindFragmentsEnd && h.Depth == f.pixels.Depth:
			return io.ErrUnexpectedEOF
		case h.Kind != codec.KindFragment:
			continue
		}
		if f.next >= from {
			if _, err := io.Copy(w, f.r); err != nil {
				return err
			}
		}
		f.next++
	}
	return nil
}
