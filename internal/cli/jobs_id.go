package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gantry/internal/apiclient"
)

// shortIDs is said in the help of every command that takes the id of a job.
const shortIDs = "An ID may be shortened to a beginning that no other job shares."

// fullID is the length of a job's id.
const fullID = 36

// find returns the client, and the jobs that the arguments name.
func (o *jobsCommand) find(ctx context.Context, args []string) (*apiclient.Client, []string, error) {
	c, err := o.client()
	if err != nil {
		return nil, nil, err
	}
	ids := make([]string, len(args))
	var all []string
	for i, arg := range args {
		ids[i] = strings.ToLower(arg)
		if len(arg) == fullID {
			continue
		}
		if all == nil {
			if all, err = c.JobIDs(ctx); err != nil {
				return nil, nil, err
			}
		}
		if ids[i], err = completeID(all, ids[i]); err != nil {
			return nil, nil, err
		}
	}
	return c, ids, nil
}

// completeID finds the one job whose id begins so.
func completeID(all []string, prefix string) (string, error) {
	var found []string
	for _, id := range all {
		if strings.HasPrefix(id, prefix) {
			found = append(found, id)
		}
	}
	const shown = 5
	switch {
	case prefix == "":
		return "", usagef("an ID is empty")
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return "", &notFoundError{fmt.Sprintf("no job has an ID that begins with %q", prefix)}
	}
	slices.Sort(found)
	text := strings.Join(found[:min(shown, len(found))], ", ")
	if len(found) > shown {
		text += fmt.Sprintf(" and %d more", len(found)-shown)
	}
	return "", &usageError{err: fmt.Errorf("%q begins the IDs of %d jobs: %s", prefix, len(found), text), hint: "Write more of it."}
}

// jobError says that a job is not there, where that is what the server means.
func jobError(err error, id string) error {
	var status *apiclient.StatusError
	if errors.As(err, &status) && status.Status == 404 {
		return &notFoundError{fmt.Sprintf("the daemon knows no job %s, or has forgotten it (JobsHistorySize)", id)}
	}
	return err
}
