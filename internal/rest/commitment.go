package rest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"

	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

func commitmentRoutes() []Route {
	return []Route{
		{http.MethodGet, "/storage-commitment", "List the requests for storage commitment; ?expand shows them", listReports},
		{http.MethodGet, "/storage-commitment/{id}", "The report of a storage commitment request", commitmentReport},
		{http.MethodPost, "/storage-commitment/{id}/remove", "Delete here what the peer has committed to", removeCommitted},
		{http.MethodPost, "/storage-commitment/{id}/resubmit", "Store what was not committed again and ask for it again, as a job", resubmitCommitment},
	}
}

// commitmentRequest is the body of POST /modalities/{id}/storage-commitment; Deadline, MaxPerRequest and SplitBy are ours.
type commitmentRequest struct {
	DicomInstances *[]instanceReference
	Resources      *[]string
	Timeout        timeout
	Deadline       *int   // seconds
	MaxPerRequest  int    // 0: no limit
	SplitBy        string // None, Study, Series
}

// split checks how the request is to be split, and whether it is to be at all.
func (r *commitmentRequest) split() (how jobkinds.Split, split bool, err error) {
	how.Max = r.MaxPerRequest
	switch r.SplitBy {
	case "", "None":
	case "Study":
		how.By = index.Study
	case "Series":
		how.By = index.Series
	default:
		return how, false, fail(statusParameterOutOfRange, "SplitBy must be \"None\", \"Study\" or \"Series\", found: %.40q", r.SplitBy)
	}
	if err := notNegative("MaxPerRequest", &r.MaxPerRequest); err != nil {
		return how, false, err
	}
	return how, how.Max > 0 || how.By != 0, notNegative("Deadline", r.Deadline)
}

// notNegative checks a number of a body that may be absent. Orthanc's integers have 32 bits, and more seconds than that
// are no time.
func notNegative(field string, value *int) error {
	switch {
	case value == nil:
	case *value < 0:
		return fail(statusParameterOutOfRange, "%s must not be negative, found: %d", field, *value)
	case *value > math.MaxInt32:
		return fail(statusParameterOutOfRange, "%s must be %d at most, found: %d", field, math.MaxInt32, *value)
	}
	return nil
}

// instanceReference reads a reference as an object or as a pair of class and instance.
type instanceReference struct{ index.Reference }

func (r *instanceReference) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '[' {
		var pair []string
		if err := json.Unmarshal(text, &pair); err != nil || len(pair) != 2 {
			return fail(statusBadFileFormat,
				"An instance entry must provide an array with 2 strings: SOP Class UID and SOP Instance UID")
		}
		r.SOPClassUID, r.SOPInstanceUID = dicom.UID(pair[0]), dicom.UID(pair[1])
	} else {
		var object struct{ SOPClassUID, SOPInstanceUID *dicom.UID }
		if err := json.Unmarshal(text, &object); err != nil || object.SOPClassUID == nil || object.SOPInstanceUID == nil {
			return fail(statusBadFileFormat,
				"An instance entry must provide an object with 2 strings: \"SOPClassUID\" and \"SOPInstanceUID\"")
		}
		r.SOPClassUID, r.SOPInstanceUID = *object.SOPClassUID, *object.SOPInstanceUID
	}
	if r.SOPClassUID == "" || r.SOPInstanceUID == "" {
		return fail(statusParameterOutOfRange, "The SOP class/instance UIDs cannot be empty, found: %q / %q",
			r.SOPClassUID, r.SOPInstanceUID)
	}
	return nil
}

func requestCommitment(s *Server, c *Call) error {
	var request commitmentRequest
	if err := c.DecodeJSON(&request); err != nil {
		return err
	}
	if _, err := s.modality(c); err != nil {
		return err
	}
	if request.DicomInstances == nil && request.Resources == nil {
		return fail(statusBadFileFormat,
			"Empty storage commitment request, one of these fields is mandatory: \"Resources\" or \"DicomInstances\"")
	}
	how, split, err := request.split()
	if err != nil {
		return err
	}
	references, err := s.commitmentReferences(c.Request.Context(), &request)
	if err != nil {
		return err
	}
	groups, err := s.Peers.SplitReferences(c.Request.Context(), references, how)
	if err != nil {
		return err
	}
	asked, err := s.Peers.RequestCommitments(c.background(), c.Param("id"), groups,
		jobkinds.CommitOptions{Timeout: int(request.Timeout), Deadline: request.Deadline})
	if err != nil {
		return err
	}
	if !split {
		uid := string(asked[0].TransactionUID)
		return c.JSON(struct{ ID, Path string }{uid, "/storage-commitment/" + uid})
	}
	return c.JSON(askedJSON(asked))
}

// partJSON is what became of one of the requests that a call was split into: ID and Path, or ErrorDetails.
type partJSON struct {
	ErrorDetails   string `json:",omitempty"`
	ID             string `json:",omitempty"`
	InstancesCount int
	Path           string `json:",omitempty"`
}

func askedJSON(asked []jobkinds.Asked) []partJSON {
	parts := make([]partJSON, len(asked))
	for i, a := range asked {
		parts[i].InstancesCount = a.Instances
		if a.Err != nil {
			parts[i].ErrorDetails = translate(a.Err).Details
			continue
		}
		parts[i].ID = string(a.TransactionUID)
		parts[i].Path = "/storage-commitment/" + parts[i].ID
	}
	return parts
}

func (s *Server) commitmentReferences(ctx context.Context, request *commitmentRequest) ([]index.Reference, error) {
	var references []index.Reference
	if request.Resources != nil {
		for _, id := range *request.Resources {
			var own *apiError
			if _, err := s.resolve(ctx, id); errors.As(err, &own) { // Orthanc does not tell a malformed id from an unknown one here
				return nil, &apiError{Code: jobs.CodeUnknownResource, Details: own.Details}
			} else if err != nil {
				return nil, err
			}
		}
		stored, err := s.Peers.References(ctx, *request.Resources)
		if err != nil {
			return nil, err
		}
		references = stored
	}
	if request.DicomInstances != nil {
		for _, r := range *request.DicomInstances {
			references = append(references, r.Reference)
		}
	}
	return references, nil
}

// reportJSON is a line of GET /storage-commitment?expand, a route of our own.
type reportJSON struct {
	Created       string
	Deadline      string `json:",omitempty"`
	ID            string
	Job           string `json:",omitempty"`
	Modality      string
	RemoteAET     string
	ResubmittedAs string `json:",omitempty"`
	Status        index.CommitStatus
}

func listReports(s *Server, c *Call) error {
	reports, err := s.Peers.Reports(c.Request.Context())
	if err != nil {
		return err
	}
	ids, expanded := []string{}, []reportJSON{}
	for _, r := range reports {
		ids = append(ids, r.TransactionUID)
		line := reportJSON{Created: isoTime(r.Created), ID: r.TransactionUID, Job: r.Job, Modality: r.Modality,
			RemoteAET: r.RemoteAET, ResubmittedAs: string(r.ResubmittedAs), Status: r.Status}
		if !r.Deadline.IsZero() {
			line.Deadline = isoTime(r.Deadline)
		}
		expanded = append(expanded, line)
	}
	if c.Flag("expand") {
		return c.JSON(expanded)
	}
	return c.JSON(ids)
}

func commitmentReport(s *Server, c *Call) error {
	report, err := s.Peers.Report(c.Request.Context(), dicom.UID(c.Param("id")))
	if err != nil {
		return transactionError(err, c)
	}
	return c.JSON(report)
}

func removeCommitted(s *Server, c *Call) error {
	if err := s.Peers.RemoveCommitted(c.background(), dicom.UID(c.Param("id"))); err != nil {
		return transactionError(err, c)
	}
	return c.JSON(struct{}{})
}

// mostAttempts bounds the transactions of one job.
const mostAttempts = 100

func resubmitCommitment(s *Server, c *Call) error {
	var request struct {
		submission
		Attempts int
		Deadline *int // seconds
		Timeout  timeout
	}
	if err := c.optionalJSON(&request); err != nil {
		return err
	}
	if request.Attempts < 0 || request.Attempts > mostAttempts {
		return fail(statusParameterOutOfRange, "Attempts must be 0 to %d, found: %d", mostAttempts, request.Attempts)
	}
	if err := notNegative("Deadline", request.Deadline); err != nil {
		return err
	}
	job, save, err := s.Peers.Resubmit(c.Request.Context(), dicom.UID(c.Param("id")), jobkinds.ResubmitOptions{
		Timeout: int(request.Timeout), Deadline: request.Deadline, Attempts: request.Attempts, Description: "REST API"})
	if err != nil {
		return transactionError(err, c)
	}
	return transactionError(s.runJobKept(c, job, request.submission, save), c)
}
