package rest

import (
	"net/http"

	"gantry/internal/jobs"
	"gantry/internal/loglevel"
)

// logLevelRoutes read and change the verbosity of the log while the server runs.
func logLevelRoutes() []Route {
	const read, change = "The verbosity of the log", "Change the verbosity of the log: default, verbose or trace"
	table := []Route{
		{http.MethodGet, "/tools/log-level", read, func(s *Server, c *Call) error { return s.logLevel(c, loglevel.Generic) }},
		{http.MethodPut, "/tools/log-level", change, func(s *Server, c *Call) error { return s.setLogLevel(c, loglevel.Categories()...) }},
	}
	for _, category := range loglevel.Categories() {
		path, of := "/tools/log-level-"+string(category), ", for the category "+string(category)
		table = append(table,
			Route{http.MethodGet, path, read + of, func(s *Server, c *Call) error { return s.logLevel(c, category) }},
			Route{http.MethodPut, path, change + of, func(s *Server, c *Call) error { return s.setLogLevel(c, category) }})
	}
	return table
}

func (s *Server) logLevel(c *Call, category loglevel.Category) error {
	verbosity := s.LogLevels.Verbosity(category)
	if verbosity == "" {
		return &apiError{Code: jobs.CodeUnknownResource}
	}
	return c.text(verbosity)
}

func (s *Server) setLogLevel(c *Call, categories ...loglevel.Category) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	if s.LogLevels == nil || !s.LogLevels.Set(string(body), categories...) {
		return fail(statusParameterOutOfRange, "Verbosity can be \"default\", \"verbose\" or \"trace\": %.40s", body)
	}
	return c.Empty()
}
