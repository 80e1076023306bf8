package jobkinds

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"gantry/internal/storage/index"
)

// A report is compared with what was asked for: only one that commits to all of it is a success.
func TestFinish(t *testing.T) {
	t.Parallel()
	a, b, c := ref("1.1"), ref("1.2"), ref("1.3")
	otherClass := index.Reference{SOPClassUID: "1.2.840.10008.5.1.4.1.1.4", SOPInstanceUID: "1.2"}
	for name, x := range map[string]struct {
		asked          []index.Reference
		success        []index.Reference
		failed         []index.CommitFailureItem
		status         index.CommitStatus
		missing, extra []index.Reference
	}{
		"all":               {[]index.Reference{a, b}, []index.Reference{b, a}, nil, index.CommitSuccess, nil, nil},
		"asked twice":       {[]index.Reference{a, a}, []index.Reference{a}, nil, index.CommitSuccess, nil, nil},
		"one failed":        {[]index.Reference{a, b}, []index.Reference{a}, []index.CommitFailureItem{{Reference: b, Reason: 0x112}}, index.CommitFailure, nil, nil},
		"one missing":       {[]index.Reference{a, b}, []index.Reference{a}, nil, index.CommitFailure, []index.Reference{b}, nil},
		"one extra":         {[]index.Reference{a}, []index.Reference{a, c}, nil, index.CommitSuccess, nil, []index.Reference{c}},
		"under other class": {[]index.Reference{a, b}, []index.Reference{a, otherClass}, nil, index.CommitFailure, []index.Reference{b}, []index.Reference{otherClass}},
		"empty":             {[]index.Reference{a}, nil, nil, index.CommitFailure, []index.Reference{a}, nil},
	} {
		row := &index.CommitReport{Requested: x.asked, Status: index.CommitPending}
		if err := finish(row, &reportData{}, &CommitmentData{References: x.success, Failures: x.failed}, time.Now()); err != nil {
			t.Fatal(err)
		}
		report, err := newReport(row, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if report.Status != x.status || !slices.Equal(report.Missing, x.missing) || !slices.Equal(report.Extra, x.extra) {
			t.Errorf("%s: %s missing %v extra %v", name, report.Status, report.Missing, report.Extra)
		}
		for _, r := range report.Success {
			if !slices.Contains(x.asked, r) {
				t.Errorf("%s: success for %v, which nobody asked for", name, r)
			}
		}
	}
}

// GET /storage-commitment/{id} as Orthanc answers it; Missing and Extra are ours.
func TestReportJSON(t *testing.T) {
	t.Parallel()
	check := func(r *Report, want string) {
		t.Helper()
		got, err := json.Marshal(r)
		if err != nil || string(got) != want {
			t.Errorf("got  %s (%v)\nwant %s", got, err, want)
		}
	}
	r := &Report{CommitReport: index.CommitReport{RemoteAET: "PACS", Status: index.CommitPending, Requested: []index.Reference{ref("1.1")}}}
	check(r, `{"RemoteAET":"PACS","Status":"Pending"}`)
	r.Status, r.Success = index.CommitSuccess, []index.Reference{ref("1.1")}
	check(r, `{"Failures":[],"RemoteAET":"PACS","Status":"Success","Success":[{"SOPClassUID":"1.2.840.10008.5.1.4.1.1.2","SOPInstanceUID":"1.1"}]}`)
	r.Status, r.Success, r.Failures = index.CommitFailure, nil, []index.CommitFailureItem{failedRef("1.2", ReasonNoSuchInstance)}
	r.Missing, r.Extra = []index.Reference{ref("1.3")}, []index.Reference{ref("1.4")}
	check(r, `{"Extra":[{"SOPClassUID":"1.2.840.10008.5.1.4.1.1.2","SOPInstanceUID":"1.4"}],`+
		`"Failures":[{"Description":"One or more of the elements in the Referenced SOP Instance Sequence was not available",`+
		`"FailureReason":274,"SOPClassUID":"1.2.840.10008.5.1.4.1.1.2","SOPInstanceUID":"1.2"}],`+
		`"Missing":[{"SOPClassUID":"1.2.840.10008.5.1.4.1.1.2","SOPInstanceUID":"1.3"}],"RemoteAET":"PACS","Status":"Failure","Success":[]}`)
}

func TestDescribeReason(t *testing.T) {
	t.Parallel()
	for reason, want := range map[uint16]string{
		0x0110: "A general failure in processing the operation was encountered",
		0x0131: "The Transaction UID of the Storage Commitment Request is already in use",
		0x0213: "The SCP does not currently have enough resources to store the requested SOP Instance(s)",
		0xC000: "Unknown failure reason",
	} {
		if got := DescribeReason(reason); got != want {
			t.Errorf("%04X: %q", reason, got)
		}
	}
}
