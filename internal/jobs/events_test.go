package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// story is what a subscriber heard of a job.
func story(t *testing.T, s *Subscription, n int) string {
	t.Helper()
	var heard []string
	last := int64(0)
	for range n {
		event := <-s.C
		if event.Change <= last {
			t.Errorf("change %d after %d", event.Change, last)
		}
		last = event.Change
		if heard = append(heard, string(event.State)); event.Gone {
			heard = append(heard, "gone")
		}
	}
	return strings.Join(heard, " ")
}

func TestEventsTellEveryState(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 1, Saver: newMemory()})
	s := e.Subscribe(100)
	defer s.Close()
	job := newScripted("a")
	id := submit(t, e, job, Options{})
	if got := story(t, s, 2); got != "Pending Running" {
		t.Error(got)
	}
	if err := e.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	reach(t, e, id, Paused)
	if err := e.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	job.steps <- finish
	if got := story(t, s, 4); got != "Paused Pending Running Success" {
		t.Error(got)
	}
	if err := e.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := story(t, s, 1); got != "Success gone" {
		t.Error(got)
	}
}

// Without a history the end of a job is told before that it is forgotten.
func TestEventsWithoutHistory(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1})
	s := e.Subscribe(100)
	defer s.Close()
	job := newScripted("a")
	job.steps <- finish
	submit(t, e, job, Options{})
	if got := story(t, s, 4); got != "Pending Running Success Success gone" {
		t.Error(got)
	}
}

func TestSlowReaderIsTold(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10})
	s := e.Subscribe(2)
	for i := range 3 {
		job := newScripted(fmt.Sprint(i))
		job.steps <- finish
		if _, err := e.Run(t.Context(), job, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := story(t, s, 2); got != "Pending Running" || s.Missed() != 7 || s.Missed() != 0 {
		t.Error(got)
	}
	s.Close()
	submit(t, e, newScripted("unheard"), Options{})
	select {
	case event := <-s.C:
		t.Errorf("after Close: %v", event.State)
	default:
	}
}

// Room goes to those who wait in the order in which they came; who leaves loses nobody's room.
func TestRoomInOrder(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 10, Limit: 1})
	blocker := newScripted("blocker")
	submit(t, e, blocker, Options{})
	started, added := make(chan string, 3), make(chan error, 3)
	for i := range 3 {
		ctx, cancel := contextOf(t, i == 1)
		go func() {
			job := newScripted(fmt.Sprint(i))
			job.started = started
			job.steps <- finish
			_, err := e.Submit(ctx, job, Options{})
			added <- err
		}()
		waitFor(e, i+1)
		defer cancel()
		if i == 1 {
			cancel()
			if err := <-added; !errors.Is(err, ErrQueueFull) {
				t.Errorf("who leaves: %v", err)
			}
		}
	}
	blocker.steps <- finish
	if got := <-started + <-started; got != "02" {
		t.Errorf("order %s", got)
	}
}

// A job that cannot be kept was never there.
func TestNoEventOfAJobThatIsNotAccepted(t *testing.T) {
	t.Parallel()
	saved := newMemory()
	e := start(t, Config{HistorySize: 10, Saver: saved})
	events := e.Subscribe(10)
	defer events.Close()
	saved.breakDown(errDead)
	if _, err := e.Submit(t.Context(), newScripted("it"), Options{}); err == nil {
		t.Error("accepted")
	}
	if n := len(events.C); n > 0 {
		t.Errorf("%d events", n)
	}
}

// However many listen, an event is encoded once.
func TestSubscribersShareTheTextOfAnEvent(t *testing.T) {
	t.Parallel()
	e := start(t, Config{Workers: 1, HistorySize: 1})
	first, second := e.Subscribe(100), e.Subscribe(100)
	defer first.Close()
	defer second.Close()
	job := newScripted("a")
	job.steps <- finish
	info, err := e.Run(t.Context(), job, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Remove(t.Context(), info.ID); err != nil {
		t.Fatal(err)
	}
	for gone := false; !gone; {
		a, b := <-first.C, <-second.C
		gone = a.Gone
		one, err := a.JSON()
		other, failed := b.JSON()
		if err != nil || failed != nil || &one[0] != &other[0] {
			t.Errorf("%s %v, %s %v", one, err, other, failed)
		}
		var shown struct{ ID, State string }
		if err := json.Unmarshal(one, &shown); err != nil || shown.ID != info.ID || (shown.State == "") != gone {
			t.Errorf("%s: %v", one, err)
		}
		if bytes.Contains(one, []byte("\n")) {
			t.Errorf("%s", one)
		}
	}
}
