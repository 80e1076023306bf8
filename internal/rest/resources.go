package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// pageSize is how many rows one read transaction looks at.
const pageSize = 500

// resourceRoutes are the routes that all four levels have.
func resourceRoutes() []Route {
	var table []Route
	for _, family := range []struct {
		path  string
		level index.Level
	}{{"/patients", index.Patient}, {"/studies", index.Study}, {"/series", index.Series}, {"/instances", index.Instance}} {
		name := family.path[1:]
		table = append(table,
			Route{http.MethodGet, family.path, "List the " + name + "; ?expand shows them, ?since and ?limit page",
				listResources(family.level)},
			Route{http.MethodGet, family.path + "/{id}", "One of the " + name, oneResource(family.level)},
			Route{http.MethodDelete, family.path + "/{id}", "Delete one of the " + name + " with all below it",
				deleteResource(family.level)})
	}
	return table
}

func listResources(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		since, limit, err := c.page()
		if err != nil {
			return err
		}
		out := newArray(c)
		if err := s.walk(c.Request.Context(), level, since, limit, c.Flag("expand"), out.add); err != nil {
			return err
		}
		return out.end()
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

// walk gives the resources of a level in order of arrival, one page to a transaction, so that a slow client never
// holds one open. A resource that is deleted between two pages is left out.
func (s *Server) walk(ctx context.Context, level index.Level, since, limit int, expand bool, add func(any) error) error {
	after, left := int64(0), limit
	for skip := since; ; {
		var values []any
		var rows int
		err := s.Store.View(ctx, func(tx index.ReadTx) error {
			page, err := tx.List(level, after, pageSize)
			if err != nil {
				return err
			}
			rows = len(page)
			if rows > 0 {
				after = page[rows-1].Key
			}
			skipped := min(skip, rows)
			skip -= skipped
			page = page[skipped:]
			if limit > 0 && len(page) > left {
				page = page[:left]
			}
			values, err = s.pageValues(tx, level, page, expand)
			return err
		})
		if err != nil {
			return err
		}
		for _, value := range values {
			if err := add(value); err != nil {
				return err
			}
		}
		left -= len(values)
		if rows < pageSize || limit > 0 && left <= 0 {
			return nil
		}
	}
}

func (s *Server) pageValues(tx index.ReadTx, level index.Level, page []index.Entry, expand bool) ([]any, error) {
	values := make([]any, 0, len(page))
	render := s.renderer(tx)
	for _, entry := range page {
		if !expand {
			values = append(values, entry.ID)
			continue
		}
		value, err := render.resource(level, entry.ID)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

func oneResource(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		id, err := index.ParseID(c.Param("id"))
		if err != nil {
			return errNoAnswer
		}
		var value any
		err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
			value, err = s.renderer(tx).resource(level, id)
			return err
		})
		if errors.Is(err, index.ErrNotFound) {
			return errNoAnswer
		}
		if err != nil {
			return err
		}
		return c.JSON(value)
	}
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

// array writes a JSON array one element at a time.
type array struct {
	call  *Call
	began bool
	err   error
}

func newArray(c *Call) *array { return &array{call: c} }

func (a *array) add(value any) error {
	text, err := json.MarshalIndent(value, "   ", "   ")
	if err != nil {
		return err
	}
	if !a.began {
		a.begin()
		a.write("[\n   ")
	} else {
		a.write(",\n   ")
	}
	a.write(string(text))
	return a.err
}

func (a *array) begin() {
	a.began = true
	a.call.w.Header().Set("Content-Type", "application/json; charset=utf-8")
}

func (a *array) write(text string) {
	if a.err == nil {
		_, a.err = a.call.w.Write([]byte(text))
	}
}

func (a *array) end() error {
	if !a.began {
		a.begin()
		a.write("[]")
		return a.err
	}
	a.write("\n]\n")
	return a.err
}

// wholeNumber returns text as a number, nil if it is none.
func wholeNumber(text string) *int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil
	}
	return &n
}

// longestIdentifier is longer than any value that the index keeps.
const longestIdentifier = 1 << 10

// lookup answers POST /tools/lookup: the resources that one of their DICOM identifiers names.
func lookup(s *Server, c *Call) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	found := []*ancestorJSON{}
	if len(body) > longestIdentifier {
		return c.JSON(found)
	}
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		resources, err := tx.Identify(string(body))
		for _, r := range resources {
			found = append(found, ancestor(r))
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.JSON(found)
}

// resolve finds the level of a resource by its public id, with Orthanc's answers for text that is none and for an
// unknown one.
func (s *Server) resolve(ctx context.Context, text string) (index.Resource, error) {
	id, err := index.ParseID(text)
	if err != nil {
		return index.Resource{}, fail(statusBadFileFormat, "This string is not a valid Orthanc identifier: %.60s", text)
	}
	resource := index.Resource{ID: id}
	err = s.Store.View(ctx, func(tx index.ReadTx) error {
		resource.Level, err = tx.Resource(id)
		return err
	})
	if errors.Is(err, index.ErrNotFound) {
		return index.Resource{}, fail(jobs.CodeUnknownResource, "No resource has the id %s", text)
	}
	return resource, err
}
