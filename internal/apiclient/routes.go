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
	ID            string `json:",omitempty"`
	RemoteAET     string
	Status        string     // Pending, Success, Failure, Timeout
	Modality      string     `json:",omitempty"` // the name the peer has here
	Created       string     `json:",omitempty"` // YYYYMMDDTHHMMSS
	Deadline      string     `json:",omitempty"`
	Job           string     `json:",omitempty"` // that asked
	ResubmittedAs string     `json:",omitempty"` // Transaction UID
	Success       []Instance `json:",omitempty"`
	Failures      []Failure  `json:",omitempty"`
	Missing       []Instance `json:",omitempty"` // asked for, but not reported on
	Extra         []Instance `json:",omitempty"` // reported on, but not asked for
}

// Resubmit says how what was not committed is asked for again.
type Resubmit struct {
	Asynchronous bool
	Attempts     int  `json:",omitempty"`
	Deadline     *int `json:",omitempty"` // seconds; nil: as the daemon is configured
	Priority     int  `json:",omitempty"`
}

// ResubmitCommitment has what was not committed stored and asked for again, and returns the id of the job that does it.
func (c *Client) ResubmitCommitment(ctx context.Context, uid string, how Resubmit) (job string, err error) {
	how.Asynchronous = true
	var answer struct{ ID string }
	err = c.Post(ctx, "/storage-commitment/"+url.PathEscape(uid)+"/resubmit", how, &answer)
	return answer.ID, err
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
