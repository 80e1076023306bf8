package rest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"gantry/internal/jobs"
)

// The codes of errors (OrthancStatus) beside the ones that jobs end with.
const (
	statusParameterOutOfRange jobs.Code = 3
	statusBadParameterType    jobs.Code = 5
	statusBadRequest          jobs.Code = 8
	statusBadFileFormat       jobs.Code = 15
	statusInexistentTag       jobs.Code = 21
	statusUnknownTag          jobs.Code = 27
	statusUnauthorized        jobs.Code = 29
	statusDatabaseUnavailable jobs.Code = 36
	statusForbidden           jobs.Code = 45
	statusNotImplemented      jobs.Code = 2
	statusImageFormat         jobs.Code = 23
	statusImageSize           jobs.Code = 24
	statusNoPresentationCtx   jobs.Code = 2015
	statusLua                 jobs.Code = 2031
	statusCannotOrderSlices   jobs.Code = 2040
	statusUnsupportedMedia    jobs.Code = 3000
)

// descriptions are the texts of Message and OrthancError.
var descriptions = map[jobs.Code]string{
	statusParameterOutOfRange: "Parameter out of range",
	statusBadParameterType:    "Bad type for a parameter",
	statusBadRequest:          "Bad request",
	statusBadFileFormat:       "Bad file format",
	statusInexistentTag:       "Inexistent tag",
	statusUnknownTag:          "Unknown DICOM tag",
	statusUnauthorized:        "Unauthorized",
	statusDatabaseUnavailable: "The database is currently not available (probably a transient situation)",
	statusReadOnly:            "Cannot modify a read-only data structure",
	statusRange:               "Incorrect range request",
	statusRevision:            "A bad revision number was provided, which might indicate conflict between multiple writers",
	statusForbidden:           "The access to the resource is forbidden",
	statusLua:                 "Cannot execute a Lua command",
	statusCannotOrderSlices:   "Unable to order the slices of the series",
	statusNotImplemented:      "Not implemented yet",
	statusImageFormat:         "Incompatible format of the images",
	statusUnsupportedMedia:    "Unsupported media type",
	statusImageSize:           "Incompatible size of the images",
	statusNoPresentationCtx:   "No presentation context accepted by the remote modality",
}

func describe(code jobs.Code) string {
	if text, ok := descriptions[code]; ok {
		return text
	}
	return code.Describe()
}

// httpStatus is rule 3 of Orthanc's REST API: what each code becomes. Unknown tags are 500 there, though it is the request
// that is wrong.
func httpStatus(code jobs.Code) int {
	switch code {
	case 3, 5, 8, 12, 15, statusUnknownTag, 28, 2019, 2020, 2021, 2022, 2023, 2024, 2025:
		return http.StatusBadRequest
	case statusUnauthorized:
		return http.StatusUnauthorized
	case statusForbidden:
		return http.StatusForbidden
	case jobs.CodeInexistent, 13, jobs.CodeUnknownResource, statusInexistentTag:
		return http.StatusNotFound
	case 34:
		return http.StatusNotAcceptable
	case 43, 46:
		return http.StatusConflict
	case statusUnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case 41:
		return http.StatusRequestedRangeNotSatisfiable
	case statusDatabaseUnavailable, 42:
		return http.StatusServiceUnavailable
	case jobs.CodeFullStorage:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}

// apiError is an error that already knows its answer.
type apiError struct {
	Code    jobs.Code
	HTTP    int // 0: as the code says
	Details string
	Payload json.RawMessage // ErrorPayload; nil: none
	Err     error           // for the log; may be nil
}

func (e *apiError) Error() string {
	text := "rest: " + describe(e.Code)
	if e.Details != "" {
		text += ": " + e.Details
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *apiError) Unwrap() error { return e.Err }

// fail makes an error with a code and a text for the user.
func fail(code jobs.Code, format string, args ...any) error {
	return &apiError{Code: code, Details: fmt.Sprintf(format, args...)}
}

// errNoAnswer is a handler's way to say that there is nothing: 400 for POST and 404 otherwise, with an empty body.
var errNoAnswer = &apiError{Code: jobs.CodeUnknownResource, Details: "no answer"}

// errorBody is the JSON of an error.
type errorBody struct {
	Details       string          `json:",omitempty"`
	ErrorPayload  json.RawMessage `json:",omitempty"`
	HttpError     string
	HttpStatus    int
	Message       string
	Method        string
	OrthancError  string
	OrthancStatus jobs.Code
	Uri           string
}
