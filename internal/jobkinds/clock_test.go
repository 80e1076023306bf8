package jobkinds

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"gantry/internal/config"
	"gantry/internal/storage/index"
)

// The time for delivery is that which servers have had for it: neither a clock that jumps between two runs ends it, nor does
// a restart begin it anew.
func TestTimeForDeliveryUnderClockChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &Deps{Config: &config.Config{StorageCommitmentRetryFor: 3600}}
		j := d.newCommitmentJob(&index.CommitRequest{TransactionUID: "2.25.1"})
		for _, step := range []time.Duration{0, -time.Hour, 1000 * time.Hour} {
			time.Sleep(19 * time.Minute)
			if j.outOfTime() {
				t.Fatalf("out of time before %v", step)
			}
			version, data, err := j.State()
			if err != nil {
				t.Fatal(err)
			}
			var state requestState
			if err := json.Unmarshal(data, &state); err != nil {
				t.Fatal(err)
			}
			state.Since = state.Since.Add(-step) // which is what a step of the clock does
			if data, err = json.Marshal(state); err != nil {
				t.Fatal(err)
			}
			again, err := d.restoreCommitment(version, data)
			if err != nil {
				t.Fatal(err)
			}
			j = again.(*commitmentJob)
			if j.outOfTime() {
				t.Errorf("out of time after a step of %v", step)
			}
		}
		time.Sleep(3 * time.Minute)
		if !j.outOfTime() {
			t.Error("an hour is not over")
		}
	})
}
