package storage

import (
	"context"
	"time"

	"gantry/internal/storage/index"
)

// settler notes, some time after the last arrival, that a series, a study and a patient are stable. What has to be noted
// stands in the index in order of time, so that a restart loses nothing and nothing is searched.
type settler struct {
	quit, done chan struct{}
}

const (
	settleBatch = 500
	// grain is the precision with which the index notes arrivals.
	grain = time.Second
)

func (s *Store) startSettler() {
	if s.o.StableAge <= 0 || s.o.Frozen {
		return
	}
	s.settler = settler{quit: make(chan struct{}), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-s.settler.quit
		cancel()
	}()
	go s.settleUntil(ctx)
}

// stop ends it and waits for that.
func (t *settler) stop() {
	if t.quit != nil {
		close(t.quit)
		<-t.done
	}
}

// settleUntil works until ctx ends. It sleeps until the next resource is due; what arrives meanwhile is due later.
func (s *Store) settleUntil(ctx context.Context) {
	defer close(s.settler.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait, err := s.settleDue(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			s.log.Warn("stable resources cannot be noted now; tried again", "error", err)
			wait = s.o.StableAge + grain
		}
		timer.Reset(wait)
	}
}

// settleDue notes what is due and tells how long nothing will be.
func (s *Store) settleDue(ctx context.Context) (time.Duration, error) {
	age := s.o.StableAge + grain
	for {
		var list []index.Unstable
		err := s.View(ctx, func(tx index.ReadTx) (err error) { list, err = tx.Unstable(settleBatch); return err })
		if err != nil {
			return 0, err
		}
		now := s.o.Clock()
		due := 0
		for due < len(list) && (now.Sub(list[due].Since) >= age || list[due].Since.Sub(now) > age) { // or the clock was put back
			due++
		}
		if err := s.noteStable(ctx, list[:due], now); err != nil {
			return 0, err
		}
		switch {
		case due < len(list):
			return min(max(list[due].Since.Add(age).Sub(now), time.Millisecond), age), nil
		case due < settleBatch:
			return age, nil
		}
	}
}

var stableChange = [...]index.ChangeType{index.Patient: index.ChangeStablePatient, index.Study: index.ChangeStableStudy,
	index.Series: index.ChangeStableSeries}

func (s *Store) noteStable(ctx context.Context, due []index.Unstable, now time.Time) error {
	if len(due) == 0 {
		return nil
	}
	return s.idx.Derive(ctx, func(tx index.Tx) error {
		for _, u := range due {
			settled, err := tx.Settle(u)
			if err != nil {
				return err
			}
			if !settled {
				continue
			}
			if err := tx.PutChange(index.Change{Type: stableChange[u.Level], Resource: u.Resource, Time: now}); err != nil {
				return err
			}
		}
		return nil
	})
}
