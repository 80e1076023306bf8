package jobkinds

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// One report finds out that a peer is away; for a while the others leave it alone, and that one goes on trying.
func TestAwayPeers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var away awayPeers
		first, second := requestID{"SCU", "2.25.1"}, requestID{"SCU", "2.25.2"}
		const addr = "192.0.2.1:104"
		check := func(when string, id requestID, want bool) {
			t.Helper()
			if got := away.skip(addr, id); got != want {
				t.Errorf("%s: skip %v", when, got)
			}
		}
		check("nothing known", first, false)
		away.wait(addr, first, "job 1", true)
		check("found away by itself", first, false)
		check("found away by another", second, true)
		away.wait(addr, second, "job 2", false)
		time.Sleep(awayFor)
		check("a while later", second, false)
		away.wait(addr, second, "job 2", true)
		check("found away by the second", first, true)
		waiting := away.back(addr)
		slices.Sort(waiting)
		if !slices.Equal(waiting, []string{"job 1", "job 2"}) {
			t.Errorf("waiting: %v", waiting)
		}
		check("back", first, false)
		away.wait(addr, first, "job 1", true)
		away.leave(first)
		if len(away.byAddr) != 0 {
			t.Errorf("left behind: %v", away.byAddr)
		}
	})
}
