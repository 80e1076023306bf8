package daemon

import (
	"maps"
	"slices"

	"gantry/internal/jobkinds"
)

// JobKinds lists the types that the jobs of a daemon have.
func JobKinds() []string {
	return slices.Sorted(maps.Keys((&jobkinds.Deps{}).Factories()))
}
