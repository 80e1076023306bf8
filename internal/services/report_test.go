package services_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/scu"
	"gantry/internal/storage/index"
)

// pair returns two servers that know each other: one asks for commitment, the other gives it.
func pair(t *testing.T, change func(asks, gives *config.Config)) (asks, gives *site) {
	t.Helper()
	set := func(aet string, first bool) func(*config.Config) {
		return func(c *config.Config) {
			c.DicomAet = aet
			if change == nil {
				return
			}
			if first {
				change(c, config.Default())
			} else {
				change(config.Default(), c)
			}
		}
	}
	asks, gives = newSite(t, set("ASKS", true)), newSite(t, set("GIVES", false))
	asks.know("pacs", modality(t, "GIVES", gives.addr))
	gives.know("modality", modality(t, "ASKS", asks.addr))
	return asks, gives
}

func TestCommitmentBetweenTwo(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	refs := append(gives.putInto(3), ctRef("1.2.3"))
	uid, err := asks.peers.RequestCommitment(t.Context(), "pacs", refs, jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := asks.peers.WaitReport(t.Context(), uid)
	if err != nil {
		t.Fatal(err)
	}
	want := []index.CommitFailureItem{{Reference: refs[3], Reason: jobkinds.ReasonNoSuchInstance}}
	if report.Status != index.CommitFailure || !slices.Equal(report.Success, refs[:3]) || !slices.Equal(report.Failures, want) || report.RemoteAET != "GIVES" {
		t.Errorf("%+v", report)
	}
	if err := asks.peers.RemoveCommitted(t.Context(), uid); !errors.Is(err, jobkinds.ErrNotCommitted) {
		t.Errorf("remove after a failure: %v", err)
	}
}

// The same on one association, which stays open for the report.
func TestCommitmentBetweenTwoOnOneAssociation(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	same := modality(t, "GIVES", gives.addr)
	same.StorageCommitmentDelivery = "same"
	asks.know("pacs", same)
	back := modality(t, "ASKS", "127.0.0.1:1")
	back.StorageCommitmentDelivery = "same"
	gives.know("modality", back)
	refs := gives.putInto(3)
	uid, err := asks.peers.RequestCommitment(t.Context(), "pacs", refs, jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := asks.peers.WaitReport(t.Context(), uid); err != nil || report.Status != index.CommitSuccess {
		t.Errorf("%+v %v", report, err)
	}
}

// Nothing but the committed instances goes, and only on success.
func TestRemoveCommitted(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	refs := asks.putInto(3)
	for _, ref := range refs[:2] {
		copyInstance(t, asks, gives, ref)
	}
	uid, err := asks.peers.RequestCommitment(t.Context(), "pacs", refs[:2], jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := asks.peers.WaitReport(t.Context(), uid); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second time there is nothing left to remove, which is no error
		if err := asks.peers.RemoveCommitted(t.Context(), uid); err != nil {
			t.Fatal(err)
		}
	}
	found, err := asks.store.Lookup(t.Context(), refs)
	if err != nil || found[0].Present || found[1].Present || !found[2].Present {
		t.Errorf("%+v %v", found, err)
	}
	if err := asks.peers.RemoveCommitted(t.Context(), "2.25.1"); !errors.Is(err, jobkinds.ErrUnknownTransaction) {
		t.Errorf("unknown transaction: %v", err)
	}
}

// copyInstance sends an instance from one site to the other.
func copyInstance(t *testing.T, from, to *site, ref index.Reference) {
	t.Helper()
	var id index.ID
	err := from.store.View(t.Context(), func(tx index.ReadTx) error {
		found, err := tx.Identify(string(ref.SOPInstanceUID))
		if err == nil {
			id = found[0].ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	object, err := from.store.OpenInstance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	data, _, err := object.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	rsp, err := to.dial("COPY", nil).Store(t.Context(), &scu.StoreRequest{
		SOPClassUID: ref.SOPClassUID, SOPInstanceUID: ref.SOPInstanceUID, TransferSyntax: object.TransferSyntax, Data: data,
	})
	if err == nil {
		err = rsp.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A request that does not reach its peer, or that the peer refuses, leaves no report behind.
func TestFailedRequestLeavesNothing(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	asks.know("away", modality(t, "GIVES", "127.0.0.1:1"))
	refs := gives.putInto(1)
	if _, err := asks.peers.RequestCommitment(t.Context(), "away", refs, jobkinds.CommitOptions{}); err == nil {
		t.Error("nobody listens there")
	}
	if err := gives.table.Delete(t.Context(), "modality"); err != nil {
		t.Fatal(err)
	}
	var status *dimse.StatusError
	if _, err := asks.peers.RequestCommitment(t.Context(), "pacs", refs, jobkinds.CommitOptions{}); !errors.As(err, &status) || status.Status != dimse.StatusNotAuthorized {
		t.Errorf("forbidden: %v", err)
	}
	var unknown *jobkinds.UnknownModalityError
	if _, err := asks.peers.RequestCommitment(t.Context(), "nobody", refs, jobkinds.CommitOptions{}); !errors.As(err, &unknown) {
		t.Errorf("unknown modality: %v", err)
	}
	if _, err := asks.peers.RequestCommitment(t.Context(), "pacs", nil, jobkinds.CommitOptions{}); !errors.Is(err, jobkinds.ErrNoReferences) {
		t.Errorf("no references: %v", err)
	}
	if rows := reports(t, asks); len(rows) != 0 {
		t.Errorf("%d reports are left", len(rows))
	}
}

func reports(t *testing.T, s *site) (rows []index.CommitReport) {
	t.Helper()
	err := s.store.View(t.Context(), func(tx index.ReadTx) (err error) {
		rows, err = tx.CommitReports()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// send reports to the site under an AE title and returns the status of the answer.
func send(t *testing.T, s *site, aet string, event uint16, ds *dicom.Dataset) dimse.Status {
	t.Helper()
	c, err := scu.Dial(t.Context(), scu.Config{
		Addr: s.addr, CallingAET: aet, CalledAET: "ASKS",
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(dicom.StorageCommitmentPushModel), TransferSyntaxes: []string{string(dicom.ImplicitVRLittleEndian)}}},
		Roles:    []dul.RoleSelection{{SOPClassUID: string(dicom.StorageCommitmentPushModel), SCP: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	rsp, err := c.EventReport(t.Context(), &scu.EventReportRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, EventTypeID: event, Dataset: ds,
	})
	if err != nil {
		t.Fatal(err)
	}
	return rsp.Status
}

// openTransaction puts a pending report into the site's database, as if the peer had been asked.
func openTransaction(t *testing.T, s *site, uid string, refs ...index.Reference) {
	t.Helper()
	openTransactionOf(t, s, "PACS", uid, refs...)
}

func openTransactionOf(t *testing.T, s *site, aet, uid string, refs ...index.Reference) {
	t.Helper()
	err := s.store.Update(t.Context(), func(tx index.Tx) error {
		return tx.PutCommitReport(&index.CommitReport{TransactionUID: uid, RemoteAET: aet, Status: index.CommitPending, Requested: refs})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Reports are accepted from the peer that was asked and while the transaction is open, and from nobody else.
func TestReportsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAet = "ASKS" })
	s.know("pacs", modality(t, "PACS", "127.0.0.1:1"))
	s.know("other", modality(t, "OTHER", "127.0.0.1:1"))
	forbidden := modality(t, "FORBIDDEN", "127.0.0.1:1")
	forbidden.AllowEventReport = false
	s.know("forbidden", forbidden)
	a, b := ctRef("1.2.3"), ctRef("1.2.4")
	openTransaction(t, s, "2.25.1", a, b)
	openTransactionOf(t, s, "FORGOTTEN", "2.25.3", a)
	openTransactionOf(t, s, "FORBIDDEN", "2.25.4", a)
	many := slices.Repeat([]index.Reference{a}, 1005)
	all, part, other := request("2.25.1", []index.Reference{a, b}), request("2.25.1", []index.Reference{a}), request("2.25.1", []index.Reference{ctRef("1.2.5")})
	for _, x := range []struct {
		name, aet string
		event     uint16
		ds        *dicom.Dataset
		want      dimse.Status
	}{
		{"unknown AE title", "STRANGER", 1, all, dimse.StatusNotAuthorized},
		{"forbidden AE title", "FORBIDDEN", 1, all, dimse.StatusNotAuthorized},
		{"forbidden AE title that was asked", "FORBIDDEN", 1, request("2.25.4", []index.Reference{a}), dimse.StatusNotAuthorized},
		{"asked, and not listed any more", "FORGOTTEN", 1, request("2.25.3", []index.Reference{a}), dimse.StatusSuccess},
		{"the same for another's transaction", "FORGOTTEN", 1, all, dimse.StatusInvalidArgument},
		{"a peer that was not asked", "OTHER", 1, all, dimse.StatusInvalidArgument},
		{"unknown transaction", "PACS", 1, request("2.25.2", []index.Reference{a}), dimse.StatusInvalidArgument},
		{"event type 3", "PACS", 3, all, dimse.StatusNoSuchEventType},
		{"no data set", "PACS", 1, nil, dimse.StatusInvalidArgument},
		{"type 1 about nothing (PS3.4 J.3.3)", "PACS", 1, request("2.25.1", nil), dimse.StatusInvalidArgument},
		{"far more than was asked for", "PACS", 1, request("2.25.1", many), dimse.StatusInvalidArgument},
		{"the report", "PACS", 1, all, dimse.StatusSuccess},
		{"the report again", "PACS", 1, all, dimse.StatusSuccess},
		{"a part of it again", "PACS", 1, part, dimse.StatusSuccess},
		{"another report", "PACS", 1, other, dimse.StatusNoSuchSOPInstance},
	} {
		if got := send(t, s, x.aet, x.event, x.ds); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
	report, err := s.peers.Report(t.Context(), "2.25.1")
	if err != nil || report.Status != index.CommitSuccess || !slices.Equal(report.Success, []index.Reference{a, b}) {
		t.Errorf("%+v %v", report, err)
	}
}

// What the peer forgot or made up is told, and a report with holes is no success.
func TestReportIsCompared(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAet = "ASKS" })
	s.know("pacs", modality(t, "PACS", "127.0.0.1:1"))
	a, b, c := ctRef("1.2.3"), ctRef("1.2.4"), ctRef("1.2.5")
	openTransaction(t, s, "2.25.1", a, b)
	if got := send(t, s, "PACS", 1, request("2.25.1", []index.Reference{a, c})); got != dimse.StatusSuccess {
		t.Fatal(got)
	}
	report, err := s.peers.Report(t.Context(), "2.25.1")
	if err != nil || report.Status != index.CommitFailure || !slices.Equal(report.Missing, []index.Reference{b}) || !slices.Equal(report.Extra, []index.Reference{c}) {
		t.Errorf("%+v %v", report, err)
	}
}

// StorageCommitmentReportsSize counts finished reports; the least recently used goes first, an open one never.
func TestReportsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.DicomAet, c.StorageCommitmentReportsSize = "ASKS", 2 })
	s.know("pacs", modality(t, "PACS", "127.0.0.1:1"))
	openTransaction(t, s, "2.25.99", ctRef("1.2"))
	finish := func(n int) {
		t.Helper()
		uid := fmt.Sprintf("2.25.%d", n)
		openTransaction(t, s, uid, ctRef("1.2"))
		if got := send(t, s, "PACS", 1, request(dicom.UID(uid), []index.Reference{ctRef("1.2")})); got != dimse.StatusSuccess {
			t.Fatal(got)
		}
	}
	finish(1)
	finish(2)
	if _, err := s.peers.Report(t.Context(), "2.25.1"); err != nil {
		t.Fatal(err)
	}
	finish(3)
	for uid, want := range map[dicom.UID]error{"2.25.1": nil, "2.25.2": jobkinds.ErrUnknownTransaction, "2.25.3": nil, "2.25.99": nil} {
		if _, err := s.peers.Report(t.Context(), uid); !errors.Is(err, want) {
			t.Errorf("%s: %v", uid, err)
		}
	}
}

func TestWaitReportEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	openTransaction(t, s, "2.25.1", ctRef("1.2"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if report, err := s.peers.WaitReport(ctx, "2.25.1"); !errors.Is(err, context.Canceled) || report != nil && report.Status != index.CommitPending {
		t.Errorf("%+v %v", report, err)
	}
}
