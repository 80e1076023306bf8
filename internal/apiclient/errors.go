package apiclient

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
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

// AnswerError is an answer in another form than the daemon's.
type AnswerError struct {
	Method, Path string
	Err          error
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("apiclient: answer to %s %s is not what was expected: %v", e.Method, e.Path, e.Err)
}

// Unwrap gives the cause.
func (e *AnswerError) Unwrap() error { return e.Err }

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

// longestText is how much of a body that is no JSON is worth showing.
const longestText = 200

func statusError(method, path string, status int, body []byte) error {
	var e StatusError
	if json.Unmarshal(body, &e) != nil && len(body) <= longestText && !bytes.ContainsAny(body, "<{") {
		e.Message = strings.TrimSpace(string(body)) // of a server that speaks plainly
	}
	e.Method, e.Path, e.Status = method, path, status
	return &e
}
