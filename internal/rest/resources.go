package rest

import (
	"errors"
	"net/http"

	"gantry/internal/jobs"
	"gantry/internal/jsonout"
	"gantry/internal/query"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// levels are the four levels of resources with the first segment of their routes.
var levels = [4]struct {
	path  string
	level index.Level
}{{"/patients", index.Patient}, {"/studies", index.Study}, {"/series", index.Series}, {"/instances", index.Instance}}

// resourceRoutes are the routes that all four levels have.
func resourceRoutes() []Route {
	var table []Route
	for _, f := range levels {
		name := f.path[1:]
		table = append(table,
			Route{http.MethodGet, f.path, "List the " + name + "; ?expand shows them, ?since and ?limit page", listResources(f.level)},
			Route{http.MethodGet, f.path + "/{id}", "One of the " + name, oneResource(f.level)},
			Route{http.MethodDelete, f.path + "/{id}", "Delete one of the " + name + " with all below it", deleteResource(f.level)},
			Route{http.MethodGet, f.path + "/{id}/statistics", "How much lies below one of the " + name, resourceStatistics(f.level)})
		for _, other := range levels {
			names := other.path[1:]
			switch {
			case other.level > f.level:
				table = append(table, Route{http.MethodGet, f.path + "/{id}/" + names,
					"The " + names + " below one of the " + name + "; ?expand=false lists their ids", listBelow(f.level, other.level)})
			case other.level < f.level:
				one := singular[other.level]
				table = append(table, Route{http.MethodGet, f.path + "/{id}/" + one,
					"The " + one + " that one of the " + name + " belongs to", oneAbove(f.level, other.level)})
			}
		}
	}
	return append(table, Route{http.MethodGet, "/series/{id}/ordered-slices", "The slices of a series in their order in space",
		orderedSlices})
}

var singular = [...]string{index.Patient: "patient", index.Study: "study", index.Series: "series"}

func listResources(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		since, limit, err := c.page()
		if err != nil {
			return err
		}
		sh, plain, err := s.shown(c, false)
		if err != nil {
			return err
		}
		return s.list(c, &query.Query{Level: level, Since: since, Limit: limit}, sh, plain)
	}
}

// page reads the arguments since and limit; limit 0 means all.
func (c *Call) page() (since, limit int, err error) {
	since, sinceGiven, err := c.Unsigned("since")
	if err != nil {
		return 0, 0, err
	}
	limit, limitGiven, err := c.Unsigned("limit")
	switch {
	case err != nil:
		return 0, 0, err
	case sinceGiven && !limitGiven:
		return 0, 0, fail(statusBadRequest, "Missing \"limit\" argument for GET request against: %s", c.Request.URL.Path)
	case limitGiven && !sinceGiven:
		return 0, 0, fail(statusBadRequest, "Missing \"since\" argument for GET request against: %s", c.Request.URL.Path)
	}
	return since, limit, nil
}

// list answers with what a query finds, as it is found: ids alone, or the resources.
func (s *Server) list(c *Call, q *query.Query, sh shown, plain bool) error {
	w := c.stream()
	r := &renderer{shown: sh, s: s, w: w, level: q.Level}
	if !plain {
		s.request(q, &sh)
	}
	w.Array()
	err := s.engine().Find(c.Request.Context(), q, func(results []query.Result) error {
		for i := range results {
			if plain {
				w.String(results[i].ID.String())
			} else {
				r.resource(&results[i])
			}
		}
		return w.Err()
	})
	if err != nil {
		return err
	}
	w.EndArray()
	return w.End()
}

// stream begins an answer in JSON. Until its first bytes go out an error can still take its place.
func (c *Call) stream() *jsonout.Writer {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	return jsonout.New(c.w)
}

func oneResource(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		id, err := index.ParseID(c.Param("id"))
		if err != nil {
			return errNoAnswer
		}
		return s.one(c, level, id)
	}
}

// one answers with one resource, with nothing if it is not there.
func (s *Server) one(c *Call, level index.Level, id index.ID) error {
	tags, err := s.requestedTags(c)
	if err != nil {
		return err
	}
	sh := shown{content: contentDefault, form: c.form(), tags: tags}
	q := &query.Query{Level: level, Within: []index.Resource{{Level: level, ID: id}}, Limit: 1}
	s.request(q, &sh)
	w := c.stream()
	r := &renderer{shown: sh, s: s, w: w, level: level}
	found := false
	err = s.engine().Find(c.Request.Context(), q, func(results []query.Result) error {
		found = true
		r.resource(&results[0])
		return nil
	})
	switch {
	case err != nil:
		return err
	case !found:
		return errNoAnswer
	}
	return w.End()
}

// known makes sure that a resource of a level is there. What is not an id, or is not known, is an error; the id of
// another level has no answer.
func (s *Server) known(c *Call, level index.Level) (id index.ID, err error) {
	if id, err = c.resourceID(); err != nil {
		return id, err
	}
	var at index.Level
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		if _, err := tx.Key(level, id); err == nil {
			at = level
			return nil
		}
		at, err = tx.Resource(id)
		return err
	})
	if err == nil && at != level {
		err = errNoAnswer
	}
	return id, err
}

// listBelow answers with the resources of a lower level, shown as they are unless ?expand=false asks for their ids.
func listBelow(level, below index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		id, err := s.known(c, level)
		if errors.Is(err, errNoAnswer) {
			err = &apiError{Code: jobs.CodeUnknownResource}
		}
		if err != nil {
			return err
		}
		expand, err := c.expand(true)
		if err != nil {
			return err
		}
		tags, err := s.requestedTags(c)
		if err != nil {
			return err
		}
		return s.list(c, &query.Query{Level: below, Within: []index.Resource{{Level: level, ID: id}}},
			shown{content: contentDefault, form: c.form(), tags: tags}, !expand)
	}
}

// oneAbove answers with the resource of a higher level.
func oneAbove(level, above index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		id, err := s.known(c, level)
		if err != nil {
			return err
		}
		var parent index.ID
		err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
			parent, err = climb(tx, level, id, above)
			return err
		})
		if err != nil {
			return err
		}
		return s.one(c, above, parent)
	}
}

// climb finds the resource of a higher level that one belongs to.
func climb(tx index.ReadTx, level index.Level, id index.ID, above index.Level) (index.ID, error) {
	for ; level > above; level-- {
		key, err := tx.Key(level, id)
		if err != nil {
			return id, err
		}
		records, err := tx.Records(level, []int64{key}, index.WantParent)
		if err != nil || len(records) == 0 {
			return id, errors.Join(err, index.ErrNotFound)
		}
		id = records[0].Parent
	}
	return id, nil
}

// ancestorJSON names a resource in answers.
type ancestorJSON struct {
	ID   index.ID
	Path string
	Type string
}

func ancestor(r index.Resource) *ancestorJSON {
	return &ancestorJSON{ID: r.ID, Path: resourcePath(r), Type: r.Level.String()}
}

func resourcePath(r index.Resource) string {
	switch r.Level {
	case index.Patient:
		return "/patients/" + r.ID.String()
	case index.Study:
		return "/studies/" + r.ID.String()
	case index.Series:
		return "/series/" + r.ID.String()
	}
	return "/instances/" + r.ID.String()
}

func deleteResource(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		id, err := index.ParseID(c.Param("id"))
		if err != nil {
			return errNoAnswer
		}
		deleted, err := s.Store.Delete(c.background(), level, id)
		if errors.Is(err, storage.ErrNotFound) {
			return errNoAnswer
		}
		if err != nil {
			return err
		}
		answer := struct{ RemainingAncestor *ancestorJSON }{}
		if deleted.Remaining != nil {
			answer.RemainingAncestor = ancestor(*deleted.Remaining)
		}
		return c.JSON(answer)
	}
}
