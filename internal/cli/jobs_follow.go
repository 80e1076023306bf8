package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"gantry/internal/apiclient"
)

// follow gives the events of all jobs. A server without them, as Orthanc is one, is asked for its list again and again.
func follow(ctx context.Context, c *apiclient.Client, each func(apiclient.JobEvent) error) error {
	err := c.JobEvents(ctx, each)
	var status *apiclient.StatusError
	if errors.As(err, &status) && status.Status == http.StatusNotFound {
		return pollJobs(ctx, c, each)
	}
	return err
}

// pollPause lies between two looks at the list.
const pollPause = time.Second

func pollJobs(ctx context.Context, c *apiclient.Client, each func(apiclient.JobEvent) error) error {
	known, err := lookAtJobs(ctx, c)
	if err != nil {
		return err
	}
	event := apiclient.JobEvent{Name: "open"}
	tick := time.NewTicker(pollPause)
	defer tick.Stop()
	for err = each(event); err == nil; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		var now map[string]apiclient.Job
		if now, err = lookAtJobs(ctx, c); err == nil {
			err = tellChanges(known, now, each)
			known = now
		}
	}
	return err
}

func lookAtJobs(ctx context.Context, c *apiclient.Client) (map[string]apiclient.Job, error) {
	list, err := c.Jobs(ctx, apiclient.JobFilter{})
	jobs := make(map[string]apiclient.Job, len(list))
	for _, j := range list {
		jobs[j.ID] = j
	}
	return jobs, err
}

// tellChanges compares two looks.
func tellChanges(before, now map[string]apiclient.Job, each func(apiclient.JobEvent) error) error {
	for id, j := range now {
		if old, known := before[id]; known && old.State == j.State && old.Progress == j.Progress {
			continue
		}
		if err := each(apiclient.JobEvent{Name: "job", Job: j}); err != nil {
			return err
		}
	}
	for id := range before {
		if _, known := now[id]; known {
			continue
		}
		if err := each(apiclient.JobEvent{Name: "gone", Job: apiclient.Job{ID: id}}); err != nil {
			return err
		}
	}
	return nil
}
