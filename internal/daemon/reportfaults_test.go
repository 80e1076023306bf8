package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/scp"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// reader takes reports as they come.
type reader struct{ come chan *jobkinds.CommitmentData }

func (r *reader) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	data, err := jobkinds.ReadCommitmentData(rq.Data, rq.TransferSyntax, 0)
	if err != nil {
		return err
	}
	if eventType := uint16(1 + min(len(data.Failures), 1)); rq.EventTypeID != eventType {
		return dimse.Errorf(dimse.StatusNoSuchEventType, "event type %d, want %d", rq.EventTypeID, eventType)
	}
	r.come <- data
	return nil
}

// outline names the instances of a report by their place in the request.
func outline(transaction dicom.UID, asked []dicom.UID, data *jobkinds.CommitmentData) string {
	name := func(uid dicom.UID) string {
		if i := slices.Index(asked, uid); i >= 0 {
			return fmt.Sprint(i)
		}
		return "?"
	}
	var b strings.Builder
	if data.TransactionUID != transaction {
		b.WriteString("forged ")
	}
	for _, r := range data.References {
		b.WriteString(name(r.SOPInstanceUID))
		if r.SOPClassUID != class && slices.Contains(asked, r.SOPInstanceUID) {
			b.WriteString("w")
		}
	}
	for _, f := range data.Failures {
		fmt.Fprintf(&b, " %s:%04X", name(f.SOPInstanceUID), f.Reason)
	}
	return b.String()
}

// Three instances are asked for of which the third is not there: without a fault the report is "01 2:0112".
func TestReportsAsFaultsMakeThem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, want string }{
		{"echo abort", "01 2:0112"},
		{"commitment report=failed", "1 2:0112 0:0110"},
		{"commitment report=failed reason=0213 count=9", " 2:0112 0:0213 1:0213"},
		{"commitment report=class", "0w1 2:0112"},
		{"commitment report=partial", "0 2:0112"},
		{"commitment report=partial count=3", ""},
		{"commitment report=extra count=2", "01?? 2:0112"},
		{"commitment report=duplicate", "01 2:0112, 01 2:0112"},
		{"commitment report=late delay=50ms", "01 2:0112"},
		{"commitment report=forged", "forged 01 2:0112"},
		{"commitment report=forged from=SOMEONE", "01 2:0112"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			r := &reader{make(chan *jobkinds.CommitmentData, 4)}
			s := startFaulty(t, c.rule)
			s.declare("peer", "PEER", listenFor(t, r))
			client, err := dialFaulty(t.Context(), s, "PEER")
			if err != nil {
				t.Fatal(err)
			}
			defer client.Abort()
			asked := []dicom.UID{storeWith(t, client), storeWith(t, client), dicom.NewUID()}
			transaction := dicom.NewUID()
			if err := askWith(t.Context(), client, transaction, asked); err != nil {
				t.Fatal(err)
			}
			var got []string
			for range strings.Count(c.want, ", ") + 1 {
				got = append(got, outline(transaction, asked, <-r.come))
			}
			if all := strings.Join(got, ", "); all != c.want {
				t.Errorf("reported %q, want %q", all, c.want)
			}
		})
	}
}

// declare tells a daemon of a peer.
func (s *server) declare(name, aet, address string) {
	s.t.Helper()
	host, port, _ := strings.Cut(address, ":")
	if status, text := do(s.t, http.MethodPut, s.url+"/modalities/"+name, fmt.Appendf(nil, `[%q, %q, %s]`, aet, host, port)); status != http.StatusOK {
		s.t.Fatalf("PUT /modalities/%s: %d %s", name, status, text)
	}
}

func askWith(ctx context.Context, client *scu.Client, transaction dicom.UID, instances []dicom.UID) error {
	response, err := client.Action(ctx, commitmentRequest(transaction, instances...))
	if err != nil {
		return err
	}
	return response.Err()
}

// commitmentOf asks a daemon with faults for commitment as another daemon, and waits until the job of the report has
// ended. It returns what the one that asked makes of it, and the job.
func commitmentOf(t *testing.T, rule string) (report map[string]any, job map[string]any) {
	t.Helper()
	faulty := startFaulty(t, rule)
	victim := start(t, func(cfg *config.Config) { cfg.DicomAet = "VICTIM" })
	faulty.declare("victim", "VICTIM", victim.DICOMAddr().String())
	victim.declare("faulty", "GANTRY", faulty.DICOMAddr().String())
	client, err := dialFaulty(t.Context(), faulty, "OTHER")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	var refs [][]dicom.UID
	for range 2 {
		refs = append(refs, []dicom.UID{class, storeWith(t, client)})
	}
	body, err := json.Marshal(map[string]any{"DicomInstances": refs})
	if err != nil {
		t.Fatal(err)
	}
	var asked struct{ Path string }
	victim.post("/modalities/faulty/storage-commitment", body, &asked)
	eventually(t, "the report has been sent", func() bool {
		var list []map[string]any
		faulty.get("/jobs?expand", &list)
		if len(list) != 1 {
			return false
		}
		job = list[0]
		return job["State"] == "Success" || job["State"] == "Failure"
	})
	victim.get(asked.Path, &report)
	return report, job
}

// Our own requester is the victim: it believes nothing that it did not ask for, and takes nothing for committed of which
// nothing was said.
func TestOurRequesterIsNotFooled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, status, job, details string
		missing, extra             int
	}{
		{"commitment report=failed", "Failure", "Success", "", 0, 0},
		{"commitment report=class", "Failure", "Success", "", 1, 1},
		{"commitment report=partial", "Failure", "Success", "", 1, 0},
		{"commitment report=extra count=2", "Success", "Success", "", 0, 2},
		{"commitment report=duplicate", "Success", "Success", "", 0, 0},
		{"commitment report=late delay=20ms", "Success", "Success", "", 0, 0},
		{"commitment report=forged", "Pending", "Failure", "011", 0, 0},
		{"commitment report=missing", "Pending", "Failure", "never sent", 0, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			report, job := commitmentOf(t, c.rule)
			if report["Status"] != c.status || job["State"] != c.job {
				t.Errorf("the requester says %v, the job %v; want %s, %s", report, job, c.status, c.job)
			}
			flagged := func(key string) int { list, _ := report[key].([]any); return len(list) }
			if flagged("Missing") != c.missing || flagged("Extra") != c.extra {
				t.Errorf("%d missing, %d extra; want %d, %d", flagged("Missing"), flagged("Extra"), c.missing, c.extra)
			}
			if details := fmt.Sprint(job["ErrorDetails"]); c.details != "" && !strings.Contains(details, c.details) {
				t.Errorf("the job says %s", details)
			}
		})
	}
}

// The N-ACTION itself is an operation like others; what was answered with success is all the same reported on, unless
// that was a lie.
func TestFaultsOfCommitmentRequests(t *testing.T) {
	t.Parallel()
	s := startFaulty(t, "commitment status=0213 once", "commitment status=0000 after=1 once", "commitment drop=response after=2 once")
	r := &reader{make(chan *jobkinds.CommitmentData, 4)}
	s.declare("peer", "PEER", listenFor(t, r))
	ask := func() (dicom.UID, error) {
		client, err := dialFaulty(t.Context(), s, "PEER")
		if err != nil {
			t.Fatal(err)
		}
		defer client.Abort()
		transaction := dicom.NewUID()
		return transaction, askWith(t.Context(), client, transaction, []dicom.UID{dicom.NewUID()})
	}
	if _, err := ask(); err == nil || !strings.Contains(err.Error(), "0213H") {
		t.Errorf("refused request: %v", err)
	}
	if _, err := ask(); err != nil {
		t.Errorf("a request that is taken and forgotten: %v", err)
	}
	kept, err := ask()
	if err == nil {
		t.Error("the answer came")
	}
	if got := <-r.come; got.TransactionUID != kept {
		t.Errorf("the report is on %s, want %s", got.TransactionUID, kept)
	}
}

// An N-EVENT-REPORT that comes in is an operation like others, too: here our own server is the one that is refused.
func TestFaultsOfReportsThatComeIn(t *testing.T) {
	t.Parallel()
	victim := start(t, func(cfg *config.Config) { cfg.DicomAlwaysAllowStorageCommitment = true })
	s := start(t, func(cfg *config.Config) {
		cfg.DicomAet, cfg.FaultsEnabled, cfg.Faults = "FAULTY", true, []string{"report status=0112 once"}
	})
	s.declare("victim", "GANTRY", victim.DICOMAddr().String())
	victim.declare("faulty", "FAULTY", s.DICOMAddr().String())
	var asked struct{ Path string }
	s.post("/modalities/victim/storage-commitment", fmt.Appendf(nil, `{"DicomInstances": [[%q, "1.2.3"]]}`, class), &asked)
	var list []struct{ State, ErrorDetails string }
	eventually(t, "the report is refused", func() bool {
		victim.get("/jobs?expand", &list)
		return len(list) == 1 && list[0].State == "Failure"
	})
	var report commitmentReport
	if s.get(asked.Path, &report); report.Status != "Pending" || !strings.Contains(list[0].ErrorDetails, "0112H") {
		t.Errorf("%+v %+v", report, list)
	}
	if got := s.applied(); got[0] != 1 {
		t.Errorf("applied %v times", got)
	}
}

// What Orthanc makes of such reports. It compares none with what it has asked for: this is what a peer for tests is for.
func TestFaultyReportsToOrthanc(t *testing.T) {
	t.Parallel()
	program := testkit.NewestOrthanc(t)
	s := startFaulty(t, "commitment report=failed reason=0213 once", "commitment report=partial after=1 once",
		"commitment report=forged after=2 once")
	o := startOrthanc(t, program, s.dicomPort())
	s.declare("orthanc", "ORTHANC", fmt.Sprintf("127.0.0.1:%d", o.dicom))
	object := newObject()
	s.post("/instances", object.file(t), nil)
	request := func() (id string) {
		var asked struct{ ID string }
		ask(t, http.MethodPost, o.url+"/modalities/gantry/storage-commitment",
			fmt.Appendf(nil, `{"DicomInstances": [[%q, %q]]}`, class, object.instance), &asked)
		return asked.ID
	}
	failed := awaitReport(t, o.url, request())
	if failed.Status != "Failure" || len(failed.Failures) != 1 || failed.Failures[0].FailureReason != 0x0213 {
		t.Errorf("failed: %+v", failed)
	}
	if partial := awaitReport(t, o.url, request()); partial.Status != "Success" || len(partial.Success) != 0 {
		t.Errorf("partial: %+v", partial)
	}
	forged := request()
	eventually(t, "the forged report is sent", func() bool { return slices.Equal(s.applied(), []int{1, 1, 1}) })
	if right := awaitReport(t, o.url, request()); right.Status != "Success" || len(right.Success) != 1 {
		t.Errorf("without a fault: %+v", right)
	}
	var report commitmentReport
	if ask(t, http.MethodGet, o.url+"/storage-commitment/"+forged, nil, &report); report.Status != "Pending" {
		t.Errorf("forged: %+v", report)
	}
}
