package jobs

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Jobs of a time by whose clock it was later are still older than those of now: their numbers of changes are smaller, and
// the history forgets them first, also at the next start.
func TestHistoryUnderClockSetBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		saved := newMemory()
		later := time.Now().Add(time.Hour)
		var old []string
		for i := range 3 {
			r := Record{ID: NewID(), Kind: newScripted("old").Kind(), State: Success, Seq: int64(i + 1), Created: later, Changed: later.Add(time.Duration(i) * time.Minute)}
			if err := saved.Save(t.Context(), []Record{r}); err != nil {
				t.Fatal(err)
			}
			old = append(old, r.ID)
		}
		started := make(chan string, 10)
		cfg := Config{Workers: 1, HistorySize: 3, Saver: saved, Factories: factory(started)}
		e := start(t, cfg)
		if e.Changes() <= later.Add(2*time.Minute).UnixMicro() {
			t.Errorf("changes are numbered from %v on", time.UnixMicro(e.Changes()))
		}
		for _, id := range old {
			if info, ok := e.Get(id); !ok || info.Changed.After(time.Now().Add(time.Second)) {
				t.Errorf("a job has ended in the future: %+v", info)
			}
		}
		time.Sleep(time.Minute)
		job := newScripted("new")
		job.steps <- func() (Result, error) { return Result{Done: true}, nil }
		fresh, err := e.Run(t.Context(), job, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		cfg.HistorySize = 2
		e = start(t, cfg)
		if got, want := e.List(), slices.Sorted(slices.Values([]string{old[2], fresh.ID})); !slices.Equal(got, want) {
			t.Errorf("remembered %v, want %v", got, want)
		}
	})
}
