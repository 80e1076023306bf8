package services_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
)

// resubmit submits the job that stores again what a transaction did not get committed.
func (s *site) resubmit(transaction dicom.UID, o jobkinds.ResubmitOptions) string {
	s.t.Helper()
	job, save, err := s.peers.Resubmit(s.t.Context(), transaction, o)
	if err != nil {
		s.t.Fatal(err)
	}
	id, err := s.engine.Submit(s.t.Context(), job, jobs.Options{Save: save})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// attempts are the transactions that a job shows.
func attempts(t *testing.T, info jobs.Info) (uids []dicom.UID, states []string) {
	t.Helper()
	for _, a := range content(t, info)["Attempts"].([]any) {
		attempt := a.(map[string]any)
		uids = append(uids, dicom.UID(attempt["TransactionUid"].(string)))
		states = append(states, attempt["Status"].(string))
	}
	return uids, states
}

func (s *site) report(transaction dicom.UID) *jobkinds.Report {
	s.t.Helper()
	report, err := s.peers.Report(s.t.Context(), transaction)
	if err != nil {
		s.t.Fatal(err)
	}
	return report
}

// failedTransaction asks for instances that the other site does not have, but for the first.
func failedTransaction(t *testing.T, asks, gives *site, refs []index.Reference) dicom.UID {
	t.Helper()
	copyInstance(t, asks, gives, refs[0])
	uid, err := asks.peers.RequestCommitment(t.Context(), "pacs", refs, jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := asks.peers.WaitReport(t.Context(), uid); err != nil || len(report.Failures) != len(refs)-1 {
		t.Fatalf("%+v %v", report, err)
	}
	return uid
}

// What failed is stored again and asked for under another Transaction UID; what was committed is left alone.
func TestResubmitFailed(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	refs := asks.putInto(4)
	uid := failedTransaction(t, asks, gives, refs)
	info, err := asks.engine.Wait(t.Context(), asks.resubmit(uid, jobkinds.ResubmitOptions{Description: "REST API"}))
	if err != nil || info.State != jobs.Success || info.Progress() != 100 {
		t.Fatalf("%+v %v", info, err)
	}
	c := content(t, info)
	again := dicom.UID(c["TransactionUid"].(string))
	if c["RemoteAet"] != "GIVES" || c["LocalAet"] != "ASKS" || c["InstancesCount"] != 3.0 || c["SentInstancesCount"] != 3.0 ||
		c["FailedInstancesCount"] != 0.0 || c["Status"] != "Success" || c["OriginalTransactionUid"] != string(uid) || c["Description"] != "REST API" {
		t.Errorf("content %v", c)
	}
	if report := asks.report(again); again == uid || report.Status != index.CommitSuccess || !slices.Equal(report.Success, refs[1:]) {
		t.Errorf("second report %+v", report)
	}
	if report := asks.report(uid); report.Status != index.CommitFailure || report.ResubmittedAs != again {
		t.Errorf("first report %+v", report)
	}
	if found, err := gives.store.Lookup(t.Context(), refs); err != nil || !found[1].Present || !found[2].Present || !found[3].Present {
		t.Errorf("%+v %v", found, err)
	}
	var refused *jobkinds.ResubmitError
	if _, _, err := asks.peers.Resubmit(t.Context(), again, jobkinds.ResubmitOptions{}); !errors.As(err, &refused) {
		t.Errorf("resubmit of a success: %v", err)
	}
	if _, _, err := asks.peers.Resubmit(t.Context(), "2.25.1", jobkinds.ResubmitOptions{}); !errors.Is(err, jobkinds.ErrUnknownTransaction) {
		t.Errorf("resubmit of an unknown transaction: %v", err)
	}
}

// Instances that are no longer here cannot be stored again, but are asked for; each attempt has its own transaction, and
// so has each resubmit of the job.
func TestResubmitInSeveralAttempts(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	refs := append(asks.putInto(1), ctRef("1.2.3"))
	uid := failedTransaction(t, asks, gives, refs)
	id := asks.resubmit(uid, jobkinds.ResubmitOptions{Attempts: 2})
	info, err := asks.engine.Wait(t.Context(), id)
	if err != nil || info.State != jobs.Failure || info.ErrorCode != jobs.CodeNetworkProtocol {
		t.Fatalf("%+v %v", info, err)
	}
	tried, states := attempts(t, info)
	if len(tried) != 2 || tried[0] == tried[1] || !slices.Equal(states, []string{"Failure", "Failure"}) {
		t.Errorf("attempts %v %v", tried, states)
	}
	if asks.report(uid).ResubmittedAs != tried[0] || asks.report(tried[0]).ResubmittedAs != tried[1] {
		t.Error("the transactions do not lead from one to the next")
	}
	asks.restart() // the job is in the history, and goes on from there
	gives.know("modality", modality(t, "ASKS", asks.addr))
	if err := asks.engine.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	info, err = asks.engine.Wait(t.Context(), id)
	if err != nil || info.State != jobs.Failure {
		t.Fatalf("%+v %v", info, err)
	}
	if tried, _ := attempts(t, info); len(tried) != 3 {
		t.Errorf("attempts %v", tried)
	}
}

// Whenever the requester is restarted, it goes on with the same transaction, and asks once more only where it cannot
// know that it was heard.
func TestResubmitGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	second := make(chan struct{}, 1)
	k := newSink(t, s, func(ctx context.Context, n int, _ dicom.UID) error {
		if n != 1 {
			return nil
		}
		select {
		case second <- struct{}{}:
			<-ctx.Done() // until the sender has gone
			return ctx.Err()
		default:
			return nil
		}
	})
	refs := s.putInto(3)
	s.openFor("2.25.1", "sink", "SINK", refs, index.CommitFailure, nil)
	id := s.resubmit("2.25.1", jobkinds.ResubmitOptions{})
	<-second
	before, _ := attempts(t, first(s.engine.Get(id)))
	second <- struct{}{}
	s.restart()
	info := s.reach(id, jobs.Retry) // it waits for the report
	if now, _ := attempts(t, info); !slices.Equal(now, before) {
		t.Errorf("transactions %v after the restart, %v before", now, before)
	}
	if got := k.taken(); !slices.Equal(got, uids(refs)) {
		t.Errorf("%v were sent, want each once: %v", got, uids(refs))
	}
	s.restart()
	s.reach(id, jobs.Retry)
	if len(k.requests) != 1 || k.requests[0].TransactionUID != before[0] || !slices.Equal(k.requests[0].References, refs) {
		t.Errorf("requests %+v", k.requests)
	}
	if got := send(t, s, "SINK", 1, request(before[0], refs)); got != dimse.StatusSuccess {
		t.Fatal(got)
	}
	if info := s.reach(id, jobs.Success, jobs.Failure); info.State != jobs.Success {
		t.Errorf("%+v", info)
	}
}

func first[A, B any](a A, _ B) A { return a }

// However few reports are kept, a job gets to see the one it waits for.
func TestReportIsKeptForItsJob(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentReportsSize = 0 })
	newSink(t, s, nil)
	refs := s.putInto(1)
	s.openFor("2.25.1", "sink", "SINK", refs, index.CommitFailure, nil)
	id := s.resubmit("2.25.1", jobkinds.ResubmitOptions{})
	tried, _ := attempts(t, s.reach(id, jobs.Retry))
	if got := send(t, s, "SINK", 1, request(tried[0], refs)); got != dimse.StatusSuccess {
		t.Fatal(got)
	}
	s.reach(id, jobs.Success)
	if _, err := s.peers.Report(t.Context(), "2.25.1"); !errors.Is(err, jobkinds.ErrUnknownTransaction) {
		t.Errorf("an old report beyond the limit: %v", err)
	}
}

// A report that was kept just before the end of a run is seen by its job in the next one.
func TestReportKeptBeforeTheEndIsSeen(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	newSink(t, s, nil)
	refs := s.putInto(1)
	s.openFor("2.25.1", "sink", "SINK", refs, index.CommitFailure, nil)
	id := s.resubmit("2.25.1", jobkinds.ResubmitOptions{})
	tried, _ := attempts(t, s.reach(id, jobs.Retry))
	s.openFor(string(tried[0]), "sink", "SINK", refs, index.CommitSuccess, map[string]any{"Job": id}) // and nobody is told
	s.restart()
	s.reach(id, jobs.Success)
}

// openFor puts the report of a request into the site's database.
func (s *site) openFor(uid, name, aet string, refs []index.Reference, status index.CommitStatus, data map[string]any) {
	s.t.Helper()
	row := &index.CommitReport{TransactionUID: uid, RemoteAET: aet, Modality: name, LocalAET: s.cfg.DicomAet, Status: status, Requested: refs}
	if status == index.CommitFailure {
		for _, r := range refs {
			row.Failures = append(row.Failures, index.CommitFailureItem{Reference: r, Reason: jobkinds.ReasonNoSuchInstance})
		}
	}
	if data != nil {
		text, err := json.Marshal(data)
		if err != nil {
			s.t.Fatal(err)
		}
		row.Data = text
	}
	if err := s.store.Update(s.t.Context(), func(tx index.Tx) error { return tx.PutCommitReport(row) }); err != nil {
		s.t.Fatal(err)
	}
}

// A peer that refuses the request for good leaves nothing that pends; the job can be run again when it has changed its mind.
func TestResubmitRefused(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	refs := asks.putInto(2)
	uid := failedTransaction(t, asks, gives, refs)
	back := modality(t, "ASKS", asks.addr)
	forbidden := back
	forbidden.AllowNAction = false
	gives.know("modality", forbidden)
	id := asks.resubmit(uid, jobkinds.ResubmitOptions{})
	info, err := asks.engine.Wait(t.Context(), id)
	if err != nil || info.State != jobs.Failure || info.ErrorCode != jobs.CodeNetworkProtocol {
		t.Fatalf("%+v %v", info, err)
	}
	if rows := reports(t, asks); len(rows) != 1 || asks.report(uid).ResubmittedAs != "" {
		t.Errorf("%d reports are left: %+v", len(rows), rows)
	}
	gives.know("modality", back)
	if err := asks.engine.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info, err := asks.engine.Wait(t.Context(), id); err != nil || info.State != jobs.Success {
		t.Errorf("%+v %v", info, err)
	}
}

// A peer that is away is tried again; cancelling gives the request up.
func TestResubmitToPeerThatIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	refs := s.putInto(1)
	s.know("sink", modality(t, "SINK", "127.0.0.1:1"))
	s.openFor("2.25.1", "sink", "SINK", refs, index.CommitFailure, nil)
	id := s.resubmit("2.25.1", jobkinds.ResubmitOptions{})
	info := s.reach(id, jobs.Retry)
	if info.Attempt != 1 {
		t.Errorf("%+v", info)
	}
	var busy *jobkinds.ResubmitError
	if _, _, err := s.peers.Resubmit(t.Context(), "2.25.1", jobkinds.ResubmitOptions{}); !errors.As(err, &busy) || busy.Job != id {
		t.Errorf("resubmitted twice at a time: %v", err)
	}
	k := newSink(t, s, nil)
	if err := s.engine.TryNow(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.until(id, func() bool { return len(s.asked(k)) > 0 })
	if err := s.engine.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info := s.reach(id, jobs.Failure); info.ErrorCode != jobs.CodeCanceled {
		t.Errorf("%+v", info)
	}
}

// until waits for something that a job does, looking at each of its changes.
func (s *site) until(id string, done func() bool) {
	s.t.Helper()
	for {
		_, changed, err := s.engine.Watch(id)
		if err != nil {
			s.t.Fatal(err)
		}
		if done() {
			return
		}
		select {
		case <-changed:
		case <-time.After(patience):
			s.t.Fatalf("job %s never came so far", id)
		}
	}
}

func (s *site) asked(k *sink) []*jobkinds.CommitmentData {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.requests)
}

// After the deadline the report says Timeout and the job fails; a report that comes still later is taken all the same.
func TestDeadline(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	newSink(t, s, nil)
	refs := s.putInto(2)
	s.openFor("2.25.1", "sink", "SINK", refs, index.CommitPending, map[string]any{"Deadline": time.Now().Add(-time.Hour)})
	if report := s.report("2.25.1"); report.Status != jobkinds.StatusTimeout {
		t.Errorf("%+v", report)
	}
	if report, err := s.peers.WaitReport(t.Context(), "2.25.1"); err != nil || report.Status != jobkinds.StatusTimeout {
		t.Errorf("%+v %v", report, err)
	}
	second := 1
	id := s.resubmit("2.25.1", jobkinds.ResubmitOptions{Deadline: &second})
	info := s.reach(id, jobs.Failure)
	tried, states := attempts(t, info)
	if info.ErrorCode != jobs.CodeTimeout || !slices.Equal(states, []string{"Timeout"}) || s.report(tried[0]).Status != jobkinds.StatusTimeout {
		t.Errorf("%+v %v", info, states)
	}
	for _, uid := range []dicom.UID{"2.25.1", tried[0]} {
		if got := send(t, s, "SINK", 1, request(uid, refs)); got != dimse.StatusSuccess {
			t.Errorf("late report: %s", got)
		}
		if report := s.report(uid); report.Status != index.CommitSuccess {
			t.Errorf("%+v", report)
		}
	}
	if err := s.engine.Resubmit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if info := s.reach(id, jobs.Success, jobs.Failure); info.State != jobs.Success {
		t.Errorf("resubmitted after the late report: %+v", info)
	}
}

// StorageCommitmentDeadline is what requests get that say nothing, and a request can say it for itself.
func TestDefaultDeadline(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentDeadline = 3600 })
	newSink(t, s, nil)
	none := 0
	for _, x := range []struct {
		seconds *int
		want    bool
	}{{nil, true}, {&none, false}} {
		uid, err := s.peers.RequestCommitment(t.Context(), "sink", []index.Reference{ctRef("1.2")}, jobkinds.CommitOptions{Deadline: x.seconds})
		if err != nil {
			t.Fatal(err)
		}
		if report := s.report(uid); report.Deadline.IsZero() == x.want || report.Status != index.CommitPending {
			t.Errorf("%+v", report)
		}
	}
}

// What is stored again is sent to a peer, and stands in /exports as every send.
func TestResubmitIsNotedAsExport(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	asks.cfg.LogExportedResources = true
	refs := asks.putInto(3)
	uid := failedTransaction(t, asks, gives, refs)
	if info, err := asks.engine.Wait(t.Context(), asks.resubmit(uid, jobkinds.ResubmitOptions{})); err != nil || info.State != jobs.Success {
		t.Fatalf("%+v %v", info, err)
	}
	var exports []index.Export
	err := asks.store.View(t.Context(), func(tx index.ReadTx) (err error) {
		exports, err = tx.Exports(0, 10, false)
		return err
	})
	if err != nil || len(exports) != 2 {
		t.Fatalf("%+v, %v", exports, err)
	}
	for i, e := range exports {
		if e.Level != index.Instance || e.Modality != "pacs" || e.SOPInstanceUID != string(refs[i+1].SOPInstanceUID) || e.StudyUID == "" || e.PatientID == "" {
			t.Errorf("%+v", e)
		}
	}
}
