package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// Call is one request on its way through a handler.
type Call struct {
	Request *http.Request
	params  map[string]string
	w       *recorder
	limit   int64         // bytes of body that are read at most
	timeout time.Duration // for each read of the body and each write of the answer; 0: none
	user    string
}

// Param returns a parameter of the route's pattern.
func (c *Call) Param(name string) string { return c.params[name] }

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

// Body returns the request's body, cut off with a typed error at the limit of the configuration. A sender that stands
// still for longer than HttpRequestTimeout ends it.
func (c *Call) Body() io.Reader {
	return &deadlineReader{r: http.MaxBytesReader(c.w, c.Request.Body, c.limit), control: http.NewResponseController(c.w),
		timeout: c.timeout}
}

// deadlineReader gives every read of a body the whole time-out again: a large upload may take as long as it moves.
type deadlineReader struct {
	r       io.Reader
	control *http.ResponseController
	timeout time.Duration
}

func (p *deadlineReader) Read(b []byte) (int, error) {
	if p.timeout > 0 {
		_ = p.control.SetReadDeadline(time.Now().Add(p.timeout)) // unsupported only where there is no socket
	}
	return p.r.Read(b)
}

// smallBody reads a body that is text or JSON rather than an object.
func (c *Call) smallBody() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(c.Body(), maximumTextBody+1))
	if err == nil && len(body) > maximumTextBody {
		err = &http.MaxBytesError{Limit: maximumTextBody}
	}
	if err != nil {
		return nil, bodyError(err)
	}
	return body, nil
}

// maximumTextBody is far above what a request of 100,000 storage commitment references takes.
const maximumTextBody = 64 << 20

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
	switch {
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

// bodyError turns the end of a body that is too long or broken off into an answer.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &apiError{HTTP: http.StatusRequestEntityTooLarge, Code: statusBadRequest,
			Details: fmt.Sprintf("The body is larger than the limit of %d bytes (option HttpMaximumBodySize)", tooLarge.Limit)}
	}
	return fail(statusBadRequest, "The body of the request broke off: %v", err)
}

// attachment names the file that a browser would save the answer as. The name is one of ours, never received text.
func (c *Call) attachment(contentType, name string) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// recorder remembers the status of the answer, so that an error after the first byte can only break the connection.
type recorder struct {
	http.ResponseWriter
	status  int
	bytes   int64
	control *http.ResponseController
	timeout time.Duration // for each write; 0: none
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

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
