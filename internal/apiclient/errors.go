package apiclient

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// URLError says that an address is none of an HTTP server.
type URLError struct{ URL string }

func (e *URLError) Error() string {
	return fmt.Sprintf("apiclient: %q is not the address of an HTTP server, such as %s", e.URL, DefaultURL)
}

// ConnectError says that no answer came from the daemon.
type ConnectError struct {
	URL string
	Err error
}

func (e *ConnectError) Error() string {
	return "apiclient: no answer from " + e.URL + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// StatusError is an answer that is no success. The Orthanc fields are filled from the JSON the server describes errors
// with, as far as it sent it.
type StatusError struct {
	Method, Path  string
	Status        int    // HTTP
	Message       string `json:"Message"`
	Details       string `json:"Details"`
	OrthancError  string `json:"OrthancError"`
	OrthancStatus int    `json:"OrthancStatus"`
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("apiclient: %s %s: %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	switch {
	case e.Details != "":
		text += ": " + e.Details
	case e.Message != "":
		text += ": " + e.Message
	}
	return text
}

func statusError(method, path string, status int, body []byte) error {
	var e StatusError
	_ = json.Unmarshal(body, &e) // an empty or other body leaves the fields empty
	e.Method, e.Path, e.Status = method, path, status
	return &e
}
