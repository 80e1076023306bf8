package services_test

import (
	"context"
	"slices"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scp"
	"gantry/internal/storage/index"
)

// hasty reports before it answers the request.
type hasty struct {
	t    *testing.T
	site *site
}

func (h *hasty) Action(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	data, err := jobkinds.ReadCommitmentData(rq.Data, rq.TransferSyntax, 0)
	if err != nil {
		return nil, err
	}
	if got := send(h.t, h.site, "HASTY", 1, request(data.TransactionUID, data.References)); got != dimse.StatusSuccess {
		h.t.Errorf("report: %s", got)
	}
	return nil, nil
}

// A report may overtake the response to its request.
func TestReportOvertakesResponse(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAet = "ASKS" })
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: &hasty{t, s}, Accept: acceptFirst})
	t.Cleanup(func() { cancel(); <-done })
	s.know("hasty", modality(t, "HASTY", addr))
	uid, err := s.peers.RequestCommitment(t.Context(), "hasty", []index.Reference{ctRef("1.2.3")}, jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := s.peers.Report(t.Context(), uid); err != nil || report.Status != index.CommitSuccess {
		t.Errorf("%+v %v", report, err)
	}
}

// A request we sent is still open after a restart, and its report is taken then.
func TestPendingReportSurvivesRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAet = "ASKS" })
	newSink(t, s, nil)
	refs := []index.Reference{ctRef("1.2.3")}
	uid, err := s.peers.RequestCommitment(t.Context(), "sink", refs, jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	if report, err := s.peers.Report(t.Context(), uid); err != nil || report.Status != index.CommitPending {
		t.Fatalf("%+v %v", report, err)
	}
	if got := send(t, s, "SINK", 1, request(uid, refs)); got != dimse.StatusSuccess {
		t.Fatal(got)
	}
	s.restart()
	if report, err := s.peers.Report(t.Context(), uid); err != nil || report.Status != index.CommitSuccess || !slices.Equal(report.Success, refs) {
		t.Errorf("%+v %v", report, err)
	}
}

// When a crash falls between sending a report and noting it, the same bytes go out again.
func TestCrashAfterSending(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.SaveJobs = false })
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	if err := ask(t, s.dial("SCU", nil), "2.25.1", append(s.putInto(2), ctRef("1.2.3"))); err != nil {
		t.Fatal(err)
	}
	first := r.next(t)
	s.reach(s.commitmentJobs()[0], jobs.Success)
	err := s.store.Update(t.Context(), func(tx index.Tx) error {
		row, err := tx.CommitRequest("SCU", "2.25.1")
		if err != nil {
			return err
		}
		row.State = index.CommitDecided
		return tx.PutCommitRequest(row)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.putInto(1)
	s.restart()
	if again := r.next(t); again.bytes != first.bytes || again.event != first.event {
		t.Errorf("another report: %+v, not %+v", again, first)
	}
}

// A request that was kept and not looked at before a crash is decided after it.
func TestCrashBeforeDeciding(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	refs := s.putInto(2)
	err := s.store.Update(t.Context(), func(tx index.Tx) error {
		row := &index.CommitRequest{PeerAET: "SCU", TransactionUID: "2.25.1", CalledAET: "GANTRY", PeerAddr: "127.0.0.1", State: index.CommitOpen, Count: 2}
		if err := tx.PutCommitRequest(row); err != nil {
			return err
		}
		return tx.PutCommitReferences("SCU", "2.25.1", 0, refs)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	if got := r.next(t); got.event != 1 || !slices.Equal(got.data.References, refs) || got.data.TransactionUID != dicom.UID("2.25.1") {
		t.Errorf("%+v", got)
	}
}
