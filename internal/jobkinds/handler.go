package jobkinds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// Values of StorageCommitmentHandlerOnFailure besides "fail".
const (
	handlerDefault = "default"
	handlerRetry   = "retry"
)

// handlerBatch is how many instances a handler is asked about at once: starting a program costs more than most of them
// do with an instance. It is a multiple of chunkSize.
const handlerBatch = 5 * chunkSize

// HandlerError says that the handler of storage commitment requests gave no answer that can be used.
type HandlerError struct {
	Handler string // the option StorageCommitmentHandler, without the query of an address
	Problem string
	Err     error // may be nil
}

func (e *HandlerError) Error() string {
	text := "jobkinds: storage commitment handler " + e.Handler + ": " + e.Problem
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *HandlerError) Unwrap() error { return e.Err }

// The JSON that a handler is given and the JSON that it answers with. Instances of both stand in the same order.
type (
	handlerRequest struct {
		TransactionUID dicom.UID
		CallingAET     string // who asks
		CalledAET      string
		RemoteIP       string
		Instances      []handlerInstance
	}
	handlerInstance struct {
		SOPClassUID    dicom.UID
		SOPInstanceUID dicom.UID
		Found          bool   // stored, and under this SOP class
		ID             string `json:",omitempty"` // of /instances/{id}, if it is found
		Reason         uint16 // what is going to be reported: 0 committed, else the Failure Reason
	}
	handlerAnswer struct {
		Instances []handlerVerdict
	}
	handlerVerdict struct {
		SOPInstanceUID dicom.UID
		Reason         *int
	}
)

// caller reaches a handler: it hands over a request and returns the answer, of limit bytes at most.
type caller interface {
	call(ctx context.Context, request []byte, limit int64) ([]byte, error)
}

// handling asks the handler about the instances of one request.
type handling struct {
	caller
	name      string // of the handler, for errors
	timeout   time.Duration
	onFailure string
	missing   bool        // it may commit what we would not
	outOfTime func() bool // for retry
	about     handlerRequest
	log       *slog.Logger
}

// handler returns who has a say in the decision on a request, nil if nobody has.
func (j *commitmentJob) handler(row *index.CommitRequest) *handling {
	c := j.deps.Config
	if c.StorageCommitmentHandler == "" {
		return nil
	}
	return &handling{
		caller: j.deps.handlerCaller(), name: handlerName(c.StorageCommitmentHandler), onFailure: c.StorageCommitmentHandlerOnFailure,
		timeout: time.Duration(c.StorageCommitmentHandlerTimeout) * time.Second, missing: c.StorageCommitmentHandlerCommitsMissing,
		log: j.log(), about: handlerRequest{
			TransactionUID: j.Transaction, CallingAET: peerOf(row.PeerAET), CalledAET: row.CalledAET, RemoteIP: row.PeerAddr,
		},
		outOfTime: j.outOfTime,
	}
}

// ask lets the handler change the reasons of a batch. An error means that the whole request is to be decided later.
func (h *handling) ask(ctx context.Context, refs []index.Reference, found []index.Found, reasons []uint16) error {
	verdicts, err := h.verdicts(ctx, refs, found, reasons)
	if err == nil {
		h.follow(verdicts, reasons)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	h.log.Error("the storage commitment handler failed", "error", err, "consequence", h.onFailure)
	switch {
	case h.onFailure == handlerRetry && !h.outOfTime():
		return err
	case h.onFailure == handlerDefault:
		return nil
	} // the requester was promised a report
	for i, reason := range reasons {
		if reason == 0 {
			reasons[i] = ReasonProcessingFailure
		}
	}
	return nil
}

// follow takes over what the handler says. That it commits to what we would not is overruled, unless it may.
func (h *handling) follow(verdicts, reasons []uint16) {
	overruled := 0
	for i, verdict := range verdicts {
		if verdict == 0 && reasons[i] != 0 && !h.missing {
			overruled++
			continue
		}
		reasons[i] = verdict
	}
	if overruled > 0 {
		h.log.Warn("the storage commitment handler commits to instances that are not there or not readable: it is overruled",
			"instances", overruled, "option", "StorageCommitmentHandlerCommitsMissing")
	}
}

// verdicts asks the handler within its time limit.
func (h *handling) verdicts(ctx context.Context, refs []index.Reference, found []index.Found, reasons []uint16) ([]uint16, error) {
	request := h.about
	request.Instances = make([]handlerInstance, len(refs))
	for i, r := range refs {
		in := handlerInstance{SOPClassUID: r.SOPClassUID, SOPInstanceUID: r.SOPInstanceUID, Found: found[i].Present, Reason: reasons[i]}
		if in.Found {
			in.ID = found[i].Blob.Instance.String()
		}
		request.Instances[i] = in
	}
	body, err := json.Marshal(&request)
	if err != nil {
		return nil, h.fail("the request cannot be written", err)
	}
	limited, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	answer, err := h.call(limited, append(body, '\n'), 64<<10+256*int64(len(refs)))
	switch {
	case errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && err != nil:
		return nil, h.fail(fmt.Sprintf("no answer within %v (StorageCommitmentHandlerTimeout)", h.timeout), err)
	case err != nil:
		return nil, h.fail("no answer", err)
	}
	return h.read(answer, refs)
}

// read checks an answer: one verdict for each instance, in their order, and none but the reasons of the standard.
func (h *handling) read(text []byte, refs []index.Reference) ([]uint16, error) {
	var answer handlerAnswer
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&answer); err != nil {
		return nil, h.fail("its answer is not the JSON that is expected", err)
	}
	if _, err := decoder.Token(); err != io.EOF { //nolint:errorlint // decoders give io.EOF itself
		return nil, h.fail("there is more than one JSON value in its answer", nil)
	}
	if len(answer.Instances) != len(refs) {
		return nil, h.fail(fmt.Sprintf("it answered on %d instances, %d were asked", len(answer.Instances), len(refs)), nil)
	}
	verdicts := make([]uint16, len(refs))
	for i, v := range answer.Instances {
		if v.SOPInstanceUID != refs[i].SOPInstanceUID {
			return nil, h.fail(fmt.Sprintf("its answer %d is on %.70q, not on %s", i+1, v.SOPInstanceUID, refs[i].SOPInstanceUID), nil)
		}
		if v.Reason == nil || !slices.Contains(handlerReasons(), *v.Reason) {
			return nil, h.fail(fmt.Sprintf("its answer on %s has no Reason that is 0 or one of %s", v.SOPInstanceUID, reasonList()), nil)
		}
		verdicts[i] = uint16(*v.Reason) //nolint:gosec // one of the list
	}
	return verdicts, nil
}

func (h *handling) fail(problem string, err error) error { return &HandlerError{h.name, problem, err} }

// handlerReasons are the verdicts a handler may give.
func handlerReasons() []int {
	return []int{
		0, int(ReasonProcessingFailure), int(ReasonNoSuchInstance), int(ReasonClassInstanceConflict),
		int(ReasonClassNotSupported), int(ReasonDuplicateTransaction), int(ReasonResourceLimitation),
	}
}

func reasonList() string {
	var texts []string
	for _, reason := range handlerReasons()[1:] {
		texts = append(texts, fmt.Sprint(reason))
	}
	return strings.Join(texts, ", ")
}
