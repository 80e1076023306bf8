package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scu"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// emptyAnswer is an error whose answer is a status without a body.
type emptyAnswer struct{ status int }

func (e *emptyAnswer) Error() string { return "rest: " + http.StatusText(e.status) }

// answerError is the one place that turns an error into an answer. After the first byte of an answer all that is
// left is to break the connection, so that the client sees that it is not whole.
func (s *Server) answerError(w *recorder, r *http.Request, err error) {
	if w.status != 0 {
		s.log.Warn("an answer broke off", "method", r.Method, "path", r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		s.log.Debug("a client hung up", "method", r.Method, "path", r.URL.Path)
		panic(http.ErrAbortHandler) // nobody reads an answer, and none is counted
	}
	var empty *emptyAnswer
	switch {
	case errors.Is(err, errNoAnswer) && r.Method == http.MethodPost:
		w.WriteHeader(http.StatusBadRequest)
		return
	case errors.Is(err, errNoAnswer):
		w.WriteHeader(http.StatusNotFound)
		return
	case errors.As(err, &empty):
		w.WriteHeader(empty.status)
		return
	}
	problem := translate(err)
	if problem.Code == statusReadOnly {
		w.Header().Set("Allow", http.MethodGet)
	}
	if problem.HTTP == 0 {
		problem.HTTP = httpStatus(problem.Code)
	}
	switch {
	case problem.HTTP == http.StatusServiceUnavailable: // a limit, or the end: nothing has failed
		s.log.Warn("a request was refused for now", "method", r.Method, "path", r.URL.Path, "error", err)
	case problem.Code == jobs.CodeCanceled, problem.Code == jobs.CodeSequence: // somebody wanted it; or asked at the wrong time
		s.log.Info("a request was not carried out", "method", r.Method, "path", r.URL.Path, "error", err)
	case problem.HTTP >= http.StatusInternalServerError:
		s.log.Error("a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	s.writeProblem(w, r, problem)
}

func (s *Server) writeProblem(w *recorder, r *http.Request, problem *apiError) {
	if !s.Config.HttpDescribeErrors {
		w.WriteHeader(problem.HTTP)
		return
	}
	w.Header().Del("Content-Disposition") // of what was to be sent
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(problem.HTTP)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "\t")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(errorBody{Details: problem.Details, ErrorPayload: problem.Payload, HttpError: http.StatusText(problem.HTTP),
		HttpStatus: problem.HTTP, Message: describe(problem.Code), Method: r.Method,
		OrthancError: describe(problem.Code), OrthancStatus: problem.Code, Uri: "/" + strings.Join(segments(r.URL.Path), "/")})
}

// translate gives an error of any layer its code and its text for the user.
func translate(err error) *apiError {
	var own *apiError
	var tooLarge *http.MaxBytesError
	var badObject *storage.BadObjectError
	var unknownModality *jobkinds.UnknownModalityError
	var unknownResource *jobkinds.UnknownResourceError
	var coded *jobs.Error
	var noContext *scu.NoContextError
	switch {
	case errors.As(err, &own):
		return &apiError{Code: own.Code, HTTP: own.HTTP, Details: own.Details, Payload: own.Payload}
	case errors.As(err, &tooLarge):
		_ = errors.As(bodyError(err), &own)
		return own
	case errors.As(err, &badObject) && badObject.Missing:
		return &apiError{Code: statusInexistentTag, Details: badObject.Error()}
	case errors.As(err, &badObject):
		return &apiError{Code: statusBadFileFormat, Details: "Cannot parse an invalid DICOM file: " + badObject.Error()}
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, index.ErrNotFound):
		return &apiError{Code: jobs.CodeUnknownResource}
	case errors.Is(err, storage.ErrFull), errors.Is(err, storage.ErrWriteStopped), errors.Is(err, storage.ErrReadOnly):
		return &apiError{Code: jobs.CodeFullStorage, Details: err.Error()}
	case errors.Is(err, storage.ErrFrozen):
		return &apiError{HTTP: http.StatusMethodNotAllowed, Code: statusReadOnly, Details: err.Error()}
	case errors.Is(err, storage.ErrRevision):
		return &apiError{Code: statusRevision, Details: err.Error()}
	case errors.Is(err, storage.ErrBusy), errors.Is(err, index.ErrBusy):
		return &apiError{Code: statusDatabaseUnavailable, Details: err.Error()}
	case errors.Is(err, jobkinds.ErrNoReferences):
		return &apiError{Code: statusBadRequest, Details: "Empty storage commitment request: no instance to ask for"}
	case errors.As(err, &unknownModality):
		return &apiError{Code: jobs.CodeInexistent, Details: "No modality with symbolic name: " + unknownModality.Name}
	case errors.As(err, &unknownResource):
		return &apiError{Code: jobs.CodeUnknownResource, Details: unknownResource.Error()}
	case errors.As(err, &coded):
		return &apiError{Code: coded.Code, Details: coded.Error(), Payload: coded.Payload}
	case errors.Is(err, jobs.ErrStopped):
		return &apiError{HTTP: http.StatusServiceUnavailable, Code: statusDatabaseUnavailable,
			Details: "The server is stopping; a job that was begun goes on at its next start"}
	case errors.Is(err, context.Canceled):
		return &apiError{Code: jobs.CodeCanceled, Details: err.Error()}
	case errors.As(err, &noContext):
		return &apiError{Code: statusNoPresentationCtx, Details: err.Error()}
	case isNetwork(err):
		return &apiError{Code: jobs.CodeNetworkProtocol, Details: err.Error(), Payload: jobkinds.ErrorPayload(err)}
	}
	return &apiError{Code: jobs.CodeInternal, Details: err.Error()}
}

// isNetwork tells trouble with a peer from trouble of our own.
func isNetwork(err error) bool {
	var rejection *dul.Rejection
	var abort *dul.AbortError
	var timeout *dul.TimeoutError
	var status *dimse.StatusError
	var dial interface{ Timeout() bool } // net.Error
	return errors.As(err, &rejection) || errors.As(err, &abort) || errors.As(err, &timeout) || errors.As(err, &status) ||
		errors.Is(err, dul.ErrConnectionLost) || errors.As(err, &dial)
}

// transactionError names the transaction in the errors of a storage commitment report.
func transactionError(err error, c *Call) error {
	uid := c.Param("id")
	var resubmit *jobkinds.ResubmitError
	switch {
	case errors.As(err, &resubmit):
		return &apiError{Code: jobs.CodeSequence, HTTP: http.StatusConflict, Details: resubmit.Error()}
	case errors.Is(err, jobkinds.ErrUnknownTransaction):
		return fail(jobs.CodeInexistent, "No storage commitment transaction with UID: %.80s", uid)
	case errors.Is(err, jobkinds.ErrNotCommitted):
		return fail(jobs.CodeSequence,
			"Cannot remove DICOM instances before success of storage commitment transaction: %.80s", uid)
	}
	return err
}
