package apiclient

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Resource names a patient, study, series or instance of the daemon.
type Resource struct {
	ID   string // public id
	Type string // Patient, Study, Series, Instance
}

// Lookup finds resources by one of their DICOM identifiers.
func (c *Client) Lookup(ctx context.Context, identifier string) (found []Resource, err error) {
	rq, err := c.request(ctx, http.MethodPost, "/tools/lookup", nil)
	if err != nil {
		return nil, err
	}
	rq.Body, rq.ContentLength = io.NopCloser(strings.NewReader(identifier)), int64(len(identifier))
	body, err := c.send(rq, "/tools/lookup")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &found); err != nil {
		return nil, &AnswerError{http.MethodPost, "/tools/lookup", err}
	}
	return found, nil
}

// FindStudies returns the ids of the studies with an Accession Number.
func (c *Client) FindStudies(ctx context.Context, accession string) (ids []string, err error) {
	err = c.Post(ctx, "/tools/find", map[string]any{"Level": "Study", "Query": map[string]string{"AccessionNumber": accession}}, &ids)
	return ids, err
}

// IDs lists the ids of a level: "patients", "studies", "series".
func (c *Client) IDs(ctx context.Context, level string) (ids []string, err error) {
	return ids, c.Get(ctx, "/"+level, &ids)
}

// ArchiveRequest asks for a ZIP file of resources.
type ArchiveRequest struct {
	Resources    []string
	Asynchronous bool
	Media        bool   `json:"-"` // with a DICOMDIR
	Extended     bool   `json:",omitempty"`
	Utf8         *bool  `json:",omitempty"` // nil: as the server is configured
	Transcode    string `json:",omitempty"`
	Filename     string `json:",omitempty"`
	Priority     int    `json:",omitempty"`
}

func (r *ArchiveRequest) path() string {
	if r.Media {
		return "/tools/create-media"
	}
	return "/tools/create-archive"
}

// Archive opens an archive that the server makes while it is read. Whether it is whole shows at its end: the reader gives an
// error, or the bytes are no ZIP file.
func (c *Client) Archive(ctx context.Context, r ArchiveRequest) (io.ReadCloser, error) {
	r.Asynchronous = false
	rs, err := c.open(ctx, http.MethodPost, r.path(), &r, nil) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return rs.Body, nil
}

// SubmitArchive lets a job make an archive and returns its id; the file is its output "archive".
func (c *Client) SubmitArchive(ctx context.Context, r ArchiveRequest) (string, error) {
	r.Asynchronous = true
	var job struct{ ID string }
	err := c.Post(ctx, r.path(), &r, &job)
	return job.ID, err
}
