package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/jobkinds"
	"gantry/internal/storage/index"
)

// toolRoutes are the tools that belong to no other family, and the list of all.
func toolRoutes() []Route {
	return []Route{
		{http.MethodGet, "/tools", "The names of the tools", listTools},
		{http.MethodGet, "/plugins", "The plugins: there are none", func(_ *Server, c *Call) error { return c.JSON([]string{}) }},
		{http.MethodGet, "/plugins/{id}", "A plugin: there are none", func(*Server, *Call) error { return errNoAnswer }},
		{http.MethodGet, "/peers", "The Orthanc peers: there are none", listOrthancPeers},
		{http.MethodGet, "/tools/generate-uid", "A new identifier; ?level is patient, study, series or instance", generateUID},
		{http.MethodGet, "/tools/now", "The time, in UTC", func(_ *Server, c *Call) error { return c.text(isoTime(time.Now())) }},
		{http.MethodGet, "/tools/now-local", "The time, where the server is",
			func(_ *Server, c *Call) error { return c.text(time.Now().Format(isoLayout)) }},
		{http.MethodGet, "/tools/default-encoding", "The character set of objects that name none", defaultEncoding},
		{http.MethodPut, "/tools/default-encoding", "Change it until the server ends", setDefaultEncoding},
		{http.MethodGet, "/tools/accepted-transfer-syntaxes", "The transfer syntaxes that C-STORE accepts", acceptedSyntaxes},
		{http.MethodPut, "/tools/accepted-transfer-syntaxes",
			"Change them until the server ends: an array of UIDs, or a pattern such as 1.2.840.10008.1.2.*", setAcceptedSyntaxes},
		{http.MethodGet, "/tools/accepted-sop-classes", "The storage SOP classes that C-STORE accepts",
			func(s *Server, c *Call) error { return c.JSON(uidTexts(s.Peers.Accepted().SOPClasses())) }},
		{http.MethodGet, "/tools/unknown-sop-class-accepted", "Whether unknown SOP classes are accepted: 0 or 1", unknownClasses},
		{http.MethodPut, "/tools/unknown-sop-class-accepted", "Change it until the server ends", setUnknownClasses},
		{http.MethodPost, "/tools/bulk-delete", "Delete resources of any levels", bulkDelete},
		{http.MethodPost, "/tools/dicom-echo", "C-ECHO to a peer that is not declared", echoAnybody},
		{http.MethodPost, "/tools/reset", "Restart the server from its configuration",
			func(s *Server, c *Call) error { return s.end(c, true) }},
		{http.MethodPost, "/tools/shutdown", "Stop the server in order", func(s *Server, c *Call) error { return s.end(c, false) }},
	}
}

// listOrthancPeers lists nothing: web interfaces ask for the peers beside the modalities, to offer both.
func listOrthancPeers(_ *Server, c *Call) error {
	expand, err := c.expand(false)
	switch {
	case err != nil:
		return err
	case expand:
		return c.JSON(struct{}{})
	default:
		return c.JSON([]string{})
	}
}

// isoLayout is the form of times in the API.
const isoLayout = "20060102T150405"

// listTools lists the routes right below /tools.
func listTools(_ *Server, c *Call) error {
	var names []string
	for _, route := range routes() {
		if name, ok := strings.CutPrefix(route.Pattern, "/tools/"); ok && !strings.ContainsAny(name, "/{") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return c.JSON(slices.Compact(names))
}

// generateUID makes an identifier for a level; that of a patient is no UID.
func generateUID(_ *Server, c *Call) error {
	switch c.Request.URL.Query().Get("level") {
	case "patient":
		return c.text(uuid.NewString())
	case "study", "series", "instance":
		return c.text(string(dicom.NewUID()))
	}
	return errNoAnswer
}

func defaultEncoding(s *Server, c *Call) error { return c.text(*s.encoding.Load()) }

func setDefaultEncoding(s *Server, c *Call) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	known := config.Encodings()
	at := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, string(body)) })
	if at < 0 {
		return fail(statusParameterOutOfRange, "Unknown character set: %.40q; there are %s", body, strings.Join(known, ", "))
	}
	name := known[at]
	term, err := charset.Default(name)
	if err != nil {
		return fail(statusParameterOutOfRange, "%v", err)
	}
	s.Store.SetDefaultCharset(term)
	s.encoding.Store(&name)
	return c.text(name)
}

func acceptedSyntaxes(s *Server, c *Call) error {
	return c.JSON(uidTexts(s.Peers.Accepted().TransferSyntaxes()))
}

// setAcceptedSyntaxes takes an array of UIDs in JSON, or one UID or pattern as it is.
func setAcceptedSyntaxes(s *Server, c *Call) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(body))
	patterns := []string{text}
	if (json.Valid(body) || strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")) && json.Unmarshal(body, &patterns) != nil {
		return fail(statusBadFileFormat, "A UID, a pattern, or an array of them in JSON is expected")
	}
	s.Peers.Accepted().SetTransferSyntaxes(patterns)
	return acceptedSyntaxes(s, c)
}

// uidTexts lists UIDs in the order of their texts.
func uidTexts(uids []dicom.UID) []string {
	texts := make([]string, len(uids))
	for i, uid := range uids {
		texts[i] = string(uid)
	}
	slices.Sort(texts)
	return texts
}

func unknownClasses(s *Server, c *Call) error {
	return c.digit(s.Peers.Accepted().UnknownSOPClasses())
}

func setUnknownClasses(s *Server, c *Call) error {
	on, err := c.switchBody()
	if err != nil {
		return err
	}
	s.Peers.Accepted().SetUnknownSOPClasses(on)
	return c.Empty()
}

// switchBody reads a body that is 0, 1, false or true.
func (c *Call) switchBody() (bool, error) {
	body, err := c.smallBody()
	if err != nil {
		return false, err
	}
	switch strings.TrimSpace(string(body)) {
	case "1", "true":
		return true, nil
	case "0", "false":
		return false, nil
	}
	return false, fail(statusBadFileFormat, "Boolean value expected")
}

// bulkDelete deletes resources of any levels. What is not there, or goes with another one, is passed over.
func bulkDelete(s *Server, c *Call) error {
	b, err := c.findBody()
	if err != nil {
		return err
	}
	var names []string
	var values []json.RawMessage
	if text, given := b.fields["Resources"]; !given || json.Unmarshal(text, &values) != nil || values == nil {
		return fail(statusBadRequest, "The body must contain a Resources array")
	} else if json.Unmarshal(text, &names) != nil {
		return fail(statusBadRequest, "Invalid payload: Resources is an array of texts")
	}
	var list []index.Resource
	err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
		for _, name := range distinct(names) {
			id, err := index.ParseID(name)
			if err != nil {
				continue
			}
			level, err := tx.Resource(id)
			switch {
			case err == nil:
				list = append(list, index.Resource{Level: level, ID: id})
			case !errors.Is(err, index.ErrNotFound):
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = s.Store.DeleteAll(c.background(), list)
	}
	if err != nil {
		return err
	}
	return c.Empty()
}

const noCheckFind = "CheckFind is not available: C-FIND is not sent to peers; leave it away"

// echoAnybody sends C-ECHO to a peer that the body describes as DicomModalities does.
func echoAnybody(s *Server, c *Call) error {
	m, body, err := c.modalityBody()
	if err != nil {
		return err
	}
	var options struct{ CheckFind bool }
	if err := json.Unmarshal(body, &options); err == nil && options.CheckFind {
		return fail(statusBadRequest, noCheckFind)
	}
	if err := s.Peers.Echo(c.Request.Context(), m, jobkinds.Call{}); err != nil {
		return err
	}
	return c.JSON(struct{}{})
}

// end answers, and asks for the end or a restart of the server: this answer is waited for as any other.
func (s *Server) end(c *Call, restart bool) error {
	if err := c.JSON(struct{}{}); err != nil {
		return err
	}
	if s.Stop != nil {
		s.Stop(restart)
	}
	return nil
}
