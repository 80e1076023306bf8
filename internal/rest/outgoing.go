package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
)

// outgoingRoutes are about the reports that peers wait for, routes of our own. {id} is a Transaction UID, followed by @
// and the AE title of the peer where more than one has used it.
func outgoingRoutes() []Route {
	return []Route{
		{http.MethodGet, "/storage-commitment/outgoing",
			"List the reports to be delivered and those given up; ?state= for others, ?expand shows them", listOutgoing},
		{http.MethodGet, "/storage-commitment/outgoing/{id}", "One request of a peer, and how its report fares", oneOutgoing},
		{http.MethodPost, "/storage-commitment/outgoing/{id}/send", "Try to deliver a report now, also one that was given up", sendOutgoing},
	}
}

// outgoingJSON is what is shown of a request.
type outgoingJSON struct {
	Address        string `json:",omitempty"` // where the peer is called
	Attempts       int
	CalledAET      string
	Committed      *int   `json:",omitempty"`
	Created        string // UTC
	Decided        string `json:",omitempty"`
	Delivered      string `json:",omitempty"`
	Delivery       string
	Failed         *int           `json:",omitempty"`
	FailureReasons map[string]int `json:",omitempty"` // how many instances have each
	ID             string
	Instances      int
	Job            string
	JobState       jobs.State `json:",omitempty"` // empty for a job that was forgotten
	LastError      string
	NextAttempt    string `json:",omitempty"`
	RemoteAET      string
	RemoteIP       string
	State          jobkinds.OutgoingState
	TransactionUID dicom.UID
}

func newOutgoingJSON(o *jobkinds.Outgoing) outgoingJSON {
	out := outgoingJSON{
		Address: o.Address, Attempts: o.Attempts, CalledAET: o.CalledAET, Created: isoTime(o.Created), Decided: timeIfAny(o.Decided),
		Delivered: timeIfAny(o.Delivered), Delivery: o.Delivery, ID: o.ID, Instances: o.Instances, Job: o.JobID, JobState: o.Job.State,
		LastError: o.LastError, RemoteAET: o.RemoteAET, RemoteIP: o.RemoteIP, State: o.State, TransactionUID: o.TransactionUID,
	}
	if o.Job.State == jobs.Retry {
		out.NextAttempt = timeIfAny(o.Job.NextAttempt)
	}
	if len(o.Reasons) > 0 {
		committed := o.Reasons[0]
		failed := o.Instances - committed
		out.Committed, out.Failed = &committed, &failed
	}
	for reason, n := range o.Reasons {
		if reason == 0 {
			continue
		}
		if out.FailureReasons == nil {
			out.FailureReasons = map[string]int{}
		}
		out.FailureReasons[fmt.Sprintf("%04XH", reason)] = n
	}
	return out
}

func timeIfAny(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return isoTime(t)
}

// outgoingStates reads ?state=Decided,GivenUp; without it what is not delivered is meant.
func outgoingStates(c *Call) ([]jobkinds.OutgoingState, error) {
	known := []jobkinds.OutgoingState{jobkinds.OutgoingOpen, jobkinds.OutgoingDecided, jobkinds.OutgoingGivenUp, jobkinds.OutgoingDelivered}
	if !c.Request.URL.Query().Has("state") {
		return known[:3], nil
	}
	var states []jobkinds.OutgoingState
	for _, text := range strings.Split(c.Request.URL.Query().Get("state"), ",") {
		found := false
		for _, state := range known {
			if strings.EqualFold(text, string(state)) {
				states, found = append(states, state), true
			}
		}
		if !found {
			return nil, fail(statusParameterOutOfRange, "Unknown state: %.40q, the states are %v", text, known)
		}
	}
	return states, nil
}

func listOutgoing(s *Server, c *Call) error {
	states, err := outgoingStates(c)
	if err != nil {
		return err
	}
	list, err := s.Peers.Outgoings(c.Request.Context(), states...)
	if err != nil {
		return err
	}
	ids, expanded := make([]string, len(list)), make([]outgoingJSON, len(list))
	for i := range list {
		ids[i], expanded[i] = list[i].ID, newOutgoingJSON(&list[i])
	}
	if c.Flag("expand") {
		return c.JSON(expanded)
	}
	return c.JSON(ids)
}

func oneOutgoing(s *Server, c *Call) error {
	out, err := s.Peers.FindOutgoing(c.Request.Context(), c.Param("id"))
	if err != nil {
		return outgoingError(err, c)
	}
	return c.JSON(newOutgoingJSON(out))
}

func sendOutgoing(s *Server, c *Call) error {
	job, err := s.Peers.SendOutgoing(c.background(), c.Param("id"))
	if err != nil {
		return outgoingError(err, c)
	}
	return c.JSON(struct{ ID, Path string }{job, "/jobs/" + job})
}

// outgoingError is what the errors about outgoing reports are answered with.
func outgoingError(err error, c *Call) error {
	var ambiguous *jobkinds.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		return &apiError{Code: jobs.CodeSequence, HTTP: http.StatusConflict, Details: "Several peers used this Transaction UID, name one: " +
			strings.Join(ambiguous.IDs, ", ")}
	case errors.Is(err, jobkinds.ErrDelivered):
		return &apiError{Code: jobs.CodeSequence, HTTP: http.StatusConflict,
			Details: "The report was delivered; its peer gets it once more when it repeats its request"}
	case errors.Is(err, jobs.ErrQueueFull):
		return &apiError{Code: statusDatabaseUnavailable, HTTP: http.StatusServiceUnavailable, Details: "Too many jobs are waiting (LimitJobs)"}
	}
	return transactionError(err, c)
}
