package services_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scp"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

// sink is a peer that takes objects and requests for commitment, as the test tells it to.
type sink struct {
	mu       sync.Mutex
	got      []dicom.UID
	before   func(ctx context.Context, n int, instance dicom.UID) error // n objects came before
	requests []*jobkinds.CommitmentData
	heard    func(ctx context.Context, n int) error // a request came, after n others; nil: it is answered
}

func (k *sink) Store(ctx context.Context, rq *scp.StoreRequest) error {
	if _, err := io.Copy(io.Discard, rq.Data); err != nil {
		return err
	}
	k.mu.Lock()
	n := len(k.got)
	before := k.before
	k.mu.Unlock()
	if before != nil {
		if err := before(ctx, n, rq.SOPInstanceUID); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, rq.SOPInstanceUID)
	return nil
}

func (k *sink) Action(ctx context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	data, err := jobkinds.ReadCommitmentData(rq.Data, rq.TransferSyntax, 0)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	n, heard := len(k.requests), k.heard
	k.requests = append(k.requests, data)
	k.mu.Unlock()
	if heard != nil {
		return nil, heard(ctx, n)
	}
	return nil, nil
}

func (k *sink) taken() []dicom.UID {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.got)
}

// newSink lets the site know a peer that takes what it is told to.
func newSink(t *testing.T, s *site, before func(ctx context.Context, n int, instance dicom.UID) error) *sink {
	t.Helper()
	k := &sink{before: before}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: k, Accept: func(_ *scp.Peer, class dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
		if class == dicom.MRImageStorage {
			return "", scp.AbstractSyntaxNotSupported
		}
		return proposed[0], scp.Accepted
	}})
	t.Cleanup(func() { cancel(); <-done })
	s.know("sink", modality(t, "SINK", addr))
	return k
}

// instances returns the public ids of stored references.
func (s *site) instances(refs []index.Reference) (ids []string) {
	s.t.Helper()
	err := s.store.View(s.t.Context(), func(tx index.ReadTx) error {
		for _, r := range refs {
			found, err := tx.Identify(string(r.SOPInstanceUID))
			if err != nil {
				return err
			}
			ids = append(ids, found[0].ID.String())
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// study returns the public id of the study of a stored reference.
func (s *site) study(ref index.Reference) (id string) {
	s.t.Helper()
	err := s.store.View(s.t.Context(), func(tx index.ReadTx) error {
		found, err := tx.Identify(string(ref.SOPInstanceUID))
		if err != nil {
			return err
		}
		row, err := tx.Instance(found[0].ID)
		id = row.Study.String()
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func (s *site) newSend(o jobkinds.SendOptions) jobs.Job {
	s.t.Helper()
	if o.Modality == "" {
		o.Modality = "sink"
	}
	job, err := s.peers.NewSend(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return job
}

func content(t *testing.T, info jobs.Info) map[string]any {
	t.Helper()
	text, err := json.Marshal(info.Content)
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func uids(refs []index.Reference) (out []dicom.UID) {
	for _, r := range refs {
		out = append(out, r.SOPInstanceUID)
	}
	return out
}

// Every instance of the resources goes once, in order, bit for bit; then commitment is asked for and given.
func TestSendWithCommitment(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	refs := asks.putInto(5)
	resources := append([]string{asks.study(refs[0])}, asks.instances(refs[:2])...)
	info, err := asks.engine.Run(t.Context(), asks.newSend(jobkinds.SendOptions{
		Modality: "pacs", Resources: resources, StorageCommitment: true, Description: "REST API",
	}), jobs.Options{})
	if err != nil || info.State != jobs.Success || info.Progress() != 100 {
		t.Fatalf("%+v %v", info, err)
	}
	c := content(t, info)
	if c["InstancesCount"] != 5.0 || c["FailedInstancesCount"] != 0.0 || c["RemoteAet"] != "GIVES" || c["LocalAet"] != "ASKS" ||
		c["Description"] != "REST API" || len(c["ParentResources"].([]any)) != 3 {
		t.Errorf("content %v", c)
	}
	report, err := asks.peers.WaitReport(t.Context(), dicom.UID(c["StorageCommitmentTransactionUID"].(string)))
	if err != nil || report.Status != index.CommitSuccess || !slices.Equal(report.Success, refs) {
		t.Errorf("%+v %v", report, err)
	}
	for _, id := range asks.instances(refs) {
		if !bytes.Equal(datasetOf(t, asks, id), datasetOf(t, gives, id)) {
			t.Errorf("instance %s arrived changed", id)
		}
	}
}

func datasetOf(t *testing.T, s *site, id string) []byte {
	t.Helper()
	parsed, err := index.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	object, err := s.store.OpenInstance(t.Context(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	r, _, err := object.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A job that was interrupted goes on with the next instance, keeps its Transaction UID and asks for all it has sent.
func TestSendGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	third := make(chan struct{})
	var once sync.Once
	k := newSink(t, s, func(ctx context.Context, n int, _ dicom.UID) error {
		if n < 2 {
			return nil
		}
		held := false
		once.Do(func() { close(third); held = true })
		if held {
			<-ctx.Done() // until the sender has gone
		}
		return ctx.Err()
	})
	refs := s.putInto(5)
	id, err := s.engine.Submit(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs), StorageCommitment: true}), jobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	<-third
	before, _ := s.engine.Get(id)
	s.restart()
	info, err := s.engine.Wait(t.Context(), id)
	if err != nil || info.State != jobs.Success {
		t.Fatalf("%+v %v", info, err)
	}
	if got := k.taken(); !slices.Equal(got, uids(refs)) {
		t.Errorf("%v were sent, want each once: %v", got, uids(refs))
	}
	uid := content(t, info)["StorageCommitmentTransactionUID"]
	if uid != content(t, before)["StorageCommitmentTransactionUID"] || len(k.requests) != 1 ||
		k.requests[0].TransactionUID != dicom.UID(uid.(string)) || !slices.Equal(k.requests[0].References, refs) {
		t.Errorf("transaction %v, requests %+v", uid, k.requests)
	}
}

// A job whose request for commitment may have been heard asks again, under its Transaction UID; what was sent is not sent
// again, and cancelling leaves no report that pends.
func TestSendAsksAgainAfterRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	k := newSink(t, s, nil)
	heard := make(chan struct{}, 3)
	k.mu.Lock()
	k.heard = func(ctx context.Context, n int) error {
		heard <- struct{}{}
		if n != 1 {
			<-ctx.Done() // no answer until the requester has gone
		}
		return ctx.Err()
	}
	k.mu.Unlock()
	refs := s.putInto(2)
	send := func() string {
		id, err := s.engine.Submit(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs), StorageCommitment: true}), jobs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		<-heard
		return id
	}
	id := send()
	s.restart()
	info := s.reach(id, jobs.Success)
	uid := dicom.UID(content(t, info)["StorageCommitmentTransactionUID"].(string))
	if asked := s.asked(k); len(asked) != 2 || asked[0].TransactionUID != uid || asked[1].TransactionUID != uid || len(k.taken()) != 2 {
		t.Errorf("%d objects, requests %+v", len(k.taken()), asked)
	}
	<-heard
	id = send()
	if err := s.engine.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.reach(id, jobs.Failure)
	if rows := reports(t, s); len(rows) != 1 || rows[0].TransactionUID != string(uid) {
		t.Errorf("%+v", rows)
	}
}

// With Permissive what the peer refuses is counted, and commitment is asked for the rest; without it the job fails.
func TestSendRefusedInstance(t *testing.T) {
	t.Parallel()
	for _, permissive := range []bool{true, false} {
		s := newSite(t, nil)
		refs := s.putInto(3)
		refuses := func(_ context.Context, _ int, instance dicom.UID) error {
			if instance == refs[1].SOPInstanceUID {
				return dimse.Errorf(dimse.StatusOutOfResources, "full")
			}
			return nil
		}
		k := newSink(t, s, refuses)
		info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{
			Resources: s.instances(refs), Permissive: permissive, StorageCommitment: true,
		}), jobs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !permissive {
			if info.State != jobs.Failure || info.ErrorCode != jobs.CodeNetworkProtocol || len(k.requests) != 0 {
				t.Errorf("%+v", info)
			}
			k.mu.Lock()
			k.before, k.got = nil, nil
			k.mu.Unlock()
			if err := s.engine.Resubmit(t.Context(), info.ID); err != nil {
				t.Fatal(err)
			}
			if info, err := s.engine.Wait(t.Context(), info.ID); err != nil || info.State != jobs.Success || len(k.taken()) != 3 {
				t.Errorf("resubmitted: %+v %v", info, err)
			}
			continue
		}
		if info.State != jobs.Success || content(t, info)["FailedInstancesCount"] != 1.0 {
			t.Errorf("%+v", info)
		}
		if want := []index.Reference{refs[0], refs[2]}; len(k.requests) != 1 || !slices.Equal(k.requests[0].References, want) {
			t.Errorf("%+v", k.requests)
		}
	}
}

// put stores an image of a class.
func (s *site) put(class dicom.UID) index.Reference {
	s.t.Helper()
	i := phantom.Image{SOPClassUID: class, Study: "1.2.3", Series: "1.2.3.1", Instance: dicom.NewUID(), Side: 2}
	data, err := i.Dataset()
	if err == nil {
		_, err = s.store.Put(s.t.Context(), &storage.PutRequest{
			Data: bytes.NewReader(data), Received: true, SOPClassUID: class, SOPInstanceUID: i.Instance, TransferSyntax: dicom.ExplicitVRLittleEndian,
		})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return index.Reference{SOPClassUID: class, SOPInstanceUID: i.Instance}
}

func TestSendWithoutContext(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	newSink(t, s, nil)
	refs := []index.Reference{s.put(dicom.CTImageStorage), s.put(dicom.MRImageStorage)}
	info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs)}), jobs.Options{})
	if err != nil || info.State != jobs.Failure || info.ErrorCode != jobs.CodeNoContext {
		t.Errorf("%+v %v", info, err)
	}
}

// One association proposes at most 128 presentation contexts (PS3.8 9.3.2.2); more kinds of objects take several.
func TestSendManyClasses(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	k := newSink(t, s, nil)
	var refs []index.Reference
	for _, class := range dict.StorageSOPClasses() {
		if class != dicom.MRImageStorage && len(refs) < 140 {
			refs = append(refs, s.put(class))
		}
	}
	if len(refs) <= 128 {
		t.Fatalf("only %d storage SOP classes", len(refs))
	}
	info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(refs)}), jobs.Options{})
	if err != nil || info.State != jobs.Success || len(k.taken()) != len(refs) {
		t.Errorf("%d sent: %+v %v", len(k.taken()), info, err)
	}
}

// Cancel acts inside a send that hangs.
func TestCancelHungSend(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	hangs := make(chan struct{})
	newSink(t, s, func(ctx context.Context, n int, _ dicom.UID) error {
		if n == 0 {
			close(hangs)
		}
		<-ctx.Done()
		return ctx.Err()
	})
	id, err := s.engine.Submit(t.Context(), s.newSend(jobkinds.SendOptions{Resources: s.instances(s.putInto(1))}), jobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	<-hangs
	if err := s.engine.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info, err := s.engine.Wait(t.Context(), id); err != nil || info.ErrorCode != jobs.CodeCanceled {
		t.Errorf("%+v %v", info, err)
	}
}

func TestSendNeedsPeerAndResources(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	newSink(t, s, nil)
	var unknown *jobkinds.UnknownModalityError
	if _, err := s.peers.NewSend(t.Context(), jobkinds.SendOptions{Modality: "nobody"}); !errors.As(err, &unknown) {
		t.Errorf("unknown modality: %v", err)
	}
	var resource *jobkinds.UnknownResourceError
	for _, id := range []string{"", "1.2.3", "b9c08539-26f93bde-c81ab0d7-bffaf2cb-a4d0bdd0"} {
		if _, err := s.peers.NewSend(t.Context(), jobkinds.SendOptions{Modality: "sink", Resources: []string{id}}); !errors.As(err, &resource) {
			t.Errorf("%q: %v", id, err)
		}
	}
	refs := s.putInto(2)
	if got, err := s.peers.References(t.Context(), append(s.instances(refs), s.study(refs[0]))); err != nil || !slices.Equal(got, refs) {
		t.Errorf("references %v %v", got, err)
	}
	s.know("away", modality(t, "AWAY", "127.0.0.1:1"))
	info, err := s.engine.Run(t.Context(), s.newSend(jobkinds.SendOptions{Modality: "away", Resources: s.instances(refs), Permissive: true}), jobs.Options{})
	if err != nil || info.State != jobs.Failure || info.ErrorCode != jobs.CodeNetworkProtocol {
		t.Errorf("nobody listens: %+v %v", info, err)
	}
}
