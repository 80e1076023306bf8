// Package apiclient is a small client of the REST API of a running daemon.
package apiclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultURL is where a daemon without configuration serves its REST API.
const DefaultURL = "http://127.0.0.1:8042"

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 256 << 20

// Config says which daemon, and as whom.
type Config struct {
	URL            string // "" means DefaultURL
	User, Password string // no login if User is ""
	Timeout        time.Duration
	TLS            *tls.Config // nil: the certificates of the system
}

// Client speaks to one daemon. It is safe for concurrent use.
type Client struct {
	base *url.URL
	cfg  Config
	http *http.Client
}

// New checks the URL; it does not connect.
func New(cfg Config) (*Client, error) {
	if cfg.URL == "" {
		cfg.URL = DefaultURL
	}
	base, err := url.Parse(strings.TrimRight(cfg.URL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, &URLError{URL: cfg.URL}
	}
	if base.User != nil && cfg.User == "" {
		cfg.User = base.User.Username()
		cfg.Password, _ = base.User.Password()
	}
	base.User = nil
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: cfg.TLS,
		DialContext:     (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}
	return &Client{base: base, cfg: cfg, http: &http.Client{Transport: transport, Timeout: cfg.Timeout}}, nil
}

// URL is the address of the daemon.
func (c *Client) URL() string { return c.base.String() }

// Get decodes the answer to GET path into out.
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

// Post sends in as JSON (nil: no body) and decodes the answer into out (nil: ignored).
func (c *Client) Post(ctx context.Context, path string, in, out any) error {
	return c.do(ctx, http.MethodPost, path, in, out)
}

// Delete asks for the deletion of path.
func (c *Client) Delete(ctx context.Context, path string) error {
	return c.do(ctx, http.MethodDelete, path, nil, nil)
}

// GetText returns the answer to GET path as it is.
func (c *Client) GetText(ctx context.Context, path string) ([]byte, error) {
	rq, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return c.send(rq, path)
}

// PutText sends a text that is not JSON.
func (c *Client) PutText(ctx context.Context, path, text string) error {
	rq, err := c.request(ctx, http.MethodPut, path, nil)
	if err != nil {
		return err
	}
	rq.Body, rq.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	rq.Header.Set("Content-Type", "text/plain")
	_, err = c.send(rq, path)
	return err
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	rq, err := c.request(ctx, method, path, in)
	if err != nil {
		return err
	}
	body, err := c.send(rq, path)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return &AnswerError{method, path, err}
	}
	return nil
}

// send returns the body of the answer, unless that is an error.
func (c *Client) send(rq *http.Request, path string) ([]byte, error) {
	rs, err := c.http.Do(rq)
	if err != nil {
		return nil, &ConnectError{URL: c.URL(), Err: cause(err)}
	}
	defer func() { _ = rs.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(rs.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &ConnectError{URL: c.URL(), Err: err}
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("apiclient: answer to %s %s is longer than %d bytes", rq.Method, path, maxAnswer)
	case rs.StatusCode >= 300:
		return nil, statusError(rq.Method, path, rs.StatusCode, body)
	}
	return body, nil
}

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
	}
	rq, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		rq.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.User != "" {
		rq.SetBasicAuth(c.cfg.User, c.cfg.Password)
	}
	return rq, nil
}

// open sends a request, with in as JSON (nil: no body), whose answer may take as long as it wants. Fields of the header
// that are empty are left out.
func (c *Client) open(ctx context.Context, method, path string, in any, header http.Header) (*http.Response, error) {
	rq, err := c.request(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		if values[0] != "" {
			rq.Header[name] = values
		}
	}
	unlimited := &http.Client{Transport: c.http.Transport}
	rs, err := unlimited.Do(rq)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &ConnectError{URL: c.URL(), Err: cause(err)}
	}
	if rs.StatusCode >= 300 {
		defer func() { _ = rs.Body.Close() }()
		body, _ := io.ReadAll(io.LimitReader(rs.Body, 1<<20))
		return nil, statusError(method, path, rs.StatusCode, body)
	}
	return rs, nil
}

// cause drops the method and URL that net/http puts before its errors.
func cause(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}
