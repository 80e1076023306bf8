package daemon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/testkit"
)

// beside runs a gantry that knows a newest Orthanc, and is known to it.
func beside(t *testing.T) (*server, *orthanc) {
	t.Helper()
	program := testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "GANTRY" })
	o := startOrthanc(t, program, s.dicomPort())
	ask(t, http.MethodPut, s.url+"/modalities/orthanc", fmt.Appendf(nil, `["ORTHANC", "127.0.0.1", %d]`, o.dicom), nil)
	return s, o
}

// asked is an answer to POST /modalities/{id}/storage-commitment with SplitBy or MaxPerRequest.
type asked []struct {
	ID, Path       string
	InstancesCount int
}

// What Orthanc does not have is stored and asked for again, in one job; a request can be split over several.
func TestGantryResubmitsToOrthanc(t *testing.T) {
	t.Parallel()
	s, o := beside(t)
	first := newObject()
	var parent struct{ ParentStudy string }
	for i, series := range []dicom.UID{first.series, first.series, dicom.NewUID()} {
		one := first
		one.series = series
		if i > 0 {
			one.instance = dicom.NewUID()
		}
		s.post("/instances", one.file(t), &parent)
	}
	request := func(more string) (parts asked) {
		s.post("/modalities/orthanc/storage-commitment", fmt.Appendf(nil, `{"Resources": [%q], %s}`, parent.ParentStudy, more), &parts)
		return parts
	}
	parts := request(`"SplitBy": "Series"`)
	if len(parts) != 2 || parts[0].InstancesCount != 2 || parts[1].InstancesCount != 1 || parts[0].Path != "/storage-commitment/"+parts[0].ID {
		t.Fatalf("%+v", parts)
	}
	for _, part := range parts {
		if report := awaitReport(t, s.url, part.ID); report.Status != "Failure" || len(report.Failures) != part.InstancesCount {
			t.Fatalf("%+v", report)
		}
		s.checkResubmit(part.ID, part.InstancesCount)
	}
	for _, part := range request(`"SplitBy": "Study", "MaxPerRequest": 1`) {
		if report := awaitReport(t, s.url, part.ID); report.Status != "Success" || part.InstancesCount != 1 {
			t.Errorf("%+v", report)
		}
	}
	var list []string
	ask(t, http.MethodGet, o.url+"/instances", nil, &list)
	if len(list) != 3 {
		t.Errorf("Orthanc has %d instances, want 3", len(list))
	}
}

// checkResubmit resubmits a transaction and waits for the job.
func (s *server) checkResubmit(transaction string, instances int) {
	s.t.Helper()
	var content struct {
		TransactionUid, OriginalTransactionUid, RemoteAet, Status string
		InstancesCount, FailedInstancesCount, SentInstancesCount  int
	}
	s.post("/storage-commitment/"+transaction+"/resubmit", []byte(`{"Deadline": 60}`), &content)
	if content.Status != "Success" || content.OriginalTransactionUid != transaction || content.RemoteAet != "ORTHANC" ||
		content.InstancesCount != instances || content.SentInstancesCount != instances || content.FailedInstancesCount != 0 {
		s.t.Errorf("%+v", content)
	}
	if report := awaitReport(s.t, s.url, content.TransactionUid); report.Status != "Success" || len(report.Success) != instances {
		s.t.Errorf("%+v", report)
	}
	status, text := do(s.t, http.MethodPost, s.url+"/storage-commitment/"+content.TransactionUid+"/resubmit", nil)
	if status != http.StatusConflict || !strings.Contains(string(text), "its status is Success") {
		s.t.Errorf("resubmit of a success: %d %s", status, text)
	}
	var report struct{ ResubmittedAs string }
	s.get("/storage-commitment/"+transaction, &report)
	if report.ResubmittedAs != content.TransactionUid {
		s.t.Errorf("resubmitted as %s, want %s", report.ResubmittedAs, content.TransactionUid)
	}
}

func TestCommitmentRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	ask(t, http.MethodPut, s.url+"/modalities/away", []byte(`["AWAY", "127.0.0.1", 1]`), nil)
	for _, x := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/modalities/away/storage-commitment", `{"DicomInstances": [["1.2", "1.3"]], "SplitBy": "Patient"}`, 400, `SplitBy must be`},
		{"/modalities/away/storage-commitment", `{"DicomInstances": [["1.2", "1.3"]], "MaxPerRequest": -1}`, 400, "MaxPerRequest must not be negative"},
		{"/modalities/away/storage-commitment", `{"DicomInstances": [["1.2", "1.3"]], "Deadline": -1}`, 400, "Deadline must not be negative"},
		{"/modalities/away/storage-commitment", `{"DicomInstances": [["1.2", "1.3"]], "Deadline": 9223372036854775807}`, 400, "Deadline must be 2147483647 at most"},
		{"/modalities/away/storage-commitment", `{"DicomInstances": [["1.2", "1.3"]], "Deadline": "soon"}`, 400, "Deadline"},
		{"/modalities/away/storage-commitment", `{"DicomInstances": [], "SplitBy": "Study"}`, 400, "no instance to ask for"},
		{"/modalities/away/storage-commitment", `{"Resources": []}`, 400, "no instance to ask for"},
		{"/modalities/away/storage-commitment", `{"DicomInstances": [["1.2", "1.3"]], "MaxPerRequest": 1}`, 500, "connection refused"},
		{"/storage-commitment/2.25.1/resubmit", ``, 404, "No storage commitment transaction with UID: 2.25.1"},
		{"/storage-commitment/2.25.1/resubmit", `{"Attempts": 101}`, 400, "Attempts must be 0 to 100"},
		{"/storage-commitment/2.25.1/resubmit", `{"Deadline": -5}`, 400, "Deadline must not be negative"},
		{"/storage-commitment/2.25.1/resubmit", `{"Deadline": 9223372036854775807}`, 400, "Deadline must be 2147483647 at most"},
	} {
		status, text := do(t, http.MethodPost, s.url+x.path, []byte(x.body))
		if status != x.status || !strings.Contains(string(text), x.says) {
			t.Errorf("%s %s: %d %s, want %d and %q", x.path, x.body, status, text, x.status, x.says)
		}
	}
	var reports []string
	if s.get("/storage-commitment", &reports); len(reports) != 0 {
		t.Errorf("reports that nobody asked for: %v", reports)
	}
}
