package rest

import (
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"gantry/internal/jobs"
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

// precondition reads If-Match. The function it returns refuses a change to what has another revision, and with the option
// CheckRevisions one that names none.
func (s *Server) precondition(c *Call) (func(revision int64, md5 [16]byte) error, error) {
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

// deletion is the precondition of a deletion, which has to name a revision where the option CheckRevisions wants one.
func (s *Server) deletion(c *Call) (func(revision int64, md5 [16]byte) error, error) {
	if s.Config.CheckRevisions && c.Request.Header.Get("If-Match") == "" {
		return nil, fail(statusRevision, "HTTP header \"If-Match\" is missing, as \"CheckRevisions\" is \"true\"")
	}
	return s.precondition(c)
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
