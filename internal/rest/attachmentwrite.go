package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

var zeroTime time.Time // what is served has no time of its own

// emptyObject answers {}.
func (c *Call) emptyObject() error {
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write([]byte("{}"))
	return err
}

// putAttachment keeps the body, however large, as it comes in.
func putAttachment(s *Server, c *Call) error {
	number, err := usersOnly(s.attachmentParam(c))
	if err != nil {
		return err
	}
	match, err := s.precondition(c)
	if err != nil {
		return err
	}
	unknown := &apiError{Code: jobs.CodeInexistent}
	id, err := index.ParseID(c.Param("id"))
	if err != nil {
		return unknown
	}
	a, err := s.Store.Attach(c.background(), id, &storage.AttachRequest{Number: number, Data: c.Body(),
		Size: max(c.Request.ContentLength, 0), Origin: c.origin(), Guard: func(old *index.Attachment) error {
			if old == nil {
				return nil
			}
			return match(old.Revision, old.Blob.MD5)
		}})
	if errors.Is(err, storage.ErrNotFound) {
		return unknown
	}
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", revisionTag(a.Revision, a.Blob.MD5))
	return c.emptyObject()
}

func deleteAttachment(s *Server, c *Call) error {
	return s.deleteUsers(c, s.attachmentParam, func(ctx context.Context, id index.ID, number int, match revisionCheck) error {
		return s.Store.Detach(ctx, id, number, func(a *index.Attachment) error { return match(a.Revision, a.Blob.MD5) })
	})
}

func recodeAttachment(compress bool) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		number, err := s.attachmentParam(c)
		if err != nil {
			return err
		}
		r, err := s.resourceOf(c)
		if err != nil {
			return err
		}
		if err := s.Store.Recode(c.background(), r.ID, number, compress); err != nil {
			return err
		}
		return c.emptyObject()
	}
}
