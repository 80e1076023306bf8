package services_test

import (
	"sync/atomic"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// A small request whose instances are all there is kept together with its outcome, before it is answered; any other is
// decided on by its job.
func TestDecidedWhileKept(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		change  func(*config.Config)
		missing int
		decided int // requests, after the first transaction
	}{
		"all there":       {decided: 1},
		"some missing":    {missing: 1},
		"too many":        {missing: 200},
		"digests to read": {change: func(c *config.Config) { c.StorageCommitmentVerify = "digest" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepareSite(t, x.change)
			var armed atomic.Bool
			decided := make(chan int, 1)
			s.observer = &storage.Observer{Updated: func(time.Duration) {
				if armed.CompareAndSwap(true, false) {
					decided <- requestRows(t, s, index.CommitDecided)
				}
			}}
			s.start("127.0.0.1:0")
			defer s.stop()
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", r.addr))
			refs, client := append(s.putInto(2), many(x.missing)...), s.dial("SCU", nil)
			armed.Store(true)
			if err := ask(t, client, "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			if got := <-decided; got != x.decided {
				t.Errorf("%d requests are decided when they are kept, want %d", got, x.decided)
			}
			if got := r.next(t); len(got.data.References) != 2 || len(got.data.Failures) != x.missing {
				t.Errorf("%d committed, %d failed", len(got.data.References), len(got.data.Failures))
			}
		})
	}
}
