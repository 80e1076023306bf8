package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scu"
)

func modalityRoutes() []Route {
	return []Route{
		{http.MethodGet, "/modalities", "List the peers; ?expand shows them", listModalities},
		{http.MethodGet, "/modalities/{id}", "What can be asked of a peer", modalityMenu},
		{http.MethodPut, "/modalities/{id}", "Declare or replace a peer", putModality},
		{http.MethodDelete, "/modalities/{id}", "Forget a peer", deleteModality},
		{http.MethodGet, "/modalities/{id}/configuration", "The parameters of a peer", modalityConfiguration},
		{http.MethodPost, "/modalities/{id}/echo", "C-ECHO", echoModality},
		{http.MethodPost, "/modalities/{id}/store", "C-STORE of stored resources, as a job", storeToModality},
		{http.MethodPost, "/modalities/{id}/store-straight", "C-STORE of the DICOM file in the body", storeStraight},
		{http.MethodPost, "/modalities/{id}/storage-commitment", "Ask for storage commitment", requestCommitment},
	}
}

func listModalities(s *Server, c *Call) error {
	expand, err := c.expand(false)
	if err != nil {
		return err
	}
	if expand {
		return c.JSON(s.Modalities.All())
	}
	return c.JSON(s.Modalities.Names())
}

func modalityMenu(s *Server, c *Call) error {
	if _, known := s.Modalities.Get(c.Param("id")); !known {
		return errNoAnswer
	}
	return c.JSON([]string{"configuration", "echo", "storage-commitment", "store", "store-straight"})
}

// modality returns the peer that the path names.
func (s *Server) modality(c *Call) (config.Modality, error) {
	m, known := s.Modalities.Get(c.Param("id"))
	if !known {
		return m, &jobkinds.UnknownModalityError{Name: c.Param("id")}
	}
	return m, nil
}

func modalityConfiguration(s *Server, c *Call) error {
	m, err := s.modality(c)
	if err != nil {
		return err
	}
	return c.JSON(m)
}

// modalityBody reads a peer from the body, in one of the forms of DicomModalities.
func (c *Call) modalityBody() (m config.Modality, body []byte, err error) {
	if body, err = c.smallBody(); err != nil {
		return m, nil, err
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, nil, fail(modalityFault(err), "%v", err)
	}
	return m, body, nil
}

func putModality(s *Server, c *Call) error {
	m, _, err := c.modalityBody()
	if err != nil {
		return err
	}
	if !isSymbolicName(c.Param("id")) {
		return fail(statusBadFileFormat, "A symbolic name has letters, digits, - and _ alone, not: %.60q", c.Param("id"))
	}
	if err := s.Modalities.Put(c.background(), c.Param("id"), m); err != nil {
		return err
	}
	return c.Empty()
}

// isSymbolicName reports whether a text can name a peer in a path.
func isSymbolicName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// modalityFault tells a value out of its range from JSON of the wrong shape.
func modalityFault(err error) jobs.Code {
	var outOfRange *config.RangeError
	if errors.As(err, &outOfRange) {
		return statusParameterOutOfRange
	}
	return statusBadFileFormat
}

func deleteModality(s *Server, c *Call) error {
	name := c.Param("id")
	if _, known := s.Modalities.Get(name); !known {
		return fail(jobs.CodeInexistent, "Unknown DICOM modality with symbolic name: %.60s", name)
	}
	if err := s.Modalities.Delete(c.background(), name); err != nil {
		return err
	}
	return c.Empty()
}

func echoModality(s *Server, c *Call) error {
	m, err := s.modality(c)
	if err != nil {
		return err
	}
	var options struct {
		Timeout   timeout
		CheckFind bool
	}
	if err := c.optionalJSON(&options); err != nil {
		return err
	}
	if options.CheckFind {
		return fail(statusBadRequest, noCheckFind)
	}
	if err := s.Peers.Echo(c.Request.Context(), m, jobkinds.Call{Timeout: int(options.Timeout)}); err != nil {
		return err
	}
	return c.JSON(struct{}{})
}

// optionalJSON reads the body as JSON unless it is empty.
func (c *Call) optionalJSON(into any) error {
	body, err := c.smallBody()
	if err != nil || len(bytes.TrimSpace(body)) == 0 {
		return err
	}
	return decodeJSON(body, into)
}

// storeRequest is the object form of the body of POST /modalities/{id}/store.
type storeRequest struct {
	submission
	Resources         *[]string
	LocalAet          string
	CalledAet         string
	Host              string
	Port              port
	MoveOriginatorAet string
	MoveOriginatorID  uint16
	StorageCommitment bool
	Timeout           timeout
}

func storeToModality(s *Server, c *Call) error {
	request, err := c.storeRequest()
	if err != nil {
		return err
	}
	if _, err := s.modality(c); err != nil {
		return err
	}
	for _, id := range *request.Resources {
		if _, err := s.resolve(c.Request.Context(), id); err != nil {
			return err
		}
	}
	job, err := s.Peers.NewSend(c.Request.Context(), jobkinds.SendOptions{
		Modality: c.Param("id"), Resources: *request.Resources, LocalAET: request.LocalAet, CalledAET: request.CalledAet,
		Host: request.Host, Port: int(request.Port), Timeout: int(request.Timeout),
		MoveOriginatorAET: request.MoveOriginatorAet, MoveOriginatorID: request.MoveOriginatorID,
		Permissive: request.Permissive, StorageCommitment: request.StorageCommitment, Description: "REST API",
	})
	if err != nil {
		return err
	}
	if err := s.logExports(c.background(), c.Param("id"), *request.Resources); err != nil {
		return err
	}
	return s.runJob(c, job, request.submission)
}

// storeRequest reads the three forms of the body: an id as plain text, an array of ids, an object.
func (c *Call) storeRequest() (*storeRequest, error) {
	body, err := c.smallBody()
	if err != nil {
		return nil, err
	}
	request := &storeRequest{}
	text := bytes.TrimSpace(body)
	switch {
	case len(text) > 0 && text[0] == '{':
		if err := decodeJSON(text, request); err != nil {
			return nil, err
		}
		if request.Resources == nil {
			return nil, fail(statusBadFileFormat, "Missing field in JSON: \"Resources\"")
		}
	case len(text) > 0 && text[0] == '[':
		request.Resources = &[]string{}
		if err := decodeJSON(text, request.Resources); err != nil {
			return nil, err
		}
	case len(text) == 44: // the length of a public id
		request.Resources = &[]string{string(text)}
	default:
		return nil, fail(statusBadFileFormat, "Must provide a JSON value")
	}
	return request, nil
}

// storeStraight sends the file in the body to a peer as it arrives; nothing is stored here.
func storeStraight(s *Server, c *Call) error {
	m, err := s.modality(c)
	if err != nil {
		return err
	}
	body, err := c.object()
	if err != nil {
		return err
	}
	var head bytes.Buffer // what the reader of the header has taken of the body
	file, err := codec.OpenFile(io.TeeReader(body, &head), codec.DefaultLimits())
	if err != nil {
		return fail(statusBadFileFormat, "Cannot parse an invalid DICOM file: %v", err)
	}
	class, instance := file.Meta.UID(dicom.TagMediaStorageSOPClassUID), file.Meta.UID(dicom.TagMediaStorageSOPInstanceUID)
	if class == "" || instance == "" {
		return fail(statusBadFileFormat, "The file has no Media Storage SOP Class and Instance UID in its meta information")
	}
	syntax := string(file.TransferSyntax.UID)
	client, err := s.Peers.Dial(c.Request.Context(), m, jobkinds.Call{
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(class), TransferSyntaxes: []string{syntax}}}})
	if err != nil {
		return err
	}
	defer func() { _ = client.Release(c.background()) }()
	response, err := client.Store(c.Request.Context(), &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: instance,
		TransferSyntax: file.TransferSyntax.UID,
		Data:           io.MultiReader(bytes.NewReader(head.Bytes()[file.DatasetOffset:]), body)})
	if err != nil {
		return err
	}
	if err := response.Err(); err != nil {
		return fmt.Errorf("rest: store-straight: %w", err)
	}
	return c.JSON(struct{ SOPClassUID, SOPInstanceUID dicom.UID }{class, instance})
}
