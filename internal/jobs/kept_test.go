package jobs

import (
	"context"
	"runtime"
	"testing"
)

// heldMemory lets the save of an ended job wait.
type heldMemory struct {
	*memory
	reached, goOn chan struct{}
}

func (h *heldMemory) Save(ctx context.Context, records []Record) error {
	for _, r := range records {
		if r.State.Ended() {
			select {
			case h.reached <- struct{}{}:
				<-h.goOn
			case <-h.goOn: // for good
			}
		}
	}
	return h.memory.Save(ctx, records)
}

// Who sees a job ended finds it ended after a power cut, too.
func TestEndIsShownWhenItIsKept(t *testing.T) {
	t.Parallel()
	saver := &heldMemory{newMemory(), make(chan struct{}), make(chan struct{})}
	e := start(t, Config{Workers: 1, HistorySize: 1, Saver: saver})
	job := newScripted("one")
	id := submit(t, e, job, Options{})
	job.steps <- finish
	<-saver.reached
	if info, _ := e.Get(id); info.State != Running {
		t.Errorf("%s before that is kept", info.State)
	}
	close(saver.goOn)
	reach(t, e, id, Success)
	if saver.crash().records[id].State != Success {
		t.Error("not kept")
	}
}

// What a job comes to when it is run again is shown when that is kept, not when its end before is.
func TestEndIsNotShownByAnEarlierOne(t *testing.T) {
	t.Parallel()
	saver := &heldMemory{newMemory(), make(chan struct{}), make(chan struct{})}
	e := start(t, Config{Workers: 1, HistorySize: 1, Saver: saver})
	job := newScripted("one")
	id := submit(t, e, job, Options{})
	job.steps <- fails
	<-saver.reached
	resubmitted := make(chan error)
	go func() { resubmitted <- e.Resubmit(t.Context(), id) }()
	job.steps <- finish
	for state := Pending; state != Success; {
		e.mu.Lock()
		state = e.entries[id].rec.State
		e.mu.Unlock()
		runtime.Gosched()
	}
	_, changed, err := e.Watch(id)
	if err != nil {
		t.Fatal(err)
	}
	saver.goOn <- struct{}{}
	<-changed
	if info, _ := e.Get(id); info.State != Running {
		t.Errorf("%s before that is kept", info.State)
	}
	<-saver.reached
	close(saver.goOn)
	reach(t, e, id, Success)
	if err := <-resubmitted; err != nil {
		t.Error(err)
	}
}
