package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"gantry/internal/jobs"
)

const (
	// longestWait bounds ?wait=.
	longestWait = 5 * time.Minute
	// eventBuffer is how many events a reader may be behind before it misses some.
	eventBuffer = 256
	// maximumStreams bounds how many requests may wait for jobs at the same time.
	maximumStreams = 1000
	// keepAlive is how often a stream of events without any shows that it lives.
	keepAlive = 15 * time.Second
)

// oneJob shows a job. With ?wait= it answers at its next change, or when that many seconds have passed; at once for a
// job that has ended, and when it is no longer the one whose ETag If-None-Match names.
func oneJob(s *Server, c *Call) error {
	seconds, wait, err := c.Unsigned("wait")
	if err != nil {
		return err
	}
	info, changed, err := s.Jobs.Watch(c.Param("id"))
	if err != nil {
		return errNoAnswer
	}
	seen := c.Request.Header.Get("If-None-Match")
	if wait && seconds > 0 && !info.State.Ended() && (seen == "" || seen == jobTag(info)) {
		done, err := s.stream()
		if err != nil {
			return err
		}
		defer done()
		timer := time.NewTimer(min(time.Duration(seconds)*time.Second, longestWait))
		defer timer.Stop()
		select {
		case <-changed:
		case <-timer.C:
		case <-s.stopping:
		case <-c.Request.Context().Done():
			return c.Request.Context().Err()
		}
		if now, known := s.Jobs.Get(info.ID); known { // else it has been forgotten: how it was is better than nothing
			info = now
		}
	}
	c.w.Header().Set("ETag", jobTag(info))
	c.w.Header().Set("Cache-Control", "no-store")
	return c.JSON(info)
}

func jobTag(info jobs.Info) string { return `"` + strconv.FormatInt(info.Change, 36) + `"` }

// stream counts a request that waits for jobs.
func (s *Server) stream() (done func(), err error) {
	if s.streams.Add(1) > maximumStreams {
		s.streams.Add(-1)
		return nil, &apiError{HTTP: http.StatusServiceUnavailable, Code: statusDatabaseUnavailable,
			Details: "Too many requests wait for jobs: ask without waiting, or later"}
	}
	return func() { s.streams.Add(-1) }, nil
}

// jobEvents streams what becomes of the jobs: an event "job" with the JSON of GET /jobs/{id} for each change of state
// and a few times a second for progress, "gone" with {"ID"} for a job that is forgotten, and "missed" with {"Count"}
// for a reader who was too slow, or who was away: it should look at /jobs again.
func jobEvents(s *Server, c *Call) error {
	done, err := s.stream()
	if err != nil {
		return err
	}
	defer done()
	events := s.Jobs.Subscribe(eventBuffer)
	defer events.Close()
	out := eventWriter{w: c.w}
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	last := s.Jobs.Changes()
	out.text("retry: 2000\nid: %d\n\n", last)
	if id := c.Request.Header.Get("Last-Event-ID"); id != "" && id != strconv.FormatInt(last, 10) {
		out.text("event: missed\ndata: {\"Count\": 0}\n\n")
	}
	out.flush()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for out.err == nil {
		select {
		case event := <-events.C:
			out.event(event)
		case <-alive.C:
			out.text(": alive\n\n")
		case <-s.stopping:
			return nil
		case <-c.Request.Context().Done():
			return nil
		}
		if len(events.C) == 0 || out.pending > eventBuffer {
			if missed := events.Missed(); missed > 0 {
				out.text("event: missed\ndata: {\"Count\": %d}\n\n", missed)
			}
			out.flush()
		}
	}
	return nil // the client is gone
}

// eventWriter writes server-sent events until the first error.
type eventWriter struct {
	w       *recorder
	pending int // events that were not flushed
	err     error
}

func (o *eventWriter) text(format string, args ...any) {
	if o.err == nil {
		_, o.err = fmt.Fprintf(o.w, format, args...)
	}
}

func (o *eventWriter) event(e jobs.Event) {
	name := "job"
	if e.Gone {
		name = "gone"
	}
	line, err := e.JSON()
	if err != nil {
		o.err = err
		return
	}
	o.pending++
	o.text("event: %s\nid: %d\ndata: %s\n\n", name, e.Change, line)
}

func (o *eventWriter) flush() {
	o.pending = 0
	if o.err == nil {
		o.err = o.w.control.Flush()
	}
}
