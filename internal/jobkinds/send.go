package jobkinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/scu"
	"gantry/internal/storage/index"
)

// SendOptions describe a C-STORE of stored resources to a peer (POST /modalities/{id}/store).
type SendOptions struct {
	Modality          string   // its name in the table
	Resources         []string // public ids of any level
	LocalAET          string   `json:",omitempty"` // "": that of the peer, else DicomAet
	CalledAET         string   `json:",omitempty"` // "": that of the peer
	Host              string   `json:",omitempty"` // "": that of the peer
	Port              int      `json:",omitempty"` // 0: that of the peer
	Timeout           int      `json:",omitempty"` // seconds; 0: that of the peer
	MoveOriginatorAET string   `json:",omitempty"`
	MoveOriginatorID  uint16   `json:",omitempty"`
	Permissive        bool     `json:",omitempty"` // instances that cannot be sent are counted and skipped
	StorageCommitment bool     `json:",omitempty"` // ask for commitment of what was sent
	Description       string   `json:",omitempty"`
}

// sendJob sends instances over one association, one in a step, and asks for commitment of them in a last step.
type sendJob struct {
	deps *Deps
	sendState
	link  *sendLink // nil while not connected
	jobID string
}

// sendState is what a sendJob keeps: it goes on with the next instance, under the same Transaction UID.
type sendState struct {
	Options     SendOptions
	Parents     []resourceJSON
	LocalAET    string
	RemoteAET   string
	Instances   idList
	Position    int
	Failed      []int     `json:",omitempty"` // positions skipped
	Transaction dicom.UID `json:",omitempty"` // drawn when the job was made
	Committed   bool      `json:",omitempty"` // commitment was asked for
}

const sendStateVersion = 1

// idList is kept as one block of bytes.
type idList []index.ID

// MarshalJSON writes the ids as one text in base64.
func (l idList) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, len(l)*len(index.ID{}))
	for _, id := range l {
		b = append(b, id[:]...)
	}
	return json.Marshal(b)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *idList) UnmarshalJSON(text []byte) error {
	var b []byte
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	const size = len(index.ID{})
	if len(b)%size != 0 {
		return fmt.Errorf("jobkinds: a list of ids of %d bytes", len(b))
	}
	*l = make(idList, len(b)/size)
	for i := range *l {
		(*l)[i] = index.ID(b[i*size:])
	}
	return nil
}

// NewSend returns the job that sends; *UnknownModalityError, *UnknownResourceError.
func (d *Deps) NewSend(ctx context.Context, o SendOptions) (jobs.Job, error) {
	m, ok := d.Modalities.Get(o.Modality)
	if !ok {
		return nil, &UnknownModalityError{o.Modality}
	}
	parents, ids, err := d.expand(ctx, o.Resources)
	if err != nil {
		return nil, err
	}
	j := &sendJob{deps: d, sendState: sendState{
		Options: o, Parents: parents, Instances: ids, LocalAET: d.localAET(m, o.LocalAET), RemoteAET: m.AET,
	}}
	if o.CalledAET != "" {
		j.RemoteAET = o.CalledAET
	}
	if o.StorageCommitment {
		j.Transaction = dicom.NewUID()
	}
	return j, nil
}

func (d *Deps) restoreSend(version int, data []byte) (jobs.Job, error) {
	if version != sendStateVersion {
		return nil, fmt.Errorf("jobkinds: version %d of a %s is not known", version, KindStore)
	}
	j := &sendJob{deps: d}
	if err := json.Unmarshal(data, &j.sendState); err != nil {
		return nil, fmt.Errorf("jobkinds: state of a %s: %w", KindStore, err)
	}
	return j, nil
}

// Bind tells the job its id.
func (j *sendJob) Bind(h jobs.Handle) { j.jobID = h.ID() }

// Ended takes back a commitment request that did not reach the peer, so that nothing pends that nobody knows of.
func (j *sendJob) Ended(ctx context.Context, err error) {
	if err == nil || j.Transaction == "" || j.Committed {
		return
	}
	if err := j.deps.dropReport(ctx, j.Transaction); err != nil {
		j.deps.log().Error("a storage commitment request cannot be taken back", "transaction", j.Transaction, "error", err)
	}
}

// Sleeps: between steps there is only the association beside the state.
func (j *sendJob) Sleeps() bool { return j.link == nil }

// Kind is DicomModalityStore.
func (j *sendJob) Kind() string { return KindStore }

// State is everything but the association.
func (j *sendJob) State() (int, []byte, error) {
	data, err := json.Marshal(j.sendState)
	return sendStateVersion, data, err
}

// Progress counts the instances, and the commitment request as one more.
func (j *sendJob) Progress() (done, total int) {
	done, total = j.Position, len(j.Instances)
	if j.Options.StorageCommitment {
		total++
		if j.Committed {
			done++
		}
	}
	return done, total
}

// sendContent is what users see of the job.
type sendContent struct {
	Description                     string
	FailedInstancesCount            int
	InstancesCount                  int
	LocalAet                        string
	MoveOriginatorAET               string   `json:",omitempty"`
	MoveOriginatorID                *uint16  `json:",omitempty"`
	ParentResources                 []string `json:",omitempty"`
	RemoteAet                       string
	Resources                       []resourceJSON `json:",omitempty"`
	StorageCommitmentTransactionUID dicom.UID      `json:",omitempty"`
}

type resourceJSON struct{ ID, Type string }

// Content is what Orthanc shows of such a job.
func (j *sendJob) Content() any {
	c := sendContent{
		Description: j.Options.Description, FailedInstancesCount: len(j.Failed), InstancesCount: len(j.Instances),
		LocalAet: j.LocalAET, ParentResources: j.Options.Resources, RemoteAet: j.RemoteAET, Resources: j.Parents,
		StorageCommitmentTransactionUID: j.Transaction,
	}
	if j.Options.MoveOriginatorAET != "" {
		c.MoveOriginatorAET, c.MoveOriginatorID = j.Options.MoveOriginatorAET, &j.Options.MoveOriginatorID
	}
	return c
}

// Resubmit sends everything again.
func (j *sendJob) Resubmit() error {
	j.Position, j.Failed, j.Committed = 0, nil, false
	return nil
}

// Step sends one instance, or asks for commitment when all are sent.
func (j *sendJob) Step(ctx context.Context) (res jobs.Result, err error) {
	defer func() {
		if err != nil && j.link != nil {
			j.link.abort()
			j.link = nil
		}
	}()
	if err := ctx.Err(); err != nil {
		return jobs.Result{}, err
	}
	if j.Position < len(j.Instances) {
		return jobs.Result{}, j.sendNext(ctx)
	}
	if j.link != nil {
		j.link.release(ctx)
		j.link = nil
	}
	if !j.Options.StorageCommitment || j.Committed {
		return jobs.Result{Done: true}, nil
	}
	return jobs.Result{Done: true}, j.commit(ctx)
}

// sendNext sends the instance at the present position. With Permissive an instance that cannot be sent is skipped, as
// long as the peer can be reached.
func (j *sendJob) sendNext(ctx context.Context) error {
	if j.link == nil {
		link, err := j.connect(ctx)
		if err != nil {
			return jobs.Fail(jobs.CodeNetworkProtocol, err)
		}
		j.link = link
	}
	id := j.Instances[j.Position]
	err := j.link.send(ctx, id)
	var reconnect *reconnectError
	switch {
	case errors.As(err, &reconnect):
		j.link.release(ctx)
		j.link = nil
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !j.Options.Permissive:
		return j.sendError(id, err)
	case err != nil:
		j.deps.log().Warn("an instance was skipped", "instance", id, "peer", j.RemoteAET, "error", err)
		j.Failed = append(j.Failed, j.Position)
		if j.link.broken {
			j.link.abort()
			j.link = nil
		}
	}
	j.Position++
	return nil
}

func (j *sendJob) sendError(id index.ID, err error) error {
	code := jobs.CodeNetworkProtocol
	var none *scu.NoContextError
	var notTaken *NotTakenError
	switch {
	case isNotFound(err):
		code = jobs.CodeUnknownResource
	case errors.As(err, &none), errors.As(err, &notTaken):
		code = jobs.CodeNoContext
	}
	text := fmt.Sprintf("send instance %s to %s: %s", id, j.RemoteAET, plain(err))
	return &jobs.Error{Code: code, Err: &plainError{text, err}, Payload: ErrorPayload(err)}
}

// commit asks for commitment of everything that was sent.
func (j *sendJob) commit(ctx context.Context) error {
	refs, err := j.sent(ctx)
	if err != nil {
		return err
	}
	if len(refs) == 0 {
		return nil
	}
	o := j.Options
	err = j.deps.ask(ctx, o.Modality, j.Transaction, refs, Call{
		Timeout: o.Timeout, LocalAET: j.LocalAET, CalledAET: o.CalledAET, Host: o.Host, Port: o.Port,
	}, j.deps.deadline(nil), j.jobID)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // paused, stopped or cancelled: it is asked for again, or Ended takes it back
	}
	if err != nil {
		return jobs.Fail(jobs.CodeNetworkProtocol, err)
	}
	j.Committed = true
	return nil
}

// sent returns the references of the instances that were sent. One that was deleted since is left out.
func (j *sendJob) sent(ctx context.Context) ([]index.Reference, error) {
	skipped := make(map[int]bool, len(j.Failed))
	for _, position := range j.Failed {
		skipped[position] = true
	}
	var ids []index.ID
	for i, id := range j.Instances {
		if !skipped[i] {
			ids = append(ids, id)
		}
	}
	return j.deps.referencesOf(ctx, ids)
}
