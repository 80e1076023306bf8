package jobkinds

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"gantry/internal/dicom"
)

// One report finds out whether a peer answers; the others leave one that does not alone for a while.
func TestAwayPeers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var away awayPeers
		first, second := requestID{"SCU", "2.25.1"}, requestID{"SCU", "2.25.2"}
		const addr = "192.0.2.1:104"
		check := func(when string, id requestID, want error) {
			t.Helper()
			if got := away.enter(t.Context(), addr, id, "job "+string(id.transaction)[5:], 2); !errors.Is(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		check("nothing known", first, nil)
		check("another under way", second, errTrying)
		away.failed(addr, first, "job 1")
		check("found away by another", second, errAway)
		check("found away by itself", first, nil)
		away.given(addr, first)
		time.Sleep(awayFor)
		check("a while later", second, nil)
		away.failed(addr, second, "job 2")
		check("found away by the second", first, errAway)
		waiting := away.back(addr)
		slices.Sort(waiting)
		if !slices.Equal(waiting, []string{"job 1", "job 2"}) {
			t.Errorf("waiting: %v", waiting)
		}
		check("back", first, nil)
		if waiting := away.back(addr); !slices.Equal(waiting, []string{"job 1"}) {
			t.Errorf("back while its first attempt may just have failed: %v", waiting)
		}
		entered := make(chan error)
		go func() { entered <- away.enter(t.Context(), addr, second, "job 2", 2) }()
		synctest.Wait()
		away.answered(addr, first)
		if err := <-entered; err != nil {
			t.Errorf("answered another: %v", err)
		}
		check("answers", first, nil)
		third := requestID{"SCU", "2.25.3"}
		check("has as many as there may be", third, errTrying)
		away.answered(addr, second)
		check("has one less", third, nil)
		away.slow(addr, first, "job 1")
		away.slow(addr, second, "job 2") // too late: it was answered
		away.answered(addr, third)
		check("answers others", second, nil)
		away.given(addr, second)
		away.slow(addr, first, "job 1")
		check("is slow", second, errTrying)
		away.failed(addr, first, "job 1")
		away.leave(first)
		away.leave(second)
		if len(away.byAddr) != 0 {
			t.Errorf("left behind: %v", away.byAddr)
		}
	})
}

// Of very many reports that wait for a peer some are tried at a time, those first that have waited longest; also when an
// attempt ends that tells nothing of the peer, but not while that is away.
func TestWaitingReportsAreTriedInTurns(t *testing.T) {
	t.Parallel()
	var away awayPeers
	const addr, n = "192.0.2.1:104", 2*wakeAtOnce + 3
	name := func(i int) string { return "job " + strconv.Itoa(i) }
	id := func(i int) requestID { return requestID{"SCU", dicom.UID("2.25." + strconv.Itoa(i))} }
	enter := func(i int) error { return away.enter(t.Context(), addr, id(i), name(i), 1) }
	if err := enter(0); err != nil {
		t.Fatal(err)
	}
	away.slow(addr, id(0), name(0))
	for i := 1; i <= n; i++ {
		if err := enter(i); !errors.Is(err, errTrying) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	check := func(when string, got []string, from, to int) {
		t.Helper()
		var want []string
		for i := from; i < to; i++ {
			want = append(want, name(i))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	away.answered(addr, id(0))
	check("answered", away.back(addr), 1, 1+wakeAtOnce)
	if err := enter(1); err != nil {
		t.Fatal(err)
	}
	away.given(addr, id(1))
	check("given up", away.next(addr), 1+wakeAtOnce, 1+2*wakeAtOnce)
	if err := enter(2); err != nil {
		t.Fatal(err)
	}
	away.failed(addr, id(2), name(2))
	check("away", away.next(addr), 0, 0)
	if got := away.back(addr); len(got) != 4 || got[3] != name(2) {
		t.Errorf("back: %v", got)
	}
}
