package services_test

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// outgoing lists the site's requests by their names.
func (s *site) outgoing(states ...jobkinds.OutgoingState) map[string]jobkinds.Outgoing {
	s.t.Helper()
	list, err := s.peers.Outgoings(s.t.Context(), states...)
	if err != nil {
		s.t.Fatal(err)
	}
	byID := map[string]jobkinds.Outgoing{}
	for _, o := range list {
		byID[o.ID] = o
	}
	return byID
}

// refusedReport has SCU ask for the commitment of an instance and refuse the report with err. It returns what came first,
// and the job of the report.
func (s *site) refusedReport(err error) (r *requester, first reported, id string) {
	s.t.Helper()
	r = newRequester(s.t)
	r.refuse(err)
	s.askAt(r.addr)
	return r, r.next(s.t), s.commitmentJobs()[0]
}

// awayReport has SCU, whom nobody can reach, ask for the commitment of an instance, and returns the job of the report.
func (s *site) awayReport() (id string) {
	s.t.Helper()
	s.askAt("127.0.0.1:1")
	return s.commitmentJobs()[0]
}

func (s *site) askAt(address string) {
	s.t.Helper()
	s.know("scu", modality(s.t, "SCU", address))
	if err := ask(s.t, s.dial("SCU", nil), "2.25.1", s.putInto(1)); err != nil {
		s.t.Fatal(err)
	}
}

// A report that cannot be delivered is listed with all that is known of it, and goes out when it is told to.
func TestOutgoing(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryDelay = 3600 })
	r := newRequester(t)
	away := modality(t, "SCU", "127.0.0.1:1")
	s.know("scu", away)
	refs := append(s.putInto(2), ctRef("1.2.3"))
	if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	s.reach(s.commitmentJobs()[0], jobs.Retry)
	got := s.outgoing()["2.25.1"]
	want := map[uint16]int{0: 2, jobkinds.ReasonNoSuchInstance: 1}
	if got.State != jobkinds.OutgoingDecided || got.RemoteAET != "SCU" || got.CalledAET != "GANTRY" || got.RemoteIP != "127.0.0.1" ||
		got.Attempts != 1 || got.LastError == "" || got.Instances != 3 || !maps.Equal(got.Reasons, want) || got.Address != "127.0.0.1:1" ||
		got.Job.State != jobs.Retry || got.Job.NextAttempt.IsZero() || got.Delivery != "new" {
		t.Errorf("%+v", got)
	}
	s.know("scu", modality(t, "SCU", r.addr))
	id, err := s.peers.SendOutgoing(t.Context(), "2.25.1")
	if err != nil || id != got.JobID {
		t.Fatal(id, err)
	}
	r.next(t)
	s.reach(id, jobs.Success)
	if one, err := s.peers.FindOutgoing(t.Context(), "2.25.1"); err != nil || one.State != jobkinds.OutgoingDelivered || one.Delivered.IsZero() {
		t.Errorf("%+v %v", one, err)
	}
	if list := s.outgoing(jobkinds.OutgoingOpen, jobkinds.OutgoingDecided, jobkinds.OutgoingGivenUp); len(list) != 0 {
		t.Errorf("still listed: %v", list)
	}
	if _, err := s.peers.SendOutgoing(t.Context(), "2.25.1"); !errors.Is(err, jobkinds.ErrDelivered) {
		t.Errorf("sent again: %v", err)
	}
	for _, id := range []string{"2.25.2", "", "@", "2.25.1@OTHER", "../../etc/passwd"} {
		if _, err := s.peers.FindOutgoing(t.Context(), id); !errors.Is(err, jobkinds.ErrUnknownTransaction) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// A report that was given up, canceled by a user or refused by its peer, can be sent again: by its job, and by another one
// when that was forgotten.
func TestGivenUpReportIsSent(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]bool{"job kept": false, "job forgotten": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			r, first, id := s.refusedReport(dimse.Errorf(dimse.StatusInvalidArgument, "never heard of it"))
			s.reach(id, jobs.Failure)
			info, err := s.engine.Wait(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			const why = "status 0115H invalid argument value: never heard of it"
			if got := s.outgoing()["2.25.1"]; got.State != jobkinds.OutgoingGivenUp || got.LastError != why || info.ErrorDetails != why {
				t.Errorf("%+v, job: %s", got, info.ErrorDetails)
			}
			if forget {
				if err := s.engine.Remove(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
			r.refuse(nil)
			again, err := s.peers.SendOutgoing(t.Context(), "2.25.1")
			if err != nil || (again == id) == forget {
				t.Fatal(again, err)
			}
			if got := r.next(t); got.bytes != first.bytes {
				t.Errorf("another report: %+v", got)
			}
			s.reach(again, jobs.Success)
		})
	}
}

// A report that is canceled while it waits is given up for good: a restart does not take it up again.
func TestCanceledReportIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryDelay = 3600 })
	id := s.awayReport()
	s.reach(id, jobs.Retry)
	if err := s.engine.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := s.outgoing()["2.25.1"]; got.State != jobkinds.OutgoingGivenUp || got.LastError != "This job was canceled" {
		t.Errorf("%+v", got)
	}
	if err := s.peers.ResumeRequests(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.commitmentJobs(); len(got) != 1 {
		t.Errorf("jobs %v", got)
	}
}

// A paused report goes out, too, when it is told to.
func TestPausedReportIsSent(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryDelay = 3600 })
	r := newRequester(t)
	id := s.awayReport()
	s.reach(id, jobs.Retry)
	if err := s.engine.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.know("scu", modality(t, "SCU", r.addr))
	if _, err := s.peers.SendOutgoing(t.Context(), "2.25.1"); err != nil {
		t.Fatal(err)
	}
	r.next(t)
}

// One Transaction UID used by several peers, and twice by one, can be told apart.
func TestOutgoingOfOneTransactionUID(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryDelay = 3600 })
	s.know("first", modality(t, "FIRST", "127.0.0.1:1"))
	s.know("second", modality(t, "SECOND/A", "127.0.0.1:1"))
	refs, others := s.putInto(2), s.putInto(1)
	for _, x := range []struct {
		aet  string
		refs int
	}{{"FIRST", 2}, {"SECOND/A", 2}, {"FIRST", 1}} {
		which := refs
		if x.refs == 1 {
			which = others
		}
		if err := ask(t, s.dial(x.aet, nil), "2.25.1", which); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range s.commitmentJobs() {
		s.reach(id, jobs.Retry)
	}
	list := s.outgoing()
	var ids []string
	for id, o := range list {
		ids = append(ids, id)
		if one, err := s.peers.FindOutgoing(t.Context(), id); err != nil || one.JobID != o.JobID || one.ID != id {
			t.Errorf("%s: %+v %v", id, one, err)
		}
		if _, err := s.peers.SendOutgoing(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	slices.Sort(ids)
	if len(ids) != 3 || ids[0] != "2.25.1@FIRST" || len(ids[1]) != len("2.25.1@FIRST@0123456789abcdef") || ids[2] != "2.25.1@SECOND/A" {
		t.Errorf("%v", ids)
	}
	var ambiguous *jobkinds.AmbiguousError
	if _, err := s.peers.SendOutgoing(t.Context(), "2.25.1"); !errors.As(err, &ambiguous) || len(ambiguous.IDs) != 3 {
		t.Errorf("%v", err)
	}
}

// A report is tried at once although its peer could not be reached a moment ago; the others follow when that works.
func TestOutgoingToPeerThatWasAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryDelay = 3600 })
	r := newRequester(t)
	gone := modality(t, "SCU", r.addr)
	gone.UseDicomTls = true // cannot associate with a plain port
	s.know("scu", gone)
	refs, c := s.putInto(1), s.dial("SCU", nil)
	for _, uid := range []dicom.UID{"2.25.1", "2.25.2"} {
		if err := ask(t, c, uid, refs); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range s.commitmentJobs() {
		s.reach(id, jobs.Retry)
	}
	s.know("scu", modality(t, "SCU", r.addr))
	if _, err := s.peers.SendOutgoing(t.Context(), "2.25.2"); err != nil {
		t.Fatal(err)
	}
	if got := r.next(t); got.data.TransactionUID != "2.25.2" {
		t.Errorf("%+v", got)
	}
	if got := r.next(t); got.data.TransactionUID != "2.25.1" {
		t.Errorf("%+v", got)
	}
}

// A report whose job has just failed, which is not shown yet, is sent, too.
func TestReportIsSentThatHasJustBeenGivenUp(t *testing.T) {
	t.Parallel()
	s := prepareSite(t, nil)
	failed, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.observer = &storage.Observer{Updated: func(time.Duration) {
		if s.keptFailures() > 0 {
			once.Do(func() { close(failed); <-goOn })
		}
	}}
	s.start("127.0.0.1:0")
	defer s.stop()
	r := newRequester(t)
	r.refuse(dimse.Errorf(dimse.StatusInvalidArgument, "never heard of it"))
	s.askAt(r.addr)
	r.next(t)
	<-failed
	r.refuse(nil)
	sent := make(chan error, 1)
	go func() {
		_, err := s.peers.SendOutgoing(context.Background(), "2.25.1")
		sent <- err
	}()
	for requestRows(t, s, index.CommitFailed) > 0 && len(sent) == 0 {
		runtime.Gosched()
	}
	close(goOn)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	r.next(t)
}

// keptFailures is how many jobs are kept as failures.
func (s *site) keptFailures() (n int) {
	err := s.store.View(context.Background(), func(tx index.ReadTx) error {
		rows, err := tx.Jobs()
		for i := range rows {
			if rows[i].State == string(jobs.Failure) {
				n++
			}
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return n
}
