package rest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"gantry/internal/jobs"
	"gantry/internal/storage/index"

	"golang.org/x/sync/semaphore"
)

// Call is one request on its way through a handler.
type Call struct {
	Request *http.Request
	params  map[string]string
	w       *recorder
	limit   int64         // bytes of body that are read at most
	timeout time.Duration // for each read of the body and each write of the answer; 0: none
	user    string
	texts   *semaphore.Weighted // the budget of large texts, shared by all requests
	held    int64               // what this one has of it
}

// Param returns a parameter of the route's pattern.
func (c *Call) Param(name string) string { return c.params[name] }

// resourceID reads the id of a route's resource. What is no id is an unknown resource.
func (c *Call) resourceID() (index.ID, error) {
	id, err := index.ParseID(c.Param("id"))
	if err != nil {
		return id, &apiError{Code: jobs.CodeUnknownResource}
	}
	return id, nil
}

// Flag reports whether a query argument is given without a value or with a true one, as in "?expand".
func (c *Call) Flag(name string) bool {
	values, given := c.Request.URL.Query()[name]
	if !given {
		return false
	}
	switch values[0] {
	case "", "1", "true":
		return true
	}
	return false
}

// Unsigned returns a query argument that has to be a whole number, and whether it was given.
func (c *Call) Unsigned(name string) (value int, given bool, err error) {
	text := c.Request.URL.Query().Get(name)
	if !c.Request.URL.Query().Has(name) {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, true, fail(statusBadParameterType, "The argument %q must be a whole number, found: %q", name, text)
	}
	return int(n), true, nil
}

// JSON answers with a value in JSON.
func (c *Call) JSON(value any) error { return c.jsonStatus(http.StatusOK, value) }

func (c *Call) jsonStatus(status int, value any) error {
	c.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.w.WriteHeader(status)
	encoder := json.NewEncoder(c.w)
	encoder.SetIndent("", "   ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// Empty answers 200 with an empty text.
func (c *Call) Empty() error {
	c.w.Header().Set("Content-Type", "text/plain")
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// DecodeJSON reads the body as one JSON value. A JSON type that does not fit names its field.
func (c *Call) DecodeJSON(into any) error {
	body, err := c.smallBody()
	if err != nil {
		return err
	}
	return decodeJSON(body, into)
}

func decodeJSON(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrongType *json.UnmarshalTypeError
	var own *apiError
	request, makesJob := into.(interface{ take(body []byte) error })
	switch {
	case err == nil && makesJob:
		return request.take(body)
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return fail(statusBadFileFormat, "%s expected in field: %s", jsonTypeName(wrongType), wrongType.Field)
	case errors.As(err, &wrongType):
		return fail(statusBadFileFormat, "The JSON body must not be: %s", wrongType.Value)
	}
	return fail(statusBadFileFormat, "Cannot parse the JSON body: %v", err)
}

func jsonTypeName(err *json.UnmarshalTypeError) string {
	switch err.Type.Kind().String() {
	case "int", "int64", "uint16", "uint32":
		return "Integer value"
	case "bool":
		return "Boolean value"
	case "slice":
		return "Array"
	case "string":
		return "String value"
	}
	return "Object"
}

// recorder remembers the status of the answer, so that an error after the first byte can only break the connection.
type recorder struct {
	http.ResponseWriter
	status   int
	bytes    int64
	received int64  // bytes of the request's body that were read
	route    string // pattern of the route that answers; "": there is none
	control  *http.ResponseController
	timeout  time.Duration // for each write; 0: none
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.timeout > 0 {
		_ = r.control.SetWriteDeadline(time.Now().Add(r.timeout)) // unsupported only where there is no socket
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// sendPiece is how much is given to the kernel with one time-out.
const sendPiece = 4 << 20

// ReadFrom lets the kernel copy what comes from a file.
func (r *recorder) ReadFrom(src io.Reader) (total int64, err error) {
	r.WriteHeader(http.StatusOK)
	limited, bounded := src.(*io.LimitedReader)
	to, direct := r.ResponseWriter.(io.ReaderFrom)
	if !bounded || !direct {
		return io.Copy(struct{ io.Writer }{r}, src)
	}
	for limited.N > 0 {
		if r.timeout > 0 {
			_ = r.control.SetWriteDeadline(time.Now().Add(r.timeout)) // unsupported only where there is no socket
		}
		piece := min(limited.N, sendPiece)
		n, err := to.ReadFrom(&io.LimitedReader{R: limited.R, N: piece})
		limited.N -= n
		r.bytes += n
		if total += n; err != nil || n < piece {
			return total, err
		}
	}
	return total, nil
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
