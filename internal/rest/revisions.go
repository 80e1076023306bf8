package rest

import (
	"context"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// Metadata and attachments carry a revision as their ETag: a count, and the MD5 of the content.

func revisionTag(revision int64, md5 [16]byte) string {
	return `"` + strconv.FormatInt(revision, 10) + "-" + hex.EncodeToString(md5[:]) + `"`
}

var revisionPattern = regexp.MustCompile(`^[0-9]{1,18}-[0-9a-zA-Z]+$`)

// revisionHeader reads an ETag from a header, in quotes or without, and gives it back in quotes; "" if there is none.
func (c *Call) revisionHeader(name string) (string, error) {
	text := strings.Trim(strings.TrimSpace(c.Request.Header.Get(name)), `"`)
	if text == "" {
		return "", nil
	}
	if !revisionPattern.MatchString(text) {
		return "", fail(statusParameterOutOfRange,
			"The %q HTTP header should contain the ETag (revision followed by MD5 hash), but found: %.80s", name, text)
	}
	return `"` + text + `"`, nil
}

// revisionCheck refuses a change to what has another revision than the one expected.
type revisionCheck func(revision int64, md5 [16]byte) error

// precondition reads If-Match. The function it returns refuses a change to what has another revision, and with the option
// CheckRevisions one that names none.
func (s *Server) precondition(c *Call) (revisionCheck, error) {
	want, err := c.revisionHeader("if-match")
	if err != nil {
		return nil, err
	}
	return func(revision int64, md5 [16]byte) error {
		if want == "" && !s.Config.CheckRevisions || want == revisionTag(revision, md5) {
			return nil
		}
		return &apiError{Code: statusRevision}
	}, nil
}

// deleteUsers deletes metadata or an attachment of a user: param reads its number. Where the option CheckRevisions is on the
// request has to name the revision.
func (s *Server) deleteUsers(c *Call, param func(*Call) (int, error),
	remove func(ctx context.Context, id index.ID, number int, match revisionCheck) error) error {
	number, err := usersOnly(param(c))
	if err != nil {
		return err
	}
	if s.Config.CheckRevisions && c.Request.Header.Get("If-Match") == "" {
		return fail(statusRevision, "HTTP header \"If-Match\" is missing, as \"CheckRevisions\" is \"true\"")
	}
	match, err := s.precondition(c)
	if err != nil {
		return err
	}
	id, err := c.resourceID()
	if err != nil {
		return err
	}
	if err := remove(c.background(), id, number, match); err != nil {
		return err
	}
	return c.Empty()
}

// unmodified sets the ETag of the answer and tells whether the client has what it stands for: then it was answered.
func (c *Call) unmodified(revision int64, md5 [16]byte) (bool, error) {
	tag := revisionTag(revision, md5)
	c.w.Header().Set("ETag", tag)
	known, err := c.revisionHeader("If-None-Match")
	if err != nil || known != tag {
		return false, err
	}
	c.w.WriteHeader(http.StatusNotModified)
	return true, nil
}

const (
	statusReadOnly jobs.Code = 22
	statusRange    jobs.Code = 41
	statusRevision jobs.Code = 43
)
