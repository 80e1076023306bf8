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

// readRevision reads an ETag of a header, in quotes or without, and gives it back in quotes.
func readRevision(name, text string) (string, error) {
	text = strings.Trim(strings.TrimSpace(text), `"`)
	if !revisionPattern.MatchString(text) {
		return "", fail(statusParameterOutOfRange,
			"The %q HTTP header should contain the ETag (revision followed by MD5 hash), but found: %.80s", name, text)
	}
	return `"` + text + `"`, nil
}

// revisionCheck refuses a change to what has another revision than the one expected.
type revisionCheck func(revision int64, md5 [16]byte) error

// precondition reads If-Match; an empty one is no revision, but the sign of a client that has lost it. The function it
// returns refuses a change to what has another revision, and with the option CheckRevisions one that names none.
func (s *Server) precondition(c *Call) (check revisionCheck, err error) {
	want := ""
	if given := c.Request.Header.Values("If-Match"); len(given) > 0 {
		if want, err = readRevision("if-match", given[0]); err != nil {
			return nil, err
		}
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
	list := c.Request.Header.Get("If-None-Match")
	if list == "" {
		return false, nil
	}
	for text := range strings.SplitSeq(list, ",") {
		strong := strings.TrimPrefix(strings.TrimSpace(text), "W/") // proxies that compress make tags weak (RFC 9110 13.1.2)
		switch known, err := readRevision("If-None-Match", strong); {
		case err != nil:
			return false, err
		case known == tag:
			c.w.WriteHeader(http.StatusNotModified)
			return true, nil
		}
	}
	return false, nil
}

const (
	statusReadOnly jobs.Code = 22
	statusRange    jobs.Code = 41
	statusRevision jobs.Code = 43
)
