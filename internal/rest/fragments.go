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
			f.lengths = append(f.lengths, h.Length)
		}
	}
}

// of finds the fragments of a frame: all of them where there is one frame, one where there are as many, else as the
// table says.
func (f *fragments) of(frame, frames int) (from, to int, ok bool) {
	switch {
	case frames == 1:
		return 0, len(f.lengths), true
	case frames == len(f.lengths):
		return frame, frame + 1, true
	case len(f.table) != frames:
		return 0, 0, false
	}
	end := int64(1) << 62
	if frame+1 < frames {
		end = int64(f.table[frame+1])
	}
	starts := make([]int64, len(f.lengths))
	at := int64(0)
	for i, length := range f.lengths {
		starts[i] = at
		at += 8 + int64(length) // with the tag and the length of the item
	}
	from, found := slices.BinarySearch(starts, int64(f.table[frame]))
	to, _ = slices.BinarySearch(starts, end)
	return from, to, found && from < to
}

// copyFragments writes some fragments, one after the other.
func copyFragments(w io.Writer, r *codec.Reader, pixels codec.Header, from, to int) error {
	for number := -1; number < to; { // the first is the table
		h, err := r.Next()
		switch {
		case err != nil:
			return err
		case h.Kind == codec.KindFragmentsEnd && h.Depth == pixels.Depth:
			return io.ErrUnexpectedEOF
		case h.Kind != codec.KindFragment:
			continue
		}
		if number >= from {
			if _, err := io.Copy(w, r); err != nil {
				return err
			}
		}
		number++
	}
	return nil
}
