package rest

import (
	"net/http"
	"slices"

	"gantry/internal/storage/index"
)

func labelRoutes() []Route {
	table := families(func(prefix, name string, level index.Level) []Route {
		return []Route{
			{http.MethodGet, prefix + "/labels", "Labels of one of the " + name, listLabels(level)},
			{http.MethodGet, prefix + "/labels/{label}", "Whether it has a label: 200 or 404", hasLabel(level)},
			{http.MethodPut, prefix + "/labels/{label}", "Add a label", changeLabel(level, true)},
			{http.MethodDelete, prefix + "/labels/{label}", "Remove a label", changeLabel(level, false)},
		}
	})
	return append(table, Route{http.MethodGet, "/tools/labels", "All labels in use", allLabels})
}

func (s *Server) labelsOf(c *Call, level index.Level) (labels []string, err error) {
	r, err := s.resourceAt(c, level)
	if err != nil {
		return nil, err
	}
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) (err error) { labels, err = tx.Labels(r.ID); return err })
	return labels, err
}

func listLabels(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		labels, err := s.labelsOf(c, level)
		if err != nil {
			return err
		}
		return c.JSON(list(labels))
	}
}

func hasLabel(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		labels, err := s.labelsOf(c, level)
		if err != nil {
			return err
		}
		if !slices.Contains(labels, c.Param("label")) {
			return errNoAnswer
		}
		return c.Empty()
	}
}

func changeLabel(level index.Level, on bool) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		r, err := s.resourceAt(c, level)
		if err != nil {
			return err
		}
		label := c.Param("label")
		if !isLabel(label) {
			return fail(statusParameterOutOfRange, "A label must be a non-empty, alphanumeric string, possibly with '_' or '-' "+
				"characters, with maximum 64 characters, but got: %.200s", label)
		}
		if err := s.Store.SetLabel(c.background(), r.ID, label, on); err != nil {
			return err
		}
		return c.Empty()
	}
}

// isLabel takes what Orthanc does: 1 to 64 letters and digits of ASCII, underscores and hyphens.
func isLabel(label string) bool {
	for _, r := range label {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return label != "" && len(label) <= 64
}

func allLabels(s *Server, c *Call) error {
	var labels []string
	err := s.Store.View(c.Request.Context(), func(tx index.ReadTx) (err error) { labels, err = tx.AllLabels(); return err })
	if err != nil {
		return err
	}
	return c.JSON(list(labels))
}
