package rest

import (
	"errors"
	"fmt"
	"net/http"

	"gantry/internal/jobs"
)

// jobOutput sends a file that a job has left behind, from the disk as the client takes it. Range and If-Range let a
// download that broke off go on.
func jobOutput(s *Server, c *Call) error {
	out, err := s.Jobs.Output(c.Param("id"), c.Param("output"))
	if err != nil {
		return outputError(err, c)
	}
	defer func() { _ = out.Data.Close() }()
	c.download(out.ContentType, out.Name)
	c.w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, out.Size, out.Modified.UnixNano()))
	http.ServeContent(c.w, c.Request, "", out.Modified, out.Data)
	return nil
}

func deleteJobOutput(s *Server, c *Call) error {
	if err := s.Jobs.DeleteOutput(c.Param("id"), c.Param("output")); err != nil {
		return outputError(err, c)
	}
	return c.Empty()
}

func outputError(err error, c *Call) error {
	if errors.Is(err, jobs.ErrUnknown) || errors.Is(err, jobs.ErrNoOutput) {
		return fail(jobs.CodeInexistent, "Job has no such output: %.60s", c.Param("output"))
	}
	return err
}
