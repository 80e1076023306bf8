package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	"gantry/internal/jobs"
)

func jobRoutes() []Route {
	control := func(verb, does string, call func(*Server, *Call, string) error) Route {
		return Route{http.MethodPost, "/jobs/{id}/" + verb, does, controlJob(call)}
	}
	return []Route{
		{http.MethodGet, "/jobs", "List the jobs; ?expand shows them; ?state=, ?type=, ?since= and ?limit= choose among them", listJobs},
		{http.MethodGet, "/jobs/events", "What becomes of the jobs, as server-sent events", jobEvents},
		{http.MethodGet, "/jobs/{id}", "One job; ?wait=SECONDS answers at its next change", oneJob},
		{http.MethodDelete, "/jobs/{id}", "Forget a job that has ended", deleteJob},
		{http.MethodPut, "/jobs/{id}/priority", "Change the priority of a job that has not ended", putJobPriority},
		{http.MethodGet, "/jobs/{id}/{output}", "A file that a successful job has left behind", jobOutput},
		{http.MethodDelete, "/jobs/{id}/{output}", "Give up a file that a successful job has left behind", deleteJobOutput},
		control("cancel", "Cancel a job", func(s *Server, c *Call, id string) error { return s.Jobs.Cancel(c.background(), id) }),
		control("pause", "Pause a job", func(s *Server, c *Call, id string) error { return s.Jobs.Pause(c.background(), id) }),
		control("resume", "Go on with a paused job", func(s *Server, c *Call, id string) error { return s.Jobs.Resume(c.background(), id) }),
		control("resubmit", "Run a failed job again", func(s *Server, c *Call, id string) error { return s.Jobs.Resubmit(c.background(), id) }),
	}
}

func listJobs(s *Server, c *Call) error {
	filter, err := c.jobFilter()
	if err != nil {
		return err
	}
	expand, err := c.expand(false)
	if err != nil {
		return err
	}
	if filter.all() && !expand {
		return c.jobIDs(s.Jobs.List())
	}
	infos := filter.choose(s.Jobs.Infos())
	if expand {
		return c.jobList(infos)
	}
	ids := []string{}
	for info := range infos {
		ids = append(ids, info.ID)
	}
	return c.jobIDs(ids)
}

// jobIDs answers with ids, which need no quoting.
func (c *Call) jobIDs(ids []string) error {
	if len(ids) == 0 {
		return c.JSON(ids)
	}
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	var b bytes.Buffer
	b.Grow(len(ids)*(len(ids[0])+len("   \"\",\n")) + len("[\n]\n"))
	separator := "[\n   \""
	for _, id := range ids {
		b.WriteString(separator)
		b.WriteString(id)
		separator = "\",\n   \""
	}
	b.WriteString("\"\n]\n")
	_, err := b.WriteTo(c.w)
	return err
}

// jobList answers with many jobs, a piece at a time.
func (c *Call) jobList(infos iter.Seq[jobs.Info]) error {
	const piece, first = 64 << 10, "[\n   "
	var b bytes.Buffer
	begin := first
	for info := range infos {
		if begin == first {
			c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
		}
		b.WriteString(begin)
		begin = ",\n   "
		if err := info.WriteJSON(&b, "   ", "   "); err != nil {
			return err
		}
		if b.Len() >= piece {
			if _, err := b.WriteTo(c.w); err != nil {
				return err
			}
		}
	}
	if begin == first {
		return c.JSON([]jobs.Info{})
	}
	b.WriteString("\n]\n")
	_, err := b.WriteTo(c.w)
	return err
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

// putJobPriority takes a number, or {"Priority": number}.
func putJobPriority(s *Server, c *Call) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	var asked struct{ Priority json.RawMessage }
	switch text := bytes.TrimSpace(body); {
	case len(text) > 0 && text[0] == '{':
		if err := decodeJSON(text, &asked); err != nil {
			return err
		}
	case len(text) > 0:
		asked.Priority = text
	}
	if asked.Priority == nil {
		return fail(statusBadFileFormat, "Missing priority: a number, or {\"Priority\": number}")
	}
	priority, err := integerField("Priority", asked.Priority)
	if err != nil {
		return err
	}
	err = s.Jobs.SetPriority(c.background(), c.Param("id"), priority)
	switch {
	case errors.Is(err, jobs.ErrUnknown):
		return fail(jobs.CodeInexistent, "No job found with this id: %.60s", c.Param("id"))
	case errors.Is(err, jobs.ErrState):
		return &apiError{HTTP: http.StatusConflict, Code: jobs.CodeSequence, Details: "The job has ended: it has no priority any more"}
	case err != nil:
		return err
	}
	return c.JSON(struct{}{})
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
