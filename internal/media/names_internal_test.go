package media

import (
	"fmt"
	"testing"
)

// Many folders that would be called the same do not cost more and more each.
func TestManyFoldersOfOneName(t *testing.T) {
	n := newNamer(false)
	n.unique("p/", "CT")
	for i := 2; i < 3000; i++ {
		if got, want := n.unique("p/", "CT"), fmt.Sprintf("p/CT-%d/", i); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	if allocs := testing.AllocsPerRun(10, func() { n.unique("p/", "CT") }); allocs > 20 {
		t.Errorf("%v allocations for the name of one more folder", allocs)
	}
}
