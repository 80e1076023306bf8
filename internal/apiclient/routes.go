package apiclient

import (
	"context"
	"net/url"
)

// System is the part of GET /system that the commands show.
type System struct {
	Name, Version, DicomAet string
	DicomPort               int
}

// System asks who the server is.
func (c *Client) System(ctx context.Context) (*System, error) {
	var s System
	return &s, c.Get(ctx, "/system", &s)
}

// Modality is one peer of the daemon.
type Modality struct {
	AET, Host string
	Port      int
}

// Modalities lists the peers of the daemon by name.
func (c *Client) Modalities(ctx context.Context) (map[string]Modality, error) {
	var m map[string]Modality
	err := c.Get(ctx, "/modalities?expand", &m)
	return m, err
}

// Instance names one object in a commitment report.
type Instance struct {
	SOPClassUID, SOPInstanceUID string
}

// Failure is an object that was not committed.
type Failure struct {
	Instance
	FailureReason int // (0008,1197)
	Description   string
}

// Report is a storage commitment report of a peer. The list of requests has no instances.
type Report struct {
	ID        string `json:",omitempty"`
	RemoteAET string
	Status    string     // Pending, Success, Failure
	Modality  string     `json:",omitempty"` // the name the peer has here
	Created   string     `json:",omitempty"` // YYYYMMDDTHHMMSS
	Success   []Instance `json:",omitempty"`
	Failures  []Failure  `json:",omitempty"`
}

// Commitment gives the report of one request.
func (c *Client) Commitment(ctx context.Context, uid string) (*Report, error) {
	r := Report{ID: uid}
	return &r, c.Get(ctx, "/storage-commitment/"+url.PathEscape(uid), &r)
}

// Commitments lists the requests the daemon remembers.
func (c *Client) Commitments(ctx context.Context) ([]Report, error) {
	var list []Report
	err := c.Get(ctx, "/storage-commitment?expand", &list)
	return list, err
}

// RemoveCommitted deletes from the daemon what the peer has committed to.
func (c *Client) RemoveCommitted(ctx context.Context, uid string) error {
	return c.Post(ctx, "/storage-commitment/"+url.PathEscape(uid)+"/remove", struct{}{}, nil)
}
