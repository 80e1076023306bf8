package jobkinds

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"gantry/internal/config"
)

// isEndpoint tells an HTTP(S) address from a program.
func isEndpoint(handler string) bool {
	return strings.HasPrefix(handler, "http://") || strings.HasPrefix(handler, "https://")
}

// handlerName is what a handler is called in errors: there may be a key in the query of an address.
func handlerName(handler string) string {
	if isEndpoint(handler) {
		handler, _, _ = strings.Cut(handler, "?")
	}
	return handler
}

// endpoint is a handler that gets each batch as the body of a POST, and answers with 200 and JSON.
type endpoint struct {
	url            string
	user, password string
	headers        map[string]string
	client         *http.Client
}

func (e *endpoint) call(ctx context.Context, request []byte, limit int64) (answer []byte, err error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	rq.Header.Set("Content-Type", "application/json")
	rq.Header.Set("Accept", "application/json")
	rq.Header.Set("User-Agent", "gantry")
	for name, value := range e.headers {
		rq.Header.Set(name, value)
	}
	if e.user != "" || e.password != "" {
		rq.SetBasicAuth(e.user, e.password)
	}
	rsp, err := e.client.Do(rq)
	var whole *url.Error
	if errors.As(err, &whole) { // it would repeat the address
		err = whole.Err
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rsp.Body.Close()) }()
	if rsp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered with status %d (200 is expected; redirects are not followed)", rsp.StatusCode)
	}
	answer, err = io.ReadAll(io.LimitReader(rsp.Body, limit+1))
	if int64(len(answer)) > limit {
		return nil, errTooMuch
	}
	return answer, err
}

// handlerClient makes the one client of all requests, with its connections.
type handlerClient struct {
	once   sync.Once
	client *http.Client
}

func (c *handlerClient) get(settings *tls.Config) *http.Client {
	c.once.Do(func() {
		if settings == nil {
			settings = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		c.client = &http.Client{
			Transport: &http.Transport{
				TLSClientConfig: settings.Clone(), MaxIdleConnsPerHost: 2, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
				ForceAttemptHTTP2: true,
			},
			// Elsewhere nobody was meant to learn of the request, nor the password.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return c.client
}

// handlerCaller reaches the handler that the configuration names.
func (d *Deps) handlerCaller() caller {
	c := d.Config
	if !isEndpoint(c.StorageCommitmentHandler) {
		return program{c.StorageCommitmentHandler, c.StorageCommitmentHandlerArguments}
	}
	return newEndpoint(c, d.handlers.get(d.HTTPS))
}

func newEndpoint(c *config.Config, client *http.Client) *endpoint {
	return &endpoint{
		url: c.StorageCommitmentHandler, user: c.StorageCommitmentHandlerUser, password: c.StorageCommitmentHandlerPassword,
		headers: c.StorageCommitmentHandlerHeaders, client: client,
	}
}
