package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// maximumTextBody is far above what a request of 100,000 storage commitment references takes.
	maximumTextBody = 64 << 20
	// freeTextBody is what every request may hold of a text; what goes beyond comes out of textBudget.
	freeTextBody = 1 << 20
	// textBudget bounds what the larger texts of all requests take together. Decoded they take several times as much.
	textBudget = 96 << 20
)

// Body returns the request's body, cut off with a typed error at the limit of the configuration. A sender that stands
// still for longer than HttpRequestTimeout ends it. Its errors, but for io.EOF, know their answer.
func (c *Call) Body() io.Reader {
	return &bodyReader{r: http.MaxBytesReader(c.w, c.Request.Body, c.limit), control: http.NewResponseController(c.w),
		timeout: c.timeout, count: &c.w.received}
}

// bodyReader gives every read of a body the whole time-out again: a large upload may take as long as it moves.
type bodyReader struct {
	r       io.Reader
	control *http.ResponseController
	timeout time.Duration
	count   *int64 // of bytes
}

func (p *bodyReader) Read(b []byte) (int, error) {
	if p.timeout > 0 {
		_ = p.control.SetReadDeadline(time.Now().Add(p.timeout)) // unsupported only where there is no socket
	}
	n, err := p.r.Read(b)
	*p.count += int64(n)
	switch {
	case err == io.EOF && p.timeout > 0: //nolint:errorlint // readers give io.EOF itself
		// From here on the server itself reads, to see whether the client hangs up: the deadline would be taken for that.
		_ = p.control.SetReadDeadline(time.Time{})
	case err != nil && err != io.EOF: //nolint:errorlint // as above
		err = bodyError(err)
	}
	return n, err
}

// smallBody reads a body that is text or JSON rather than an object. Memory is taken as the bytes arrive, and given
// back at the end of the request; 503 says that other requests have it.
func (c *Call) smallBody() ([]byte, error) {
	r := c.Body()
	var body []byte
	for room := freeTextBody; ; room = min(len(body), maximumTextBody+1-len(body)) {
		if len(body) > 0 {
			if err := c.hold(int64(room)); err != nil {
				_, _ = io.CopyN(io.Discard, r, maximumTextBody) // a client that still sends would not see the answer
				return nil, err
			}
		}
		more, err := io.ReadAll(io.LimitReader(r, int64(room)))
		if err != nil {
			return nil, bodyError(err)
		}
		body = append(body, more...)
		switch {
		case len(more) < room:
			return body, nil
		case len(body) > maximumTextBody:
			return nil, bodyError(&http.MaxBytesError{Limit: maximumTextBody})
		}
	}
}

// hold takes n bytes out of the budget of large texts until the request ends.
func (c *Call) hold(n int64) error {
	if !c.texts.TryAcquire(n) {
		return &apiError{HTTP: http.StatusServiceUnavailable, Code: statusBadRequest,
			Details: "Too many large requests at once: send this one again later"}
	}
	c.held += n
	return nil
}

// borrow takes n bytes out of the budget of large texts until what it returns is called.
func (c *Call) borrow(n int64) (giveBack func(), err error) {
	if !c.texts.TryAcquire(n) {
		return nil, &apiError{HTTP: http.StatusServiceUnavailable, Code: statusBadRequest,
			Details: "Too many large texts are being read at once: ask again later, or without ignore-length"}
	}
	return func() { c.texts.Release(n) }, nil
}

// release gives back what hold has taken.
func (c *Call) release() {
	if c.held > 0 {
		c.texts.Release(c.held)
	}
}

// newTextBudget is the budget of one server.
func newTextBudget() *semaphore.Weighted { return semaphore.NewWeighted(textBudget) }

// bodyError turns the end of a body that is too long or broken off into an answer.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	var own *apiError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &tooLarge):
		return &apiError{HTTP: http.StatusRequestEntityTooLarge, Code: statusBadRequest,
			Details: fmt.Sprintf("The body is larger than the limit of %d bytes (option HttpMaximumBodySize)", tooLarge.Limit)}
	}
	return &apiError{Code: statusBadRequest, Details: fmt.Sprintf("The body of the request broke off: %v", err), Err: err}
}
