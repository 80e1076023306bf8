package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// archiveRoutes are the routes that make ZIP archives and DICOM media.
func archiveRoutes() []Route {
	var table []Route
	for _, family := range []struct {
		path  string
		level index.Level
	}{{"/patients", index.Patient}, {"/studies", index.Study}, {"/series", index.Series}} {
		for _, kind := range archiveKinds() {
			if kind.extended {
				continue
			}
			path := family.path + "/{id}/" + kind.name
			table = append(table,
				Route{http.MethodGet, path, kind.does + "; ?filename, ?transcode" + kind.arguments, getArchive(kind, family.level)},
				Route{http.MethodPost, path, kind.does + ", or as a job (Asynchronous)", postArchive(kind, family.level)})
		}
	}
	for _, kind := range archiveKinds() {
		path := "/tools/create-" + kind.name
		table = append(table,
			Route{http.MethodGet, path, kind.does + " of several ?resources; ?filename, ?transcode" + kind.arguments, getArchive(kind, 0)},
			Route{http.MethodPost, path, kind.does + " of several Resources, or as a job (Asynchronous)", postArchive(kind, 0)})
	}
	return table
}

// archiveKind is what a route makes.
type archiveKind struct {
	name, does, arguments string
	media, extended       bool
}

func archiveKinds() []archiveKind {
	return []archiveKind{
		{name: "archive", does: "Download a ZIP archive"},
		{name: "media", does: "Download a ZIP archive with a DICOMDIR", arguments: ", ?extended", media: true},
		{name: "media-extended", does: "Download a ZIP archive with an extended DICOMDIR", media: true, extended: true},
	}
}

// getArchive answers GET: the client waits. Level 0 takes the resources from the arguments.
func getArchive(kind archiveKind, level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		query := c.Request.URL.Query()
		o := s.archiveOptions(kind)
		o.Extended = o.Extended || kind.media && c.Flag("extended")
		texts := []string{c.Param("id")}
		if level == 0 {
			if !query.Has("resources") {
				return fail(statusBadRequest, "Missing resources argument")
			}
			texts = strings.FieldsFunc(query.Get("resources"), func(r rune) bool { return r == ',' })
		}
		if err := s.archiveResources(c, &o, texts, level); err != nil {
			return err
		}
		if err := setTranscode(&o, query.Get("transcode")); err != nil {
			return err
		}
		o.Filename = downloadName(query.Get("filename"), c.Param("id"))
		return s.sendArchive(c, o, submission{})
	}
}

// archiveBody is the JSON of a POST.
type archiveBody struct {
	submission
	Resources                           json.RawMessage
	Extended, Filename, Transcode, Utf8 json.RawMessage
}

// postArchive answers POST with the archive, or with the id of a job that makes it.
func postArchive(kind archiveKind, level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		body, err := c.smallBody()
		if err != nil {
			return err
		}
		rq, err := parseArchiveBody(body, level)
		if err != nil {
			return err
		}
		o := s.archiveOptions(kind)
		texts := []string{c.Param("id")}
		if level == 0 {
			if err := json.Unmarshal(rq.Resources, &texts); err != nil || texts == nil {
				return fail(statusBadFileFormat, "Expected a list of strings (Orthanc identifiers)")
			}
		}
		if err := rq.apply(&o, kind); err != nil {
			return err
		}
		if err := s.archiveResources(c, &o, texts, level); err != nil {
			return err
		}
		var name string
		_ = json.Unmarshal(rq.Filename, &name) // another type counts as none, as in Orthanc
		o.Filename = downloadName(name, c.Param("id"))
		return s.sendArchive(c, o, rq.submission)
	}
}

func parseArchiveBody(body []byte, level index.Level) (*archiveBody, error) {
	rq := &archiveBody{}
	text := bytes.TrimSpace(body)
	isList := len(text) > 0 && text[0] == '['
	switch {
	case len(text) == 0 && level == 0:
		return nil, fail(statusBadFileFormat, "Expected a list of resources to archive in the body")
	case isList && level == 0:
		rq.Resources = text
		return rq, checkJSON(text)
	case isList:
		return rq, checkJSON(text) // an empty list stands for an empty object, as in Orthanc
	}
	if err := decodeJSON(text, rq); err != nil {
		return nil, err
	}
	if rq.Resources == nil && level == 0 {
		return nil, fail(statusBadFileFormat, "Missing field Resources in the JSON body")
	}
	return rq, nil
}

func checkJSON(text []byte) error {
	var any json.RawMessage
	return decodeJSON(text, &any)
}

// apply takes the fields of a body over.
func (rq *archiveBody) apply(o *jobkinds.ArchiveOptions, kind archiveKind) error {
	if rq.Utf8 != nil {
		utf8, err := booleanField("Utf8", rq.Utf8)
		if err != nil {
			return err
		}
		o.UTF8 = utf8
	}
	extended, err := booleanField("Extended", rq.Extended)
	if err != nil {
		return err
	}
	if kind.media && rq.Extended != nil {
		o.Extended = extended
	}
	if rq.Transcode == nil {
		return nil
	}
	var syntax string
	if err := json.Unmarshal(rq.Transcode, &syntax); err != nil || syntax == "" && string(rq.Transcode) == "null" {
		return fail(statusBadFileFormat, "String value expected in field: Transcode")
	}
	if syntax == "" {
		return unknownSyntax("")
	}
	return setTranscode(o, syntax)
}

// setTranscode takes a transfer syntax, "" for none.
func setTranscode(o *jobkinds.ArchiveOptions, syntax string) error {
	if syntax == "" {
		return nil
	}
	entry, known := dict.LookupUID(dicom.UID(syntax))
	if !known || entry.Type != "Transfer Syntax" {
		return unknownSyntax(syntax)
	}
	o.Transcode = dicom.UID(syntax)
	return nil
}

func unknownSyntax(syntax string) error {
	return fail(statusParameterOutOfRange, "Unknown transfer syntax: %.80s", syntax)
}

func (s *Server) archiveOptions(kind archiveKind) jobkinds.ArchiveOptions {
	return jobkinds.ArchiveOptions{Media: kind.media, Extended: kind.extended, UTF8: s.Config.ZipUseUtf8, Description: "REST API"}
}

// archiveResources looks the ids up; at a level only one of that level will do.
func (s *Server) archiveResources(c *Call, o *jobkinds.ArchiveOptions, texts []string, level index.Level) error {
	for _, text := range distinct(texts) {
		resource, err := s.resolve(c.Request.Context(), text)
		var own *apiError
		unknown := errors.As(err, &own)
		switch {
		case err != nil && !unknown:
			return err
		case level != 0 && (unknown || resource.Level != level):
			return fail(jobs.CodeInexistent, "Missing resource while creating an archive: %.60s", text)
		case unknown:
			return &apiError{Code: jobs.CodeUnknownResource, Details: own.Details}
		}
		o.Resources = append(o.Resources, resource.ID)
	}
	return nil
}

// downloadName is what the archive of a download is called: the name that was asked for, if it can be, else that of the
// resource.
func downloadName(asked, id string) string {
	name := safeName(asked)
	switch {
	case name != "":
		return name
	case id != "":
		return id + ".zip"
	}
	return "Archive.zip"
}

// safeName is a name that was asked for without what could end a header, or lead out of a folder; "" if nothing is left.
func safeName(asked string) string {
	asked = asked[:min(len(asked), 4*longestFilename)]
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r == 0x7F, r >= 0x80 && r < 0xA0, r == '"', r == '\uFFFD':
			return -1
		case r == '/', r == '\\':
			return '_'
		}
		return r
	}, asked))
	for len(name) > longestFilename {
		name = name[:strings.LastIndexFunc(name, func(rune) bool { return true })]
	}
	if strings.Trim(name, ".") == "" {
		return ""
	}
	return name
}

// longestFilename is what file systems take, in bytes.
const longestFilename = 255
