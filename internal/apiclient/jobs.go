package apiclient

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Job is what GET /jobs/{id} shows. Times are in UTC, as YYYYMMDDTHHMMSS.ffffff.
type Job struct {
	ID, Type, State                string
	Priority, Progress             int
	CreationTime, CompletionTime   string
	EstimatedTimeOfArrival         string
	NextAttempt                    string
	Attempts                       int
	EffectiveRuntime               float64 // seconds
	ErrorCode                      int
	ErrorDescription, ErrorDetails string
	Content                        JobContent

	Raw json.RawMessage `json:"-"` // all of it, as the server sent it
}

// JobContent is the part of a job's Content that many types have.
type JobContent struct {
	Description, RemoteAet string
	InstancesCount         int
	FailedInstancesCount   int
	TransactionUid         string // of a commitment job
}

// UnmarshalJSON keeps the JSON itself as well. A Content of another shape is no error.
func (j *Job) UnmarshalJSON(b []byte) error {
	type plain Job
	job := struct {
		*plain
		Content json.RawMessage
	}{plain: (*plain)(j)}
	if err := json.Unmarshal(b, &job); err != nil {
		return err
	}
	_ = json.Unmarshal(job.Content, &j.Content)
	j.Raw = append(json.RawMessage(nil), b...)
	return nil
}

// MarshalJSON writes what the server sent.
func (j Job) MarshalJSON() ([]byte, error) { return j.Raw, nil }

// Ended reports whether the job is complete.
func (j *Job) Ended() bool { return j.State == "Success" || j.State == "Failure" }

// JobFilter chooses among the jobs; the zero value takes all.
type JobFilter struct {
	States, Types []string
	Since         time.Time // of the last change of state; zero: any
}

// Jobs lists the jobs, sorted by id.
func (c *Client) Jobs(ctx context.Context, f JobFilter) ([]Job, error) {
	query := url.Values{"expand": {""}}
	if len(f.States) > 0 {
		query.Set("state", strings.Join(f.States, ","))
	}
	if len(f.Types) > 0 {
		query.Set("type", strings.Join(f.Types, ","))
	}
	if !f.Since.IsZero() {
		query.Set("since", f.Since.UTC().Format("20060102T150405.000000"))
	}
	jobs := []Job{}
	err := c.Get(ctx, "/jobs?"+query.Encode(), &jobs)
	return jobs, err
}

// JobIDs lists the ids of all jobs.
func (c *Client) JobIDs(ctx context.Context) (ids []string, err error) {
	err = c.Get(ctx, "/jobs", &ids)
	return ids, err
}

func jobPath(id string) string { return "/jobs/" + url.PathEscape(id) }

// Job shows one job.
func (c *Client) Job(ctx context.Context, id string) (*Job, error) {
	var job Job
	return &job, c.Get(ctx, jobPath(id), &job)
}

// JobChange shows a job at its next change, or as it is when wait has passed, or has ended, or has changed since the
// answer with that tag ("": none). It returns the tag of its own.
func (c *Client) JobChange(ctx context.Context, id, tag string, wait time.Duration) (*Job, string, error) {
	path := jobPath(id) + "?wait=" + strconv.Itoa(int(math.Ceil(wait.Seconds())))
	rs, err := c.open(ctx, http.MethodGet, path, nil, http.Header{"If-None-Match": {tag}})
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = rs.Body.Close() }()
	var job Job
	if err := json.NewDecoder(io.LimitReader(rs.Body, maxAnswer)).Decode(&job); err != nil {
		return nil, "", &ConnectError{URL: c.URL(), Err: err}
	}
	return &job, rs.Header.Get("ETag"), nil
}

// ControlJob cancels, pauses, resumes or resubmits a job.
func (c *Client) ControlJob(ctx context.Context, id, call string) error {
	return c.Post(ctx, jobPath(id)+"/"+call, struct{}{}, nil)
}

// SetJobPriority changes the priority of a job that has not ended.
func (c *Client) SetJobPriority(ctx context.Context, id string, priority int) error {
	return c.do(ctx, http.MethodPut, jobPath(id)+"/priority", priority, nil)
}

// JobEvent is one change of a job.
type JobEvent struct {
	Name string // job, gone, or missed: some were dropped, look at the list again
	Job  Job    // of gone the id alone
}

// JobEvents calls the function for each change of any job until it returns an error, the server ends, or ctx does. The
// first call, with the event "open", says that nothing is missed from now on.
func (c *Client) JobEvents(ctx context.Context, each func(JobEvent) error) error {
	rs, err := c.open(ctx, http.MethodGet, "/jobs/events", nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = rs.Body.Close() }()
	if err := each(JobEvent{Name: "open"}); err != nil {
		return err
	}
	lines := bufio.NewReader(rs.Body)
	var event JobEvent
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("apiclient: the stream of events from %s broke off: %w", c.URL(), err)
		}
		switch field, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ": "); field {
		case "event":
			event = JobEvent{Name: value}
		case "data":
			if err := json.Unmarshal([]byte(value), &event.Job); err != nil {
				return fmt.Errorf("apiclient: an event of %s is not the JSON expected: %w", c.URL(), err)
			}
			if err := each(event); err != nil {
				return err
			}
		}
	}
}

// JobFile is a file that a job left behind, or the rest of it.
type JobFile struct {
	Body   io.ReadCloser
	Name   string // suggested by the server, "" if none; not to be trusted as a path
	Tag    string // tells this file from another one under the same name
	Offset int64  // where Body begins
	Size   int64  // of the whole file; -1: unknown
}

// JobOutput opens a file that a job left behind, from an offset on if it is still the file with that tag, else from its
// beginning.
func (c *Client) JobOutput(ctx context.Context, id, key, tag string, offset int64) (*JobFile, error) {
	header := http.Header{}
	if offset > 0 && tag != "" {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		header.Set("If-Range", tag)
	}
	rs, err := c.open(ctx, http.MethodGet, jobPath(id)+"/"+url.PathEscape(key), nil, header) //nolint:bodyclose // the JobFile closes it
	if err != nil {
		return nil, err
	}
	f := &JobFile{Body: rs.Body, Tag: rs.Header.Get("ETag"), Size: rs.ContentLength}
	if _, params, err := mime.ParseMediaType(rs.Header.Get("Content-Disposition")); err == nil {
		f.Name = params["filename"]
	}
	if rs.StatusCode == http.StatusPartialContent {
		f.Offset = offset
		f.Size = offset + rs.ContentLength
	}
	return f, nil
}
