package inject

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"gantry/internal/faults"
	"gantry/internal/jobkinds"
)

func injector(t *testing.T, rules ...string) *Injector {
	t.Helper()
	set := new(faults.Set)
	for _, text := range rules {
		r, err := faults.Parse(text)
		if err == nil {
			_, err = set.Add(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return New(set, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
}

// What was decided about a report holds until it is delivered, however often that is tried.
func TestOneDecisionForAllAttempts(t *testing.T) {
	t.Parallel()
	in := injector(t, "commitment report=late delay=1m once", "commitment report=missing after=1 once")
	first := jobkinds.ReportKey{PeerAET: "A", TransactionUID: "2.25.1"}
	second := jobkinds.ReportKey{PeerAET: "A", TransactionUID: "2.25.2"}
	for range 3 {
		if wait, err := in.Hold(first); err != nil || wait <= 59*time.Second || wait > time.Minute {
			t.Errorf("late: %v %v", wait, err)
		}
		if _, err := in.Hold(second); err == nil {
			t.Error("the missing one is sent")
		}
	}
	in.Forget(first)
	in.Forget(second)
	for _, key := range []jobkinds.ReportKey{first, second} {
		if wait, err := in.Hold(key); err != nil || wait != 0 {
			t.Errorf("when asked for again: %v %v", wait, err)
		}
		data := &jobkinds.CommitmentData{TransactionUID: key.TransactionUID}
		if got := in.Alter(key, data); len(got) != 1 || got[0] != data {
			t.Errorf("%v", got)
		}
	}
}
