package dicom_test

import (
	"testing"

	"gantry/internal/dicom"
)

func TestMatchWildcards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"1.2.840.10008.1.*", "1.2.840.10008.1.2.4.70", true},
		{"1.2.840.10008.1.*", "1.2.840.113619.5.2", false},
		{"1.2.840.10008.1.2", "1.2.840.10008.1.2", true},
		{"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", false},
		{"1.2.?", "1.2.3", true},
		{"1.2.?", "1.2.34", false},
		{"1.2.?", "1.2.", false},
		{"*.4.*0", "1.2.840.10008.1.2.4.90", true},
		{"*", "", true},
		{"", "", true},
		{"", "1", false},
		{"**?", "12", true},
	} {
		if got := dicom.MatchWildcards(c.pattern, c.s); got != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.s, got)
		}
	}
}
