package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
)

// Stored is an instance that an upload has stored, or that was there.
type Stored struct {
	ID, ParentStudy string
	Status          string // Success, AlreadyStored
}

// Upload sends a DICOM file, or a ZIP file of some, and returns what was stored of it. There is no limit of time but ctx.
func (c *Client) Upload(ctx context.Context, data io.Reader, size int64) ([]Stored, error) {
	const path = "/instances"
	rq, err := c.request(ctx, http.MethodPost, path, nil)
	if err != nil {
		return nil, err
	}
	rq.Body, rq.ContentLength = io.NopCloser(data), size
	rq.Header.Set("Content-Type", "application/dicom")
	unlimited := *c
	unlimited.http = &http.Client{Transport: c.http.Transport}
	body, err := unlimited.send(rq, path)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	var list []Stored
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		err = json.Unmarshal(body, &list)
	} else {
		list = make([]Stored, 1)
		err = json.Unmarshal(body, &list[0])
	}
	if err != nil {
		return nil, &AnswerError{http.MethodPost, path, err}
	}
	return list, nil
}

// Search is what /tools/find looks for.
type Search struct {
	Level            string            // Patient, Study, Series, Instance
	Query            map[string]string // by the keyword of the tag; wildcards, ranges and lists as in DICOM
	Labels           []string          `json:",omitempty"` // all of them
	LabelsConstraint string            `json:",omitempty"`
	RequestedTags    []string          `json:",omitempty"`
	Limit            int               `json:",omitempty"`
	Since            int               `json:",omitempty"`
	Expand           bool
}

// Found is a resource with its main tags.
type Found struct {
	ID, Type              string
	MainDicomTags         map[string]string
	PatientMainDicomTags  map[string]string `json:",omitempty"`
	RequestedTags         map[string]any    `json:",omitempty"`
	Studies               []string          `json:",omitempty"`
	Series                []string          `json:",omitempty"`
	Instances             []string          `json:",omitempty"`
	ParentPatient         string            `json:",omitempty"`
	ParentStudy           string            `json:",omitempty"`
	ParentSeries          string            `json:",omitempty"`
	Labels                []string          `json:",omitempty"`
	IsStable, IsProtected bool
	LastUpdate            string `json:",omitempty"`
	Status                string `json:",omitempty"`
	FileSize              int64  `json:",omitempty"`
}

// Find returns the resources that a search finds.
func (c *Client) Find(ctx context.Context, s Search) (found []Found, err error) {
	s.Expand = true
	return found, c.Post(ctx, "/tools/find", &s, &found)
}

// ResourceStatistics is how much lies at and below a resource.
type ResourceStatistics struct {
	CountStudies, CountSeries, CountInstances int
	DiskSize, UncompressedSize                int64 `json:",string"`
}

// ResourceStatistics asks for the statistics of a resource, "/studies/ID".
func (c *Client) ResourceStatistics(ctx context.Context, path string) (st ResourceStatistics, err error) {
	return st, c.Get(ctx, path+"/statistics", &st)
}
