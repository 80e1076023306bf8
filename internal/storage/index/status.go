package index

import (
	"slices"
	"strconv"
	"strings"

	"gantry/internal/dicom"
)

// SeriesStatus tells whether all instances of a series are there, by Orthanc's rules.
type SeriesStatus struct {
	Expected int64 // instances that are due; 0 if the series does not say

	seen   map[int64]struct{}
	broken string // what it is whatever else comes
}

// maxExpected bounds what is believed of the number of instances that are due.
const maxExpected = 1 << 20

// expectedFactors are the tags whose product is the expected number of instances; the first of them that are all there.
func expectedFactors() [3][]dicom.Tag {
	const images, positions = dicom.Tag(0x00201002), dicom.Tag(0x00200105)
	const slices, times = dicom.Tag(0x00540081), dicom.Tag(0x00540101)
	const cardiac = dicom.Tag(0x00181090)
	return [...][]dicom.Tag{{images, positions}, {slices, times}, {cardiac}}
}

// ExpectedTags are the tags of a series that NewSeriesStatus looks at, in ascending order.
func ExpectedTags() []dicom.Tag {
	factors := expectedFactors()
	tags := slices.Concat(factors[:]...)
	slices.Sort(tags)
	return tags
}

// NewSeriesStatus begins with the tags of a series: Images in Acquisition times Number of Temporal Positions, Number of
// Slices times Number of Time Slices, or Cardiac Number of Images.
func NewSeriesStatus(series Tags) *SeriesStatus {
	for _, factors := range expectedFactors() {
		if n, ok := product(series, factors); ok {
			if n > maxExpected || n < 0 {
				n = 0
			}
			return &SeriesStatus{Expected: n, seen: map[int64]struct{}{}}
		}
	}
	return &SeriesStatus{}
}

// product is ok if all factors are there; it is 0 if one of them is no number.
func product(tags Tags, factors []dicom.Tag) (n int64, ok bool) {
	n = 1
	for _, f := range factors {
		text, present := tags.Get(f)
		if !present {
			return 0, false
		}
		v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
		if err != nil {
			return 0, true
		}
		n *= v
	}
	return n, true
}

// Add counts an instance by its IndexInSeries.
func (s *SeriesStatus) Add(indexInSeries string) {
	if s.Expected == 0 || s.broken != "" {
		return
	}
	n, err := strconv.ParseInt(strings.TrimSpace(indexInSeries), 10, 64)
	if err != nil {
		s.broken = "Unknown"
		return
	}
	if _, twice := s.seen[n]; twice || n <= 0 || n > s.Expected {
		s.broken = "Inconsistent"
		return
	}
	s.seen[n] = struct{}{}
}

// String is the status as Orthanc spells it.
func (s *SeriesStatus) String() string {
	switch {
	case s.Expected == 0:
		return "Unknown"
	case s.broken != "":
		return s.broken
	case int64(len(s.seen)) == s.Expected:
		return "Complete"
	}
	return "Missing"
}
