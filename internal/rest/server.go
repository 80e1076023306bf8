// Package rest serves the REST API: Orthanc's routes, a file per family, over the store, the jobs and the peers.
//
// A request passes the guard against other web sites, the login, the route table and its handler. Handlers return
// an error; translate.go is the one place that turns it into an answer.
package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"gantry/internal/config"
	"gantry/internal/dicom/dict"
	"gantry/internal/faults"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/loglevel"
	"gantry/internal/metrics"
	"gantry/internal/modalities"
	"gantry/internal/storage"
)

// Deps is what the API works on.
type Deps struct {
	Config     *config.Config
	Store      *storage.Store
	Jobs       *jobs.Engine
	Modalities *modalities.Table
	Peers      *jobkinds.Deps // how peers are called and asked for commitment
	Version    string         // of gantry
	ServerID   string         // names this server
	DICOMPort  func() int     // the port in use
	HTTPPort   func() int
	Faults     *faults.Set      // nil: none can be made
	Metrics    *metrics.Metrics // may be nil
	Dictionary *dict.Dictionary // with the entries of the configuration; nil: the standard's
	Ready      func() error     // why the server is not ready, nil if it is
	Logger     *slog.Logger
	LuaLogger  *slog.Logger       // of scripts; may be nil
	LogLevels  *loglevel.Levels   // may be nil
	Stop       func(restart bool) // asks for the end of the server, or its restart, and returns at once
}

// Server answers the requests of the REST API.
type Server struct {
	Deps
	tree     *node
	login    *authenticator // nil: no login
	guard    *originGuard
	texts    *semaphore.Weighted    // the budget of large texts
	unzips   *semaphore.Weighted    // ZIP files and forms that are being stored
	encoding atomic.Pointer[string] // the name of DefaultEncoding, as it was changed
	scripts  chan struct{}          // holds one value while a script runs
	decodes  *semaphore.Weighted    // frames that are being decoded
	pictures *semaphore.Weighted    // bytes of the pictures that are held while they are sent
	arrays   *semaphore.Weighted    // pixels of the frames of arrays that are being sent
	log      *slog.Logger

	streams    atomic.Int64 // open streams of events and long polls
	stopping   chan struct{}
	endStreams sync.Once
}

// EndStreams ends the requests that only wait for something to happen: long polls answer, streams of events end.
func (s *Server) EndStreams() { s.endStreams.Do(func() { close(s.stopping) }) }

// New returns the handler of the whole API.
func New(deps Deps) *Server {
	s := &Server{
		Deps: deps, tree: newTree(routes()), log: deps.Logger, stopping: make(chan struct{}), scripts: make(chan struct{}, 1),
		texts: newTextBudget(), unzips: semaphore.NewWeighted(maximumUnzips), decodes: semaphore.NewWeighted(2),
		arrays: semaphore.NewWeighted(arrayBudget), pictures: semaphore.NewWeighted(pictureBudget),
		guard: newOriginGuard(deps.Config.RemoteAccessAllowed, deps.Config.HttpAllowedHosts),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.encoding.Store(&deps.Config.DefaultEncoding)
	if deps.Config.Authentication() {
		s.login = newAuthenticator(deps.Config.RegisteredUsers, time.Now)
	}
	return s
}

// ServeHTTP answers one request. A panic in a handler is logged and costs that request alone.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, control: http.NewResponseController(w), timeout: s.timeout()}
	rec.Header().Set("X-Content-Type-Options", "nosniff")
	began := time.Now()
	s.Metrics.RequestBegan()
	defer func() { s.count(rec, r, time.Since(began)) }()
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.log.Error("a request handler panicked", "method", r.Method, "path", r.URL.Path, "panic", p,
				"stack", string(debug.Stack()))
			s.answerError(rec, r, fmt.Errorf("rest: panic: %v", p))
		}
		s.log.Debug("http request", "method", r.Method, "path", r.URL.Path, "status", rec.status,
			"bytes", rec.bytes, "remote", r.RemoteAddr, "seconds", time.Since(began).Seconds())
	}()
	if err := s.serve(rec, r); err != nil {
		s.answerError(rec, r, err)
	}
}

func (s *Server) serve(w *recorder, r *http.Request) error {
	if done := s.serveHealth(w, r); done {
		return nil
	}
	if err := s.guard.check(r); err != nil {
		s.Metrics.Refused(metrics.LimitOrigin)
		return s.refuse(w, r, err)
	}
	user, err := s.authenticate(w, r)
	if err != nil {
		return s.refuse(w, r, err)
	}
	r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, ";", "%3B") // lists have it as it is; Go would drop them
	path, err := pathSegments(r.URL)
	if err != nil {
		return s.refuse(w, r, fail(statusBadRequest, "The path is not well escaped"))
	}
	params := map[string]string{}
	found := s.tree.match(path, params)
	if found == nil {
		return s.refuse(w, r, fail(jobs.CodeUnknownResource, "There is no such route: /openapi.json lists those that are served"))
	}
	route := found.routes[r.Method]
	if route == nil {
		return s.refuse(w, r, methodNotAllowed(w, r, found))
	}
	w.route = route.Pattern
	call := &Call{Request: r, params: params, w: w, user: user, timeout: s.timeout(),
		limit: int64(s.Config.HttpMaximumBodySize) << 20, texts: s.texts}
	defer call.release()
	if r.ContentLength > call.limit {
		return s.refuse(w, r, bodyError(&http.MaxBytesError{Limit: call.limit}))
	}
	return route.Serve(s, call)
}

// timeout is how long one read or write of a connection may stand still.
func (s *Server) timeout() time.Duration {
	return time.Duration(s.Config.HttpRequestTimeout) * time.Second
}

// refuse reads the body of a request that is answered early to its end, within a limit: a client that is still
// sending would otherwise see a broken connection in place of the answer. One that is not sending is waited for once,
// not at each byte: it has no claim to its connection.
func (s *Server) refuse(w *recorder, r *http.Request, err error) error {
	const enough = 16 << 20
	patience := 30 * time.Second
	if t := s.timeout(); t > 0 {
		patience = min(t, patience)
	}
	_ = w.control.SetReadDeadline(time.Now().Add(patience)) // unsupported only where there is no socket
	_, _ = io.CopyN(io.Discard, r.Body, enough)
	return err
}

func methodNotAllowed(w *recorder, r *http.Request, n *node) error {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	case http.MethodHead, http.MethodOptions:
		return &emptyAnswer{http.StatusNotFound}
	default: // what Orthanc does not know at all
		return &emptyAnswer{http.StatusBadRequest}
	}
	w.Header().Set("Allow", n.allow())
	return &emptyAnswer{http.StatusMethodNotAllowed}
}

// authenticate returns the name of the user, "" where no login is asked for.
func (s *Server) authenticate(w *recorder, r *http.Request) (string, error) {
	if !s.Config.RemoteAccessAllowed && !isLoopback(r.RemoteAddr) {
		s.Metrics.Refused(metrics.LimitRemote)
		return "", &emptyAnswer{http.StatusUnauthorized}
	}
	if s.login == nil {
		return "", nil
	}
	user, password, given := r.BasicAuth()
	if given {
		switch s.login.check(user, password, r.RemoteAddr) {
		case loginAccepted:
			return user, nil
		case loginThrottled:
			s.log.Warn("login refused: too many failures from this address", "remote", r.RemoteAddr)
			s.Metrics.Refused(metrics.LimitThrottled)
			w.Header().Set("Retry-After", fmt.Sprint(int(failureWindow.Seconds())))
			return "", &emptyAnswer{http.StatusTooManyRequests}
		case loginRefused:
			s.log.Warn("login refused", "remote", r.RemoteAddr)
			s.Metrics.Refused(metrics.LimitLogin)
		}
	} else {
		s.Metrics.Refused(metrics.LimitLoginMissing)
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="gantry"`)
	return "", &emptyAnswer{http.StatusUnauthorized}
}

// serveHealth answers /livez and /readyz, which need no login.
func (s *Server) serveHealth(w *recorder, r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	var problem error
	switch r.URL.Path {
	case "/livez":
	case "/readyz":
		problem = s.Ready()
	default:
		return false
	}
	w.route = r.URL.Path
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if problem != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, problem)
		return true
	}
	_, _ = fmt.Fprintln(w, "ok")
	return true
}

// background is the context of work that goes on when the client that asked for it hangs up.
func (c *Call) background() context.Context { return context.WithoutCancel(c.Request.Context()) }
