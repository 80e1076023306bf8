package index_test

import (
	"testing"

	"gantry/internal/storage/index"
)

func TestSeriesStatusFollowsOrthanc(t *testing.T) {
	t.Parallel()
	images := func(n, positions string) index.Tags {
		return index.Tags{{Tag: 0x00200105, Value: positions}, {Tag: 0x00201002, Value: n}}
	}
	for name, c := range map[string]struct {
		tags     index.Tags
		numbers  []string
		expected int64
		want     string
	}{
		"says nothing":   {nil, []string{"1"}, 0, "Unknown"},
		"one factor":     {index.Tags{{Tag: 0x00201002, Value: "2"}}, []string{"1", "2"}, 0, "Unknown"},
		"complete":       {images("2", "1"), []string{"2", "1"}, 2, "Complete"},
		"missing":        {images("2", "2"), []string{"2", "1"}, 4, "Missing"},
		"twice":          {images("2", "1"), []string{"2", "2"}, 2, "Inconsistent"},
		"too high":       {images("2", "1"), []string{"3"}, 2, "Inconsistent"},
		"zero":           {images("2", "1"), []string{"0"}, 2, "Inconsistent"},
		"no number":      {images("2", "1"), []string{"1", "x"}, 2, "Unknown"},
		"slices":         {index.Tags{{Tag: 0x00540081, Value: " 2 "}, {Tag: 0x00540101, Value: "1"}}, []string{"1", "2"}, 2, "Complete"},
		"cardiac":        {index.Tags{{Tag: 0x00181090, Value: "1"}}, []string{"1"}, 1, "Complete"},
		"no text":        {images("two", "1"), []string{"1"}, 0, "Unknown"},
		"negative":       {images("-2", "1"), []string{"1"}, 0, "Unknown"},
		"hard to credit": {images("99999999", "9999"), []string{"1"}, 0, "Unknown"},
	} {
		s := index.NewSeriesStatus(c.tags)
		for _, n := range c.numbers {
			s.Add(n)
		}
		if s.Expected != c.expected || s.String() != c.want {
			t.Errorf("%s: %d expected, %v; want %d, %s", name, s.Expected, s, c.expected, c.want)
		}
	}
}
