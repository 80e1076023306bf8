package faults_test

import (
	"slices"
	"strings"
	"testing"

	"gantry/internal/faults"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"":                        "association|any|echo|store|find|move|get|commitment|report",
		"st":                      "store",
		"nothing":                 "",
		"store s":                 "store status=",
		"store status=A700 fr":    "store status=A700 from=",
		"store status=A700 a":     "store status=A700 after=",
		"store r":                 "store reset|store reset=",
		"association re":          "association refuse=|association reject=|association reset|association reset=",
		"commitment report=f":     "commitment report=failed|commitment report=forged",
		"store once o":            "",
		"store drop=re":           "store drop=request|store drop=response",
		"association reject=loc":  "association reject=local-limit",
		`store comment="a b`:      "",
		`store comment="a b" sta`: `store comment="a b" status=`,
	} {
		got, wanted := faults.Complete(typed), strings.Split(want, "|")
		slices.Sort(got)
		slices.Sort(wanted)
		if strings.Join(got, "|") != strings.Join(wanted, "|") {
			t.Errorf("%q: %q, want %q", typed, got, wanted)
		}
	}
}
