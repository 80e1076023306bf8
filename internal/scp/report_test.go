package scp_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

func commitmentData(transaction dicom.UID) *dicom.Dataset {
	item := new(dicom.Dataset)
	item.SetUID(dicom.TagReferencedSOPClassUID, dicom.CTImageStorage)
	item.SetUID(dicom.TagReferencedSOPInstanceUID, "1.2.3")
	ds := new(dicom.Dataset)
	ds.SetUID(dicom.TagTransactionUID, transaction)
	ds.SetItems(dicom.TagReferencedSOPSequence, item)
	return ds
}

func commitmentAction(transaction dicom.UID) *scu.ActionRequest {
	return &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		ActionTypeID: 1, Dataset: commitmentData(transaction),
	}
}

func commitmentReport(transaction dicom.UID) *scp.EventReport {
	return &scp.EventReport{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		EventTypeID: 1, Dataset: commitmentData(transaction),
	}
}

// received gives the transaction of each report that comes in.
func received(t *testing.T, status error) (*handler, chan dicom.UID) {
	got := make(chan dicom.UID, 10)
	return &handler{event: func(_ context.Context, rq *scp.EventReportRequest) error {
		ds, err := rq.Dataset(codec.DefaultLimits())
		if err != nil {
			return err
		}
		if rq.SOPClassUID != dicom.StorageCommitmentPushModel || rq.SOPInstanceUID != dicom.StorageCommitmentPushModelInstance ||
			rq.EventTypeID != 1 || len(ds.Items(dicom.TagReferencedSOPSequence)) != 1 {
			t.Errorf("event %+v", rq)
		}
		got <- ds.UID(dicom.TagTransactionUID)
		return status
	}}, got
}

// The report goes over the association on which the action came, while the client stores on it and waits for answers.
func TestReportOnTheSameAssociation(t *testing.T) {
	t.Parallel()
	answers := make(chan *dimse.Command, 1)
	server := &handler{action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
		ds, err := rq.Dataset(codec.DefaultLimits())
		if err != nil {
			return nil, err
		}
		report := commitmentReport(ds.UID(dicom.TagTransactionUID))
		return &scp.ActionResult{After: func(ctx context.Context) {
			rsp, err := rq.Association.EventReport(ctx, report)
			if err != nil {
				t.Error(err)
			}
			answers <- rsp
		}}, nil
	}}
	for _, window := range []uint16{1, 4} {
		client, got := received(t, nil)
		_, addr := serve(t, scp.Config{Handler: server, AsyncWindow: window})
		cfg := clientConfig(addr)
		cfg.Handler = client
		cfg.Async = &dul.AsyncWindow{Invoked: 4, Performed: 4}
		c := dial(t, cfg)
		results := storeAll(t, c, 3)
		rsp, err := c.Action(t.Context(), commitmentAction("1.2.840.1"))
		if err != nil || rsp.Err() != nil || rsp.Command.ActionTypeID != 1 {
			t.Fatalf("action: %+v, %v", rsp, err)
		}
		if uid := <-got; uid != "1.2.840.1" {
			t.Errorf("report of %s", uid)
		}
		if rsp := <-answers; rsp == nil || rsp.Status != dimse.StatusSuccess || rsp.EventTypeID != 1 ||
			rsp.AffectedSOPInstanceUID != dicom.StorageCommitmentPushModelInstance {
			t.Errorf("answer to the report: %+v", rsp)
		}
		for range 3 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if err := c.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A client that releases right after the answer cannot be told: the server learns so at once.
func TestReportAfterTheClientHasGone(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	result := make(chan error, 1)
	server := &handler{action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
		return &scp.ActionResult{After: func(context.Context) {
			<-gone
			<-rq.Association.Done()
			_, err := rq.Association.EventReport(context.Background(), commitmentReport("1.2.3"))
			result <- err
		}}, nil
	}}
	_, addr := serve(t, scp.Config{Handler: server})
	c := dial(t, clientConfig(addr))
	if _, err := c.Action(t.Context(), commitmentAction("1.2.3")); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	close(gone)
	if err := <-result; !errors.Is(err, dimse.ErrReleased) {
		t.Errorf("report: %v", err)
	}
}

// The peer may release while it owes the answer to a report.
func TestReleaseInsteadOfAnAnswer(t *testing.T) {
	t.Parallel()
	result := make(chan error, 1)
	server := &handler{action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
		return &scp.ActionResult{After: func(ctx context.Context) {
			_, err := rq.Association.EventReport(ctx, commitmentReport("1.2.3"))
			result <- err
		}}, nil
	}}
	_, addr := serve(t, scp.Config{Handler: server})
	c := call(t, addr)
	rq := dimse.Command{
		Field: dimse.NActionRQ, MessageID: 1, ActionTypeID: 1,
		RequestedSOPClassUID: dicom.StorageCommitmentPushModel, RequestedSOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
	}
	if rsp := ask(t, c, 5, rq, nil); rsp.Status != dimse.StatusSuccess {
		t.Fatalf("action: %v", rsp.Status)
	}
	m, err := c.Receive(t.Context())
	if err != nil || m.Command.Field != dimse.NEventReportRQ {
		t.Fatalf("report: %+v, %v", m, err)
	}
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Assoc().Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-result; err == nil {
		t.Error("a report that was never answered counts as delivered")
	}
}

// A new association carries the report when its requestor has the role of SCP; a server takes it with the roles
// 0/1, 1/1 and none, as peers differ.
func TestReportOnANewAssociation(t *testing.T) {
	t.Parallel()
	server, got := received(t, nil)
	_, addr := serve(t, scp.Config{Handler: server})
	report := &scu.EventReportRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		EventTypeID: 1, Encode: func(syntax dicom.UID) (io.Reader, error) { return scp.Encode(commitmentData("1.2.3"), syntax) },
	}
	both := scu.ProviderRole(dicom.StorageCommitmentPushModel)
	both.SCU = true
	for _, tt := range []struct {
		name    string
		roles   []dul.RoleSelection
		lenient bool
		ok      bool
	}{
		{"0/1", []dul.RoleSelection{scu.ProviderRole(dicom.StorageCommitmentPushModel)}, false, true},
		{"1/1", []dul.RoleSelection{both}, false, true},
		{"none, strict", nil, false, false},
		{"none, lenient", nil, true, true},
	} {
		cfg := clientConfig(addr)
		cfg.Roles, cfg.LenientRoles = tt.roles, tt.lenient
		rsp, err := dial(t, cfg).EventReport(t.Context(), report)
		var role *scu.RoleError
		switch {
		case tt.ok && (err != nil || rsp.Err() != nil || rsp.Command.EventTypeID != 1 || <-got != "1.2.3"):
			t.Errorf("%s: %+v, %v", tt.name, rsp, err)
		case !tt.ok && !errors.As(err, &role):
			t.Errorf("%s: %v, want a RoleError", tt.name, err)
		}
	}
}

func TestStatusesOfActionsAndReports(t *testing.T) {
	t.Parallel()
	refused := dimse.Errorf(dimse.StatusNoSuchActionType, "action type 2")
	after := func(context.Context) { t.Error("a failed action went on") }
	server := &handler{
		action: func(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
			if b, err := io.ReadAll(rq.Data); rq.HasDataset || err != nil || len(b) > 0 {
				t.Errorf("data set of an action without one: %x, %v", b, err)
			}
			return &scp.ActionResult{After: after}, refused
		},
		event: func(context.Context, *scp.EventReportRequest) error {
			return dimse.Errorf(dimse.StatusNoSuchEventType, "event type 9")
		},
	}
	_, addr := serve(t, scp.Config{Handler: server})
	cfg := clientConfig(addr)
	cfg.LenientRoles = true
	c := dial(t, cfg)
	action := commitmentAction("1.2.3")
	action.Dataset = nil
	rsp, err := c.Action(t.Context(), action)
	var status *dimse.StatusError
	if err != nil || !errors.As(rsp.Err(), &status) || status.Status != dimse.StatusNoSuchActionType || status.Comment != "action type 2" {
		t.Errorf("action: %+v, %v", rsp, err)
	}
	rsp, err = c.EventReport(t.Context(), &scu.EventReportRequest{SOPClassUID: dicom.StorageCommitmentPushModel,
		SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, EventTypeID: 9, Dataset: commitmentData("1.2")})
	if err != nil || rsp.Status != dimse.StatusNoSuchEventType {
		t.Errorf("report: %+v, %v", rsp, err)
	}
}

// An action's reply is a data set of the response.
func TestActionReply(t *testing.T) {
	t.Parallel()
	server := &handler{action: func(context.Context, *scp.ActionRequest) (*scp.ActionResult, error) {
		return &scp.ActionResult{Reply: commitmentData("1.2.3.4")}, nil
	}}
	_, addr := serve(t, scp.Config{Handler: server})
	rsp, err := dial(t, clientConfig(addr)).Action(t.Context(), commitmentAction("1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := codec.Marshal(commitmentData("1.2.3.4"), dicom.LookupTransferSyntax(rsp.TransferSyntax))
	if err != nil || string(want) != string(rsp.Dataset) {
		t.Errorf("reply %x, want %x (%v)", rsp.Dataset, want, err)
	}
}
