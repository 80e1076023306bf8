package services_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

// A run that ended between keeping a request and hearing the answer is followed by one that asks again, under the same
// Transaction UID; an answered request is left alone.
func TestUnansweredRequestGoesOnAfterRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	k := newSink(t, s, nil)
	refs := []index.Reference{ctRef("1.2"), ctRef("1.3")}
	s.openFor("2.25.1", "sink", "SINK", refs, index.CommitPending, map[string]any{"Unanswered": true})
	s.openFor("2.25.2", "sink", "SINK", refs, index.CommitPending, nil)
	s.openFor("2.25.3", "gone", "GONE", refs, index.CommitPending, map[string]any{"Unanswered": true})
	s.restart()
	s.reach(s.report("2.25.1").Job, jobs.Success)
	s.restart() // nothing is left to ask
	if asked := s.asked(k); len(asked) != 1 || asked[0].TransactionUID != "2.25.1" || !slices.Equal(asked[0].References, refs) {
		t.Errorf("%+v", asked)
	}
	if rows := reports(t, s); len(rows) != 2 {
		t.Errorf("%d reports are left, want that of the peer that is gone dropped", len(rows))
	}
	if got := send(t, s, "SINK", 1, request("2.25.1", refs)); got != dimse.StatusSuccess {
		t.Error(got)
	}
}

// A peer may report in parts, as long as it does not contradict itself.
func TestReportInParts(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.know("pacs", modality(t, "PACS", "127.0.0.1:1"))
	a, b, c := ctRef("1.2.3"), ctRef("1.2.4"), ctRef("1.2.5")
	openTransaction(t, s, "2.25.1", a, b, c)
	failed := func(r index.Reference, reason uint16) *dicom.Dataset {
		ds := request("2.25.1", nil)
		item := request("", []index.Reference{r}).Items(dicom.TagReferencedSOPSequence)[0]
		item.SetUint16(dicom.TagFailureReason, reason)
		ds.SetItems(dicom.TagFailedSOPSequence, item)
		return ds
	}
	for _, x := range []struct {
		name  string
		event uint16
		ds    *dicom.Dataset
		want  dimse.Status
	}{
		{"the first", 1, request("2.25.1", []index.Reference{a}), dimse.StatusSuccess},
		{"one that fails", 2, failed(b, 0x0112), dimse.StatusSuccess},
		{"the same again", 2, failed(b, 0x0112), dimse.StatusSuccess},
		{"for another reason", 2, failed(b, 0x0110), dimse.StatusNoSuchSOPInstance},
		{"failed after all", 2, failed(a, 0x0112), dimse.StatusNoSuchSOPInstance},
		{"committed after all", 1, request("2.25.1", []index.Reference{b}), dimse.StatusNoSuchSOPInstance},
		{"the rest", 1, request("2.25.1", []index.Reference{a, c}), dimse.StatusSuccess},
	} {
		if got := send(t, s, "PACS", x.event, x.ds); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
	report := s.report("2.25.1")
	want := []index.CommitFailureItem{{Reference: b, Reason: 0x0112}}
	if report.Status != index.CommitFailure || !slices.Equal(report.Success, []index.Reference{a, c}) ||
		!slices.Equal(report.Failures, want) || len(report.Missing)+len(report.Extra) != 0 {
		t.Errorf("%+v", report)
	}
}

// putCopy stores an image under a given SOP Instance UID.
func (s *site) putCopy(patient string, class, study, series, instance dicom.UID) index.Reference {
	s.t.Helper()
	i := phantom.Image{SOPClassUID: class, PatientID: patient, Study: study, Series: series, Instance: instance, Side: 2}
	data, err := i.Dataset()
	if err == nil {
		_, err = s.store.Put(s.t.Context(), &storage.PutRequest{
			Data: strings.NewReader(string(data)), Received: true, SOPClassUID: class, SOPInstanceUID: instance, TransferSyntax: dicom.ExplicitVRLittleEndian,
		})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return index.Reference{SOPClassUID: class, SOPInstanceUID: instance}
}

// An instance counts as present if any stored copy has its class, also when the same SOP Instance UID is stored under
// two patients, where Orthanc says 0112H.
func TestSameInstanceUnderTwoPatients(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, nil)
	one := gives.putCopy("A", dicom.CTImageStorage, "1.2.1", "1.2.1.1", "1.2.3.4")
	gives.putCopy("B", dicom.CTImageStorage, "1.2.2", "1.2.2.1", "1.2.3.4")
	ct := gives.putCopy("A", dicom.CTImageStorage, "1.2.1", "1.2.1.1", "1.2.3.5")
	mr := gives.putCopy("B", dicom.MRImageStorage, "1.2.2", "1.2.2.1", "1.2.3.5")
	us := index.Reference{SOPClassUID: dicom.UID("1.2.840.10008.5.1.4.1.1.6.1"), SOPInstanceUID: "1.2.3.5"}
	uid, err := asks.peers.RequestCommitment(t.Context(), "pacs", []index.Reference{one, ct, mr, us}, jobkinds.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := asks.peers.WaitReport(t.Context(), uid)
	want := []index.CommitFailureItem{{Reference: us, Reason: jobkinds.ReasonClassInstanceConflict}}
	if err != nil || !slices.Equal(report.Success, []index.Reference{one, ct, mr}) || !slices.Equal(report.Failures, want) {
		t.Errorf("%+v %v", report, err)
	}
}

// One request for each study or series, each with no more instances than it may have, all on one association.
func TestRequestIsSplit(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	k := newSink(t, s, nil)
	var refs []index.Reference
	for i, place := range [][2]dicom.UID{{"1.1", "1.1.1"}, {"1.2", "1.2.1"}, {"1.1", "1.1.2"}, {"1.1", "1.1.1"}} {
		refs = append(refs, s.putCopy("A", dicom.CTImageStorage, place[0], place[1], place[1]+dicom.UID([]string{".1", ".2", ".3", ".4"}[i])))
	}
	refs = append(refs, ctRef("9.9.1"), ctRef("9.9.2"))
	asked := 0
	for name, x := range map[string]struct {
		split jobkinds.Split
		want  [][]int
	}{
		"not at all":         {jobkinds.Split{}, [][]int{{0, 1, 2, 3, 4, 5}}},
		"by number":          {jobkinds.Split{Max: 4}, [][]int{{0, 1, 2, 3}, {4, 5}}},
		"by study":           {jobkinds.Split{By: index.Study}, [][]int{{0, 2, 3}, {1}, {4, 5}}},
		"by series":          {jobkinds.Split{By: index.Series}, [][]int{{0, 3}, {1}, {2}, {4, 5}}},
		"by series and more": {jobkinds.Split{By: index.Series, Max: 1}, [][]int{{0}, {3}, {1}, {2}, {4}, {5}}},
	} {
		groups, err := s.peers.SplitReferences(t.Context(), refs, x.split)
		if err != nil || len(groups) != len(x.want) {
			t.Errorf("%s: %v %v", name, groups, err)
			continue
		}
		for i, group := range x.want {
			for j, n := range group {
				if len(groups[i]) != len(group) || groups[i][j] != refs[n] {
					t.Errorf("%s: group %d is %v", name, i, groups[i])
				}
			}
		}
		answers, err := s.peers.RequestCommitments(t.Context(), "sink", groups, jobkinds.CommitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		came := map[dicom.UID]int{}
		for _, rq := range s.asked(k)[asked:] {
			came[rq.TransactionUID] = len(rq.References)
		}
		asked += len(answers)
		said := map[dicom.UID]int{}
		for _, a := range answers {
			said[a.TransactionUID] = a.Instances
		}
		if !maps.Equal(came, said) {
			t.Errorf("%s: answered %v, asked %v", name, said, came)
		}
	}
}

// Where the peer refuses one of several requests, the others stand, and that one leaves no report.
func TestOneOfSeveralRequestsRefused(t *testing.T) {
	t.Parallel()
	asks, gives := pair(t, func(_, gives *config.Config) { gives.StorageCommitmentMaximumReferences = 2 })
	refs := gives.putInto(3)
	asked, err := asks.peers.RequestCommitments(t.Context(), "pacs", [][]index.Reference{refs[:1], refs, refs[1:]}, jobkinds.CommitOptions{})
	if err != nil || len(asked) != 3 || asked[0].Err != nil || asked[1].Err == nil || asked[2].Err != nil {
		t.Fatalf("%+v %v", asked, err)
	}
	for _, a := range []jobkinds.Asked{asked[0], asked[2]} {
		if report, err := asks.peers.WaitReport(t.Context(), a.TransactionUID); err != nil || report.Status != index.CommitSuccess {
			t.Errorf("%+v %v", report, err)
		}
	}
	if rows := reports(t, asks); len(rows) != 2 {
		t.Errorf("%d reports are left", len(rows))
	}
}
