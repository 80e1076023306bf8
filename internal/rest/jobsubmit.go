package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"time"

	"gantry/internal/jobs"
)

// submission are the fields that every route which makes a job takes. A request embeds it; [decodeJSON] fills it.
type submission struct {
	Background bool            `json:"-"` // answer with the id at once
	Priority   int             `json:"-"`
	Permissive bool            `json:"-"`
	UserData   json.RawMessage `json:"-"`
}

// asynchronous tells whether the answer is the id, at once.
func (o *submission) asynchronous() bool { return o.Background }

// take reads the fields by Orthanc's rules: Synchronous wins over Asynchronous, which is not looked at then; the
// default is to wait; null is of no type; UserData is any JSON.
func (o *submission) take(body []byte) error {
	var raw struct{ Synchronous, Asynchronous, Priority, Permissive, UserData json.RawMessage }
	if err := json.Unmarshal(body, &raw); err != nil {
		return fail(statusBadFileFormat, "Cannot parse the JSON body: %v", err)
	}
	var wait bool
	var err error
	if raw.Synchronous != nil {
		wait, err = booleanField("Synchronous", raw.Synchronous)
		o.Background = !wait
	} else {
		o.Background, err = booleanField("Asynchronous", raw.Asynchronous)
	}
	if err != nil {
		return err
	}
	if o.Priority, err = integerField("Priority", raw.Priority); err != nil {
		return err
	}
	if o.Permissive, err = booleanField("Permissive", raw.Permissive); err != nil {
		return err
	}
	if !bytes.Equal(raw.UserData, []byte("null")) {
		o.UserData = raw.UserData
	}
	return nil
}

// booleanField reads a field that may be absent.
func booleanField(name string, raw json.RawMessage) (value bool, err error) {
	switch string(raw) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fail(statusBadFileFormat, "Boolean value expected in field: %s", name)
}

// integerField reads a field that may be absent. Orthanc's integers have 32 bits.
func integerField(name string, raw json.RawMessage) (int, error) {
	if raw == nil {
		return 0, nil
	}
	var n int64
	if err := json.Unmarshal(raw, &n); err != nil || bytes.Equal(raw, []byte("null")) {
		return 0, fail(statusBadFileFormat, "Integer value expected in field: %s", name)
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		return 0, fail(statusBadParameterType, "Value too large to fit in an integer in field '%s'", name)
	}
	return int(n), nil
}

// runJob submits a job and answers with its id, or waits and answers with its content. A caller who hangs up while
// waiting cancels nothing; one who still waits for room in the queue has no job yet.
func (s *Server) runJob(c *Call, job jobs.Job, o submission) error {
	return s.runJobKept(c, job, o, nil)
}

// runJobKept is runJob for a job that is kept by a function of its own, nil: by the engine.
func (s *Server) runJobKept(c *Call, job jobs.Job, o submission, save func(context.Context, jobs.Record) error) error {
	options := jobs.Options{Priority: o.Priority, UserData: o.UserData, NoWait: o.asynchronous(), Save: save}
	if o.asynchronous() {
		id, err := s.Jobs.Submit(c.background(), job, options)
		if errors.Is(err, jobs.ErrQueueFull) {
			return queueFull()
		}
		if err != nil {
			return err
		}
		return c.JSON(struct{ ID, Path string }{id, "/jobs/" + id})
	}
	ctx, done := s.untilStopped(c.Request.Context())
	defer done()
	info, err := s.Jobs.Run(ctx, job, options)
	if err != nil && errors.Is(context.Cause(ctx), jobs.ErrStopped) {
		return jobs.ErrStopped
	}
	if err != nil {
		return err
	}
	if err := info.Err(); err != nil {
		return err
	}
	return c.JSON(info.Content)
}

// untilStopped ends a context with [jobs.ErrStopped] when half the time has passed that a server gets to stop: the job
// goes on at the next start, and the rest of the server needs the other half.
func (s *Server) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-s.stopping:
		case <-ctx.Done():
			return
		}
		half := time.NewTimer(time.Duration(s.Config.ShutdownTimeout) * time.Second / 2)
		defer half.Stop()
		select {
		case <-half.C:
			cancel(jobs.ErrStopped)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// queueFull refuses a caller who does not wait for room.
func queueFull() error {
	return &apiError{HTTP: http.StatusServiceUnavailable, Code: statusDatabaseUnavailable, Details: "As many jobs wait or " +
		"run as may (option LimitJobs): send this again when one has ended, or with Synchronous, which waits for that"}
}
