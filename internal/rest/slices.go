package rest

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// slice is an image of a series with what decides about its place.
type slice struct {
	id        index.ID
	position  []float64 // Image Position (Patient); nil if there is none
	normal    []float64 // to the plane of Image Orientation (Patient); nil if there is none
	number    int64     // IndexInSeries
	numbered  bool
	frames    int
	placement float64 // along the normal of the series
}

const (
	tagImageOrientation dicom.Tag = 0x00200037
	tagImagePosition    dicom.Tag = 0x00200032
)

// orderedSlices answers with the slices of a series in their order along the normal of its planes, or else by their
// numbers, as Orthanc does.
func orderedSlices(s *Server, c *Call) error {
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	list, volume, err := s.slicesInOrder(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return writeSlices(c, list, volume)
}

// slicesInOrder finds the slices of a series in their order, and whether it is that in space.
func (s *Server) slicesInOrder(ctx context.Context, id index.ID) (list []slice, volume bool, err error) {
	var normal []float64
	for after, last := int64(0), false; !last; {
		err := s.Store.View(ctx, func(tx index.ReadTx) error {
			row, err := tx.Series(id)
			if err != nil {
				return err
			}
			normal = normalOf(row.Tags)
			page, err := tx.Instances(index.Series, id, after, pageSize)
			for i := range page {
				list = append(list, newSlice(&page[i]))
				after = page[i].Key
			}
			last = len(page) < pageSize
			return err
		})
		if err != nil {
			return nil, false, err
		}
	}
	volume = sortInSpace(list, normal)
	if !volume && !sortByNumber(list) {
		return nil, false, fail(statusCannotOrderSlices, "Unable to order the slices of series %s", id)
	}
	return list, volume, nil
}

// pageSize is how many rows one read transaction looks at.
const pageSize = 500

func newSlice(row *index.InstanceRow) slice {
	s := slice{id: row.ID, frames: 1, normal: normalOf(row.Tags), position: vector(row.Tags, tagImagePosition, 3)}
	if text, ok := row.Tags.Get(tagNumberOfFrames); ok {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 && n <= 1<<16 {
			s.frames = int(n)
		}
	}
	if n, err := strconv.ParseInt(row.IndexInSeries, 10, 64); err == nil {
		s.number, s.numbered = n, true
	}
	return s
}

// vector reads so many numbers, nil if there are others.
func vector(tags index.Tags, t dicom.Tag, n int) []float64 {
	text, _ := tags.Get(t)
	parts := strings.Split(text, `\`)
	if len(parts) != n {
		return nil
	}
	v := make([]float64, n)
	for i, part := range parts {
		f, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		v[i] = f
	}
	return v
}

// normalOf is the cross product of the two directions of Image Orientation (Patient).
func normalOf(tags index.Tags) []float64 {
	v := vector(tags, tagImageOrientation, 6)
	if v == nil {
		return nil
	}
	return []float64{v[1]*v[5] - v[2]*v[4], v[2]*v[3] - v[0]*v[5], v[0]*v[4] - v[1]*v[3]}
}

func dot(a, b []float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// tolerance is within what two lengths count as the same: ten times the precision of a single-precision number.
const tolerance = 10 * 1.1920929e-07

func parallel(a, b []float64) bool {
	length := math.Sqrt(dot(a, a)) * math.Sqrt(dot(b, b))
	return length > tolerance && math.Abs(math.Abs(dot(a, b)/length)-1) < tolerance
}

// sortInSpace sorts slices that lie one behind the other along a normal, and tells whether they do.
func sortInSpace(list []slice, normal []float64) bool {
	if len(list) <= 1 || normal == nil {
		return false
	}
	for i := range list {
		s := &list[i]
		if s.position == nil || s.normal != nil && !parallel(s.normal, normal) {
			return false
		}
		s.placement = dot(s.position, normal)
	}
	sorted := slices.Clone(list)
	slices.SortStableFunc(sorted, func(a, b slice) int { return cmp.Compare(a.placement, b.placement) })
	for i := 1; i < len(sorted); i++ {
		if sorted[i].placement-sorted[i-1].placement <= tolerance {
			return false
		}
	}
	copy(list, sorted)
	return true
}

// sortByNumber sorts slices by their IndexInSeries, and tells whether all have one. A single slice needs none.
func sortByNumber(list []slice) bool {
	if len(list) <= 1 {
		return true
	}
	if slices.ContainsFunc(list, func(s slice) bool { return !s.numbered }) {
		return false
	}
	slices.SortFunc(list, func(a, b slice) int {
		return cmp.Or(cmp.Compare(a.number, b.number), bytes.Compare(a.id[:], b.id[:])) // as Orthanc has it
	})
	return true
}

func writeSlices(c *Call, list []slice, volume bool) error {
	w := c.stream()
	w.Object()
	w.Key("Dicom")
	w.Array()
	for i := range list {
		w.String("/instances/" + list[i].id.String() + "/file")
	}
	w.EndArray()
	w.Key("Slices")
	w.Array()
	for i := range list {
		for frame := range list[i].frames {
			w.String("/instances/" + list[i].id.String() + "/frames/" + strconv.Itoa(frame))
		}
	}
	w.EndArray()
	w.Key("SlicesShort")
	w.Array()
	for i := range list {
		w.Array()
		w.String(list[i].id.String())
		w.Int(0)
		w.Int(int64(list[i].frames))
		w.EndArray()
	}
	w.EndArray()
	w.Key("Type")
	if volume {
		w.String("Volume")
	} else {
		w.String("Sequence")
	}
	w.EndObject()
	return w.End()
}
