package rest

import (
	"bytes"
	"context"
	"errors"

	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// longestIdentifier is longer than any value that the index keeps.
const longestIdentifier = 1 << 10

// lookup answers POST /tools/lookup: the resources that one of their DICOM identifiers names.
func lookup(s *Server, c *Call) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	found := []*ancestorJSON{}
	if bytes.ContainsAny(body, "*?") {
		return fail(statusParameterOutOfRange, "Wildcards are not allowed here: %.60q; search with /tools/find", body)
	}
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
