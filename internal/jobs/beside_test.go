package jobs

import (
	"context"
	"testing"
)

// blocker is a job that runs until it is let go.
type blocker struct{ began, leave chan struct{} }

func newBlocker() *blocker { return &blocker{make(chan struct{}), make(chan struct{})} }

func (b *blocker) Kind() string                { return "Blocker" }
func (b *blocker) Progress() (int, int)        { return 0, 1 }
func (b *blocker) Content() any                { return nil }
func (b *blocker) State() (int, []byte, error) { return 1, nil, nil }
func (b *blocker) Step(ctx context.Context) (Result, error) {
	close(b.began)
	select {
	case <-b.leave:
		return Result{Done: true}, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func TestAJobBesideNeitherWaitsForASlotNorTakesOne(t *testing.T) {
	t.Parallel()
	e := New(Config{Workers: 1, HistorySize: 10})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	slot, beside, next := newBlocker(), newBlocker(), newBlocker()
	submit := func(b *blocker, o Options) string {
		id, err := e.Submit(t.Context(), b, o)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	submit(slot, Options{})
	<-slot.began
	id := submit(beside, Options{Beside: true})
	<-beside.began // though the only slot is taken
	waiting := submit(next, Options{})
	if info, _ := e.Get(waiting); info.State != Pending {
		t.Errorf("a job without a slot is %s", info.State)
	}
	close(beside.leave)
	if info, err := e.Wait(t.Context(), id); err != nil || info.State != Success {
		t.Errorf("the job beside: %s, %v", info.State, err)
	}
	if info, _ := e.Get(waiting); info.State != Pending {
		t.Errorf("the job beside gave up a slot that it never had: the next job is %s", info.State)
	}
	close(slot.leave)
	<-next.began
	close(next.leave)
}

func TestAJobThatStepsAsideGivesItsSlotOnce(t *testing.T) {
	t.Parallel()
	e := New(Config{Workers: 1, HistorySize: 10})
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	first, second, third := newBlocker(), newBlocker(), newBlocker()
	var ids []string
	for _, b := range []*blocker{first, second, third} {
		id, err := e.Submit(t.Context(), b, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	<-first.began
	e.mu.Lock()
	aside := Handle{e, e.entries[ids[0]]}
	e.mu.Unlock()
	for range 2 {
		aside.StepAside()
	}
	<-second.began
	close(first.leave)
	if info, err := e.Wait(t.Context(), ids[0]); err != nil || info.State != Success {
		t.Errorf("the job beside: %s, %v", info.State, err)
	}
	aside.StepAside() // too late
	if info, _ := e.Get(ids[2]); info.State != Pending {
		t.Errorf("a slot was given twice: the third job is %s", info.State)
	}
	close(second.leave)
	<-third.began
	close(third.leave)
}
