package rest

import (
	"context"
	"encoding/json"
	"net/http"

	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/storage/index"
)

func commitmentRoutes() []Route {
	return []Route{
		{http.MethodGet, "/storage-commitment", "List the requests for storage commitment; ?expand shows them", listReports},
		{http.MethodGet, "/storage-commitment/{id}", "The report of a storage commitment request", commitmentReport},
		{http.MethodPost, "/storage-commitment/{id}/remove", "Delete here what the peer has committed to", removeCommitted},
	}
}

// commitmentRequest is the body of POST /modalities/{id}/storage-commitment.
type commitmentRequest struct {
	DicomInstances *[]instanceReference
	Resources      *[]string
	Timeout        int
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
	if _, err := s.modality(c); err != nil {
		return err
	}
	var request commitmentRequest
	if err := c.DecodeJSON(&request); err != nil {
		return err
	}
	if request.DicomInstances == nil && request.Resources == nil {
		return fail(statusBadFileFormat,
			"Empty storage commitment request, one of these fields is mandatory: \"Resources\" or \"DicomInstances\"")
	}
	references, err := s.commitmentReferences(c.Request.Context(), &request)
	if err != nil {
		return err
	}
	uid, err := s.Peers.RequestCommitment(c.background(), c.Param("id"), references,
		jobkinds.CommitOptions{Timeout: request.Timeout})
	if err != nil {
		return err
	}
	return c.JSON(struct{ ID, Path string }{string(uid), "/storage-commitment/" + string(uid)})
}

func (s *Server) commitmentReferences(ctx context.Context, request *commitmentRequest) ([]index.Reference, error) {
	var references []index.Reference
	if request.Resources != nil {
		for _, id := range *request.Resources {
			if _, err := s.resolve(ctx, id); err != nil {
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
	Created   string
	ID        string
	Modality  string
	RemoteAET string
	Status    index.CommitStatus
}

func listReports(s *Server, c *Call) error {
	ids, expanded := []string{}, []reportJSON{}
	err := s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		reports, err := tx.CommitReports()
		for _, r := range reports {
			ids = append(ids, r.TransactionUID)
			expanded = append(expanded, reportJSON{Created: isoTime(r.Created), ID: r.TransactionUID,
				Modality: r.Modality, RemoteAET: r.RemoteAET, Status: r.Status})
		}
		return err
	})
	if err != nil {
		return err
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
