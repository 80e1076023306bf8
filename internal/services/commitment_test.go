package services_test

import (
	"errors"
	"slices"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scu"
	"gantry/internal/storage/index"
)

// reasons returns the failure reason of each reference of a report, 0 for those committed.
func reasons(data *jobkinds.CommitmentData) map[index.Reference]uint16 {
	m := map[index.Reference]uint16{}
	for _, r := range data.References {
		m[r] = 0
	}
	for _, f := range data.Failures {
		m[f.Reference] = f.Reason
	}
	return m
}

// The report comes on a new association whose calling AE title is the one that was called, and gives each reference its
// reason (PS3.3 C.14.1.1).
func TestCommitmentReport(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	stored := s.putInto(2)
	want := map[index.Reference]uint16{
		stored[0]: 0,
		stored[1]: 0,
		{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3.4"}:                  jobkinds.ReasonNoSuchInstance,
		{SOPClassUID: dicom.MRImageStorage, SOPInstanceUID: stored[0].SOPInstanceUID}:   jobkinds.ReasonClassInstanceConflict,
		{SOPClassUID: dicom.VerificationSOPClass, SOPInstanceUID: "1.2.3.5"}:            jobkinds.ReasonClassNotSupported,
		{SOPClassUID: "1.2.840.113619.4.999", SOPInstanceUID: stored[1].SOPInstanceUID}: jobkinds.ReasonClassInstanceConflict,
	}
	var refs []index.Reference
	for ref := range want {
		refs = append(refs, ref)
	}
	c := s.dial("SCU", nil)
	if err := ask(t, c, "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	got := r.next(t)
	if got.calling != "GANTRY" || got.called != "SCU" || got.event != 2 || got.data.TransactionUID != "2.25.1" {
		t.Errorf("%+v", got)
	}
	for ref, reason := range reasons(got.data) {
		if want[ref] != reason {
			t.Errorf("%v: %04XH, want %04XH", ref, reason, want[ref])
		}
	}
	if len(got.data.References)+len(got.data.Failures) != len(refs) {
		t.Errorf("%d of %d references reported on", len(got.data.References)+len(got.data.Failures), len(refs))
	}
	id := s.commitmentJobs()[0]
	if info := s.reach(id, jobs.Success, jobs.Failure); info.State != jobs.Success || info.Progress() != 100 {
		t.Errorf("job: %+v", info)
	}

	if err := ask(t, c, "2.25.2", stored); err != nil {
		t.Fatal(err)
	}
	if got := r.next(t); got.event != 1 || !slices.Equal(got.data.References, stored) {
		t.Errorf("all stored: %+v", got)
	}
}

// Every way to ask wrongly has its status; the association goes on (PS3.7 C.5).
func TestCommitmentRefusals(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentMaximumReferences = 3 })
	s.know("scu", modality(t, "SCU", "127.0.0.1:1"))
	silent := modality(t, "FORBIDDEN", "127.0.0.1:1")
	silent.AllowNAction = false
	s.know("forbidden", silent)
	good := []index.Reference{{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3"}}
	model, instance := dicom.StorageCommitmentPushModel, dicom.StorageCommitmentPushModelInstance
	for name, x := range map[string]struct {
		aet  string
		rq   scu.ActionRequest
		want dimse.Status
	}{
		"unknown AE title":    {"STRANGER", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1, Dataset: request("2.25.1", good)}, dimse.StatusNotAuthorized},
		"forbidden AE title":  {"FORBIDDEN", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1, Dataset: request("2.25.1", good)}, dimse.StatusNotAuthorized},
		"other SOP instance":  {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: "1.2.3", ActionTypeID: 1, Dataset: request("2.25.1", good)}, dimse.StatusNoSuchSOPInstance},
		"action type 2":       {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 2, Dataset: request("2.25.1", good)}, dimse.StatusNoSuchActionType},
		"no data set":         {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1}, dimse.StatusInvalidArgument},
		"no Transaction UID":  {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1, Dataset: request("", good)}, dimse.StatusInvalidArgument},
		"no references":       {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1, Dataset: request("2.25.1", nil)}, dimse.StatusInvalidArgument},
		"item without UIDs":   {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1, Dataset: request("2.25.1", []index.Reference{{}})}, dimse.StatusInvalidArgument},
		"too many references": {"SCU", scu.ActionRequest{SOPClassUID: model, SOPInstanceUID: instance, ActionTypeID: 1, Dataset: request("2.25.1", slices.Repeat(good, 4))}, dimse.StatusResourceLimitation},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(x.aet, nil)
			rsp, err := c.Action(t.Context(), &x.rq)
			if err != nil || rsp.Status != x.want {
				t.Errorf("%v %v, want %s", rsp, err, x.want)
			}
			if err := c.Echo(t.Context()); err != nil {
				t.Errorf("the association is gone: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		if ids := s.commitmentJobs(); len(ids) != 0 {
			t.Errorf("%d jobs for refused requests", len(ids))
		}
	})
}

// A repeat by the same peer is answered with success and gets the same bytes, whether its report was delivered or not;
// while it is open there is no second report.
func TestCommitmentRepeat(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", "127.0.0.1:1")) // not reachable yet
	refs := s.putInto(3)
	c := s.dial("SCU", nil)
	if err := ask(t, c, "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	id := s.commitmentJobs()[0]
	if info := s.reach(id, jobs.Retry); info.Attempt == 0 || info.ErrorDetails == "" {
		t.Errorf("%+v", info)
	}
	s.know("scu", modality(t, "SCU", r.addr))
	if err := ask(t, c, "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	first := r.next(t)
	s.reach(id, jobs.Success)
	if ids := s.commitmentJobs(); len(ids) != 1 {
		t.Errorf("%d jobs for one transaction", len(ids))
	}
	extra := s.putInto(1) // what is stored later does not change a report
	if err := ask(t, c, "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	if second := r.next(t); second.bytes != first.bytes || second.event != first.event {
		t.Errorf("another report: %+v, not %+v", second, first)
	}
	for _, id := range s.commitmentJobs() {
		s.reach(id, jobs.Success)
	}
	if err := ask(t, c, "2.25.1", extra); err != nil { // the first transaction is closed: a new one may use its UID
		t.Fatal(err)
	}
	if third := r.next(t); third.event != 1 || !slices.Equal(third.data.References, extra) {
		t.Errorf("%+v", third)
	}
}

// An open Transaction UID used for something else, by the same peer or another: every item fails with 0131H, the report
// goes to whoever sent it, and the first transaction is untouched.
func TestCommitmentDuplicateTransaction(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	first, second := newRequester(t), newRequester(t)
	s.know("first", modality(t, "FIRST", "127.0.0.1:1"))
	s.know("second", modality(t, "SECOND", second.addr))
	refs, others := s.putInto(2), s.putInto(2)
	if err := ask(t, s.dial("FIRST", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	id := s.commitmentJobs()[0]
	s.reach(id, jobs.Retry)
	if err := ask(t, s.dial("SECOND", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	for ref, reason := range reasons(second.next(t).data) {
		if reason != jobkinds.ReasonDuplicateTransaction {
			t.Errorf("%v: %04XH", ref, reason)
		}
	}
	s.know("first", modality(t, "FIRST", first.addr))
	if err := ask(t, s.dial("FIRST", nil), "2.25.1", others); err != nil {
		t.Fatal(err)
	}
	duplicate := first.next(t)
	for ref, reason := range reasons(duplicate.data) {
		if reason != jobkinds.ReasonDuplicateTransaction || !slices.Contains(others, ref) {
			t.Errorf("%v: %04XH", ref, reason)
		}
	}
	if err := s.engine.TryNow(t.Context(), id); err != nil && !errors.Is(err, jobs.ErrState) {
		t.Fatal(err)
	}
	if got := first.next(t); got.event != 1 || !slices.Equal(got.data.References, refs) {
		t.Errorf("the first transaction: %+v", got)
	}
}
