package rest

import (
	"net/http"

	"gantry/internal/query"
)

func findRoutes() []Route {
	return []Route{
		{http.MethodPost, "/tools/find", "Search by tags, metadata and labels", find},
		{http.MethodPost, "/tools/count-resources", "Count what /tools/find would find", countResources},
		{http.MethodPost, "/tools/bulk-content", "Many resources at once, or those above or below them at one level", bulkContent},
	}
}

// find answers POST /tools/find.
func find(s *Server, c *Call) error {
	b, err := c.findBody()
	if err != nil {
		return err
	}
	q, err := s.findQuery(b)
	if err != nil {
		return err
	}
	sh, plain, err := s.findShown(b)
	if err != nil {
		return err
	}
	if q.Since, err = b.count("Since"); err != nil {
		return err
	}
	if q.Limit, err = b.count("Limit"); err != nil {
		return err
	}
	if err := s.readOrder(b, q); err != nil {
		return err
	}
	if b.nothing {
		return c.JSON([]string{})
	}
	return s.list(c, q, sh, plain)
}

// countResources answers POST /tools/count-resources.
func countResources(s *Server, c *Call) error {
	b, err := c.findBody()
	if err != nil {
		return err
	}
	q, err := s.findQuery(b)
	if err != nil {
		return err
	}
	answer := struct{ Count int64 }{}
	if !b.nothing {
		if answer.Count, err = s.engine().Count(c.Request.Context(), q); err != nil {
			return err
		}
	}
	return c.JSON(answer)
}

// findQuery reads what both routes have in common.
func (s *Server) findQuery(b *findBody) (*query.Query, error) {
	q := &query.Query{}
	for _, read := range []func(*findBody, *query.Query) error{readLevel, s.readQuery, readParents, s.readMetadataQuery,
		readLabels} {
		if err := read(b, q); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// findShown reads how results are to be shown; plain is true for their ids alone.
func (s *Server) findShown(b *findBody) (sh shown, plain bool, err error) {
	sh.content = contentDefault
	expand, err := b.flag("Expand")
	if err != nil {
		return sh, false, err
	}
	if sh.form, err = b.form(); err != nil {
		return sh, false, err
	}
	if names, given, err := b.texts("ResponseContent", "an array"); err != nil {
		return sh, false, err
	} else if given {
		if sh.content, err = parseContent(names); err != nil {
			return sh, false, err
		}
		expand = true
	}
	names, _, err := b.texts("RequestedTags", "an array")
	if err != nil {
		return sh, false, err
	}
	for _, name := range names {
		tag, ok := s.parseTag(name)
		if !ok {
			return sh, false, fail(statusUnknownTag, noTag, name)
		}
		sh.tags = append(sh.tags, tag)
	}
	sh.tags, err = checkRequested(sh.tags)
	return sh, !expand, err
}
