package rest

import (
	"encoding/json"
	"errors"
	"net/http"

	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

func protectedRoutes() []Route {
	table := families(func(prefix, name string, _ index.Level) []Route {
		return []Route{{http.MethodPost, prefix + "/reconstruct", "Read the files of one of the " + name +
			" again and give it the main tags that are kept today; ReconstructFiles compresses them as new ones", reconstruct}}
	})
	return append(table,
		Route{http.MethodGet, "/patients/{id}/protected", "Whether a patient is kept from being recycled: 0 or 1", getProtected},
		Route{http.MethodPut, "/patients/{id}/protected", "Keep a patient from being recycled, or not", putProtected},
		Route{http.MethodGet, "/patients/{id}/committed",
			"Whether peers were promised that instances of a patient are kept (storage commitment): 0 or 1", getCommitted},
		Route{http.MethodPost, "/tools/reconstruct", "Reconstruct everything; blocks until it is done", reconstructAll},
		Route{http.MethodPost, "/tools/invalidate-tags", "Forget the tags kept as JSON: there are none, nothing happens", invalidateTags})
}

func getProtected(s *Server, c *Call) error {
	id, err := index.ParseID(c.Param("id"))
	if err != nil {
		return &apiError{Code: statusParameterOutOfRange}
	}
	protected := false
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		row, err := tx.Patient(id)
		if err == nil {
			protected = row.Protected
		}
		return err
	})
	switch {
	case errors.Is(err, index.ErrNotFound):
		return &apiError{Code: statusParameterOutOfRange}
	case err != nil:
		return err
	}
	return c.digit(protected)
}

func getCommitted(s *Server, c *Call) error {
	id, err := index.ParseID(c.Param("id"))
	if err != nil {
		return &apiError{Code: jobs.CodeInexistent}
	}
	committed := false
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		if _, err := tx.Patient(id); err != nil {
			return err
		}
		committed, err = tx.Committed(id)
		return err
	})
	if err != nil {
		return err
	}
	return c.digit(committed)
}

func putProtected(s *Server, c *Call) error {
	on, err := c.switchBody()
	if err != nil {
		return err
	}
	id, err := index.ParseID(c.Param("id"))
	if err != nil {
		return &apiError{Code: statusParameterOutOfRange}
	}
	err = s.Store.Protect(c.background(), id, on)
	if errors.Is(err, storage.ErrNotFound) {
		return &apiError{Code: statusParameterOutOfRange}
	}
	if err != nil {
		return err
	}
	return c.Empty()
}

// reconstructFiles reads the body of the routes that reconstruct: what is no JSON object says nothing.
func (c *Call) reconstructFiles() (bool, error) {
	body, err := c.smallBody()
	if err != nil {
		return false, err
	}
	var wish struct{ ReconstructFiles any }
	if json.Unmarshal(body, &wish) != nil {
		wish.ReconstructFiles = nil
	}
	files, ok := wish.ReconstructFiles.(bool)
	if !ok && wish.ReconstructFiles != nil {
		return false, fail(statusBadFileFormat, "The field ReconstructFiles must contain a Boolean")
	}
	return files, nil
}

func reconstruct(s *Server, c *Call) error {
	r, err := s.resourceOf(c)
	if err != nil {
		return err
	}
	files, err := c.reconstructFiles()
	if err != nil {
		return err
	}
	if err := s.Store.Reconstruct(c.background(), r.Level, r.ID, files); err != nil {
		return err
	}
	return c.Empty()
}

func reconstructAll(s *Server, c *Call) error {
	files, err := c.reconstructFiles()
	if err != nil {
		return err
	}
	if err := s.Store.Reconstruct(c.background(), 0, index.ID{}, files); err != nil {
		return err
	}
	return c.Empty()
}

func invalidateTags(_ *Server, c *Call) error { return c.Empty() }
