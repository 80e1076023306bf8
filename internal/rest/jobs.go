package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"gantry/internal/jobs"
)

func jobRoutes() []Route {
	control := func(verb, does string, call func(*Server, *Call, string) error) Route {
		return Route{http.MethodPost, "/jobs/{id}/" + verb, does, controlJob(call)}
	}
	return []Route{
		{http.MethodGet, "/jobs", "List the jobs; ?expand shows them", listJobs},
		{http.MethodGet, "/jobs/{id}", "One job", oneJob},
		{http.MethodDelete, "/jobs/{id}", "Forget a job that has ended", deleteJob},
		control("cancel", "Cancel a job", func(s *Server, c *Call, id string) error { return s.Jobs.Cancel(c.background(), id) }),
		control("pause", "Pause a job", func(s *Server, c *Call, id string) error { return s.Jobs.Pause(c.background(), id) }),
		control("resume", "Go on with a paused job", func(s *Server, c *Call, id string) error { return s.Jobs.Resume(c.background(), id) }),
		control("resubmit", "Run a failed job again", func(s *Server, c *Call, id string) error { return s.Jobs.Resubmit(c.background(), id) }),
	}
}

func listJobs(s *Server, c *Call) error {
	if c.Flag("expand") {
		return c.JSON(s.Jobs.Infos())
	}
	return c.JSON(s.Jobs.List())
}

func oneJob(s *Server, c *Call) error {
	info, known := s.Jobs.Get(c.Param("id"))
	if !known {
		return errNoAnswer
	}
	return c.JSON(info)
}

func deleteJob(s *Server, c *Call) error {
	err := s.Jobs.Remove(c.background(), c.Param("id"))
	if errors.Is(err, jobs.ErrUnknown) || errors.Is(err, jobs.ErrState) {
		return fail(jobs.CodeInexistent, "No job found with this id: %.60s", c.Param("id"))
	}
	if err != nil {
		return err
	}
	return c.Empty()
}

// controlJob makes the handler of a control call: an unknown job and a wrong state are "no answer".
func controlJob(call func(*Server, *Call, string) error) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		err := call(s, c, c.Param("id"))
		if errors.Is(err, jobs.ErrUnknown) || errors.Is(err, jobs.ErrState) {
			return errNoAnswer
		}
		if err != nil {
			return err
		}
		return c.JSON(struct{}{})
	}
}

// submission are the fields that every route which makes a job takes.
type submission struct {
	Synchronous  *bool
	Asynchronous *bool
	Priority     int
	Permissive   bool
	UserData     json.RawMessage
}

// asynchronous follows Orthanc: Synchronous wins, and the default is to wait.
func (o submission) asynchronous() bool {
	if o.Synchronous != nil {
		return !*o.Synchronous
	}
	return o.Asynchronous != nil && *o.Asynchronous
}

// runJob submits a job and answers with its id, or waits and answers with its content. A caller who hangs up while
// waiting cancels nothing.
func (s *Server) runJob(c *Call, job jobs.Job, o submission) error {
	return s.runJobKept(c, job, o, nil)
}

// runJobKept is runJob for a job that is kept by a function of its own, nil: by the engine.
func (s *Server) runJobKept(c *Call, job jobs.Job, o submission, save func(context.Context, jobs.Record) error) error {
	options := jobs.Options{Priority: o.Priority, UserData: o.UserData, Save: save}
	if o.asynchronous() {
		id, err := s.Jobs.Submit(c.background(), job, options)
		if err != nil {
			return err
		}
		return c.JSON(struct{ ID, Path string }{id, "/jobs/" + id})
	}
	info, err := s.Jobs.Run(c.background(), job, options)
	if err != nil {
		return err
	}
	if err := info.Err(); err != nil {
		return err
	}
	return c.JSON(info.Content)
}
