package jobs

import (
	"context"
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
			h.reached <- struct{}{}
			<-h.goOn
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
