package daemon_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/testkit"
)

// orthanc is a running Orthanc that knows one peer, "gantry".
type orthanc struct {
	t     testing.TB
	url   string
	dicom int
}

// startOrthanc runs Orthanc with a peer at gantry's port, and with more options, each as a member of its configuration; it
// is killed with the test.
func startOrthanc(t testing.TB, program string, gantryPort string, more ...string) *orthanc {
	t.Helper()
	dir := testkit.SharedDir(t) // the newest Orthanc lives in a root of its own
	dicomPort, httpPort := freePort(t), freePort(t)
	settings := fmt.Sprintf(`{"StorageDirectory": %q, "DicomPort": %s, "HttpPort": %s, "DicomAet": "ORTHANC",
		"StorageCommitmentReportsSize": 1000000, "JobsHistorySize": 1000000,
		"DicomModalities": {"gantry": ["GANTRY", "127.0.0.1", %s]}%s}`,
		filepath.Join(dir, "data"), dicomPort, httpPort, gantryPort, strings.Join(append([]string{""}, more...), ", "))
	file := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, file)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitForPort(t, dicomPort)
	waitForPort(t, httpPort)
	number, err := strconv.Atoi(dicomPort)
	if err != nil {
		t.Fatal(err)
	}
	return &orthanc{t: t, url: "http://127.0.0.1:" + httpPort, dicom: number}
}

// eachOrthanc runs a test with this system's Orthanc and with the newest, each beside a gantry that knows it.
func eachOrthanc(t *testing.T, test func(*testing.T, *server, *orthanc)) {
	for name, find := range map[string]func(testing.TB) string{
		"system": testkit.Orthanc, "newest": testkit.NewestOrthanc,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := find(t)
			s := start(t, func(cfg *config.Config) { cfg.DicomAet = "GANTRY" })
			o := startOrthanc(t, program, s.dicomPort())
			peer := fmt.Sprintf(`["ORTHANC", "127.0.0.1", %d]`, o.dicom)
			ask(t, http.MethodPut, s.url+"/modalities/orthanc", []byte(peer), nil)
			test(t, s, o)
		})
	}
}

type commitmentReport struct {
	Status            string
	Success, Failures []struct {
		SOPClassUID, SOPInstanceUID string
		FailureReason               int
	}
}

// awaitReport asks for a report until it is no longer pending.
func awaitReport(t testing.TB, base, uid string) commitmentReport {
	t.Helper()
	var report commitmentReport
	eventually(t, "the report of "+uid, func() bool {
		ask(t, http.MethodGet, base+"/storage-commitment/"+uid, nil, &report)
		return report.Status != "Pending"
	})
	return report
}

// commitmentBody asks for the instance as it is, for one nobody has, and for the instance under another class.
func commitmentBody(t testing.TB, o object) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"DicomInstances": [][2]string{
		{string(class), string(o.instance)},
		{string(class), "1.2.3.4.5"},
		{string(dicom.MRImageStorage), string(o.instance)}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// checkReport wants the first reference committed, the second missing and the third in conflict.
func checkReport(t testing.TB, report commitmentReport, o object) {
	t.Helper()
	if report.Status != "Failure" || len(report.Success) != 1 || len(report.Failures) != 2 {
		t.Fatalf("report %+v, want one success and two failures", report)
	}
	if report.Success[0].SOPInstanceUID != string(o.instance) {
		t.Errorf("success for %s, want %s", report.Success[0].SOPInstanceUID, o.instance)
	}
	reasons := map[string]int{}
	for _, failure := range report.Failures {
		reasons[failure.SOPClassUID+" "+failure.SOPInstanceUID] = failure.FailureReason
	}
	if reasons[string(class)+" 1.2.3.4.5"] != 0x0112 || reasons[string(dicom.MRImageStorage)+" "+string(o.instance)] != 0x0119 {
		t.Errorf("failure reasons %v, want 274 for the missing one and 281 for the wrong class", reasons)
	}
}

func TestOrthancAsksGantryToCommit(t *testing.T) {
	t.Parallel()
	eachOrthanc(t, func(t *testing.T, s *server, o *orthanc) {
		object := newObject()
		s.post("/instances", object.file(t), nil)
		var request struct{ ID string }
		ask(t, http.MethodPost, o.url+"/modalities/gantry/storage-commitment", commitmentBody(t, object), &request)
		checkReport(t, awaitReport(t, o.url, request.ID), object)
		s.checkCommitmentJob(request.ID)
	})
}

// checkCommitmentJob wants the request to be visible as a job that ended well.
func (s *server) checkCommitmentJob(transaction string) {
	s.t.Helper()
	var jobs []struct {
		Type, State string
		Content     struct{ TransactionUid, RemoteAet, CalledAet string }
	}
	eventually(s.t, "the job ends", func() bool {
		s.get("/jobs?expand", &jobs)
		return len(jobs) == 1 && jobs[0].State == "Success"
	})
	job := jobs[0]
	if job.Type != "StorageCommitmentScp" || job.Content.TransactionUid != transaction ||
		job.Content.RemoteAet != "ORTHANC" || job.Content.CalledAet != "GANTRY" {
		s.t.Errorf("job %+v", job)
	}
}

func TestGantryAsksOrthancToCommit(t *testing.T) {
	t.Parallel()
	eachOrthanc(t, func(t *testing.T, s *server, o *orthanc) {
		object := newObject()
		ask(t, http.MethodPost, o.url+"/instances", object.file(t), nil)
		var request struct{ ID string }
		s.post("/modalities/orthanc/storage-commitment", commitmentBody(t, object), &request)
		if !strings.HasPrefix(request.ID, "2.25.") {
			t.Errorf("Transaction UID %s, want one under 2.25", request.ID)
		}
		checkReport(t, awaitReport(t, s.url, request.ID), object)
	})
}

func TestGantryStoresIntoOrthancAndHasItCommitted(t *testing.T) {
	t.Parallel()
	eachOrthanc(t, func(t *testing.T, s *server, o *orthanc) {
		object := newObject()
		var stored struct{ ParentStudy string }
		s.post("/instances", object.file(t), &stored)
		var job struct {
			InstancesCount, FailedInstancesCount int
			StorageCommitmentTransactionUID      string
		}
		s.post("/modalities/orthanc/store", fmt.Appendf(nil, `{"Resources": [%q], "StorageCommitment": true}`, stored.ParentStudy), &job)
		if job.InstancesCount != 1 || job.FailedInstancesCount != 0 {
			t.Errorf("job content %+v", job)
		}
		report := awaitReport(t, s.url, job.StorageCommitmentTransactionUID)
		if report.Status != "Success" || len(report.Success) != 1 || len(report.Failures) != 0 {
			t.Errorf("report %+v, want one success", report)
		}
		var list []string
		ask(t, http.MethodGet, o.url+"/instances", nil, &list)
		if len(list) != 1 {
			t.Errorf("Orthanc has %d instances, want 1", len(list))
		}
		ask(t, http.MethodPost, s.url+"/storage-commitment/"+job.StorageCommitmentTransactionUID+"/remove", nil, nil)
		s.get("/instances", &list)
		if len(list) != 0 {
			t.Errorf("%d instances left after remove, want 0", len(list))
		}
	})
}

func TestOrthancStoresIntoGantryAndHasItCommitted(t *testing.T) {
	t.Parallel()
	eachOrthanc(t, func(t *testing.T, s *server, o *orthanc) {
		object := newObject()
		var stored struct{ ID string }
		ask(t, http.MethodPost, o.url+"/instances", object.file(t), &stored)
		var job struct{ StorageCommitmentTransactionUID string }
		ask(t, http.MethodPost, o.url+"/modalities/gantry/store",
			fmt.Appendf(nil, `{"Resources": [%q], "StorageCommitment": true}`, stored.ID), &job)
		report := awaitReport(t, o.url, job.StorageCommitmentTransactionUID)
		if report.Status != "Success" || len(report.Success) != 1 {
			t.Errorf("report %+v, want one success", report)
		}
		if got := s.storedDataset(object.instance); string(got) != string(object.dataset(t)) {
			t.Error("the data set changed on its way through Orthanc into gantry")
		}
	})
}
