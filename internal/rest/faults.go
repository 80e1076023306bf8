package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gantry/internal/faults"
	"gantry/internal/jobs"
)

func faultRoutes() []Route {
	return []Route{
		{http.MethodGet, "/faults", "List the faults that are made on purpose, and how often they were", listFaults},
		{http.MethodPost, "/faults", "Add a fault: {\"Rule\": \"store status=A700\"}, or the rule as text", addFault},
		{http.MethodDelete, "/faults", "Remove all faults", clearFaults},
		{http.MethodGet, "/faults/{id}", "One fault", oneFault},
		{http.MethodDelete, "/faults/{id}", "Remove a fault", removeFault},
	}
}

// faultJSON is a fault as the API shows it.
type faultJSON struct {
	Applied int    // how often it was made
	Fault   string // "status"
	ID      string
	Last    string `json:",omitempty"` // when it was last, UTC
	Rule    string
	Seen    int    // how often its service and conditions were met
	Service string // "store"
}

func showFault(f faults.Info) faultJSON {
	out := faultJSON{Applied: f.Applied, Fault: string(f.Rule.Fault), ID: f.ID, Rule: f.Rule.Text, Seen: f.Seen,
		Service: string(f.Rule.Service)}
	if !f.Last.IsZero() {
		out.Last = f.Last.UTC().Format("20060102T150405.000000")
	}
	return out
}

// faultSet returns the faults, or the error that there are none.
func (s *Server) faultSet() (*faults.Set, error) {
	if s.Faults == nil {
		return nil, fail(statusForbidden, "Faults are not enabled: start the server with --faults, or with the option FaultsEnabled")
	}
	return s.Faults, nil
}

func listFaults(s *Server, c *Call) error {
	set, err := s.faultSet()
	if err != nil {
		return err
	}
	list := []faultJSON{}
	for _, f := range set.List() {
		list = append(list, showFault(f))
	}
	return c.JSON(list)
}

func addFault(s *Server, c *Call) error {
	set, err := s.faultSet()
	if err != nil {
		return err
	}
	text, err := ruleText(c)
	if err != nil {
		return err
	}
	rule, err := faults.Parse(text)
	var wrong *faults.ParseError
	if errors.As(err, &wrong) {
		return fail(statusBadRequest, "Rule, column %d: %s", wrong.Column, wrong.Message)
	}
	if err != nil {
		return err
	}
	added, err := set.Add(rule)
	if err != nil {
		return fail(statusBadRequest, "%v", err)
	}
	s.log.Warn("fault added", "id", added.ID, "rule", rule.Text, "remote", c.Request.RemoteAddr)
	return c.JSON(struct{ ID, Path string }{added.ID, "/faults/" + added.ID})
}

// ruleText reads a rule, as a field of JSON or as it is.
func ruleText(c *Call) (string, error) {
	body, err := c.smallBody()
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(body))
	if !strings.HasPrefix(text, "{") {
		return text, nil
	}
	var in struct{ Rule *string }
	if err := decodeJSON(json.RawMessage(text), &in); err != nil {
		return "", err
	}
	if in.Rule == nil {
		return "", fail(statusBadFileFormat, "The field \"Rule\" is missing")
	}
	return *in.Rule, nil
}

func clearFaults(s *Server, c *Call) error {
	set, err := s.faultSet()
	if err != nil {
		return err
	}
	set.Clear()
	s.log.Info("all faults removed", "remote", c.Request.RemoteAddr)
	return c.Empty()
}

func oneFault(s *Server, c *Call) error {
	set, err := s.faultSet()
	if err != nil {
		return err
	}
	f, known := set.Get(c.Param("id"))
	if !known {
		return noFault(c)
	}
	return c.JSON(showFault(f))
}

func removeFault(s *Server, c *Call) error {
	set, err := s.faultSet()
	if err != nil {
		return err
	}
	if !set.Remove(c.Param("id")) {
		return noFault(c)
	}
	return c.Empty()
}

func noFault(c *Call) error {
	return fail(jobs.CodeInexistent, "No fault found with this id: %.60s", c.Param("id"))
}
