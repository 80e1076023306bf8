package jobs

import (
	"bytes"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// progressInterval bounds how often subscribers hear of progress alone; they hear of every change of state.
const progressInterval = 250 * time.Millisecond

// Event is a job after a change.
type Event struct {
	Info
	Gone bool // the job is forgotten
	line *eventLine
}

// eventLine is what all subscribers share of an event.
type eventLine struct {
	once sync.Once
	text []byte
	err  error
}

// JSON returns the job in one line as GET /jobs/{id} shows it, one that is forgotten as {"ID"}. It is made once, by the
// first subscriber who asks, and shared: nobody may change it.
func (e *Event) JSON() ([]byte, error) {
	l := e.line
	l.once.Do(func() {
		value := any(e.Info)
		if e.Gone {
			value = struct{ ID string }{e.ID}
		}
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		l.err = encoder.Encode(value)
		l.text = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	})
	return l.text, l.err
}

// Subscription is a stream of events. It never makes the engine wait: what does not fit into its buffer is dropped and
// counted.
type Subscription struct {
	C      <-chan Event
	e      *Engine
	events chan Event
	missed atomic.Int64
}

// Subscribe begins a stream that holds up to size events that nobody has read yet. It has to be closed.
func (e *Engine) Subscribe(size int) *Subscription {
	s := &Subscription{e: e, events: make(chan Event, size)}
	s.C = s.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.subscribers == nil {
		e.subscribers = map[*Subscription]struct{}{}
	}
	e.subscribers[s] = struct{}{}
	return s
}

// Missed returns how many events were dropped since it was asked last.
func (s *Subscription) Missed() int { return int(s.missed.Swap(0)) }

// Close ends the stream.
func (s *Subscription) Close() {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	delete(s.e.subscribers, s)
}

// Changes returns the number of the last change of any job; those of a later engine are larger.
func (e *Engine) Changes() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes
}

// notify tells those who watch a job, or all jobs, that it has changed. Engine.mu is held.
func (e *Engine) notify(en *entry) {
	e.changes++
	en.change = e.changes
	if en.changed != nil {
		close(en.changed)
		en.changed = nil
	}
	if len(e.subscribers) == 0 || en.gone || en.unborn {
		return
	}
	now := time.Since(e.began) // whatever the clock is set to
	if en.shown() == en.toldState && now-en.told < progressInterval {
		return
	}
	en.told, en.toldState = now, en.shown()
	e.emit(Event{Info: en.info()})
}

// notifyGone tells that a job is forgotten. Engine.mu is held.
func (e *Engine) notifyGone(en *entry) {
	e.changes++
	en.gone, en.change = true, e.changes
	e.emit(Event{Info: en.info(), Gone: true})
}

func (e *Engine) emit(event Event) {
	event.line = &eventLine{}
	for s := range e.subscribers {
		select {
		case s.events <- event:
		default:
			s.missed.Add(1)
		}
	}
}
