package daemon_test

import (
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
)

// outgoing is an entry of /storage-commitment/outgoing?expand, as far as this test looks.
type outgoing struct {
	ID, TransactionUID, RemoteAET, State, Job, JobState, LastError, NextAttempt string
	Instances, Attempts                                                         int
	Committed, Failed                                                           *int
	FailureReasons                                                              map[string]int
}

// A report whose peer is away is listed over REST, can be sent when the peer is there again, and is then listed as delivered
// on demand alone.
func TestOutgoingReports(t *testing.T) {
	t.Parallel()
	book := &commitBook{asked: map[dicom.UID]bool{}, reports: map[dicom.UID]map[string]int{}, come: make(chan struct{}, 1)}
	s := start(t, func(c *config.Config) {
		c.DicomModalities = map[string]config.Modality{"peer": config.NewModality("PEER", "127.0.0.1", 1)}
		c.StorageCommitmentRetryDelay = 3600
	})
	client, err := dialVictim(t.Context(), &process{dicom: s.DICOMAddr().String()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	rsp, err := client.Action(t.Context(), commitmentRequest("2.25.1", "1.2.3", "1.2.4"))
	if err != nil || rsp.Err() != nil {
		t.Fatal(rsp, err)
	}
	var list []outgoing
	s.get("/storage-commitment/outgoing?expand", &list)
	if len(list) != 1 || list[0].ID != "2.25.1" || list[0].RemoteAET != "PEER" || list[0].Instances != 2 {
		t.Fatalf("%+v", list)
	}
	var job struct {
		State   string
		Content map[string]any
	}
	for job.State != "Retry" {
		s.get("/jobs/"+list[0].Job+"?wait=1", &job) // an answer comes at the next change at the latest
	}
	var one outgoing
	s.get("/storage-commitment/outgoing/2.25.1", &one)
	if one.State != "Decided" || one.JobState != "Retry" || one.NextAttempt == "" || one.LastError == "" || one.Attempts != 1 ||
		one.Committed == nil || *one.Committed != 0 || one.Failed == nil || *one.Failed != 2 || one.FailureReasons["0112H"] != 2 {
		t.Errorf("%+v", one)
	}
	if job.Content["Instances"] != 2.0 || job.Content["Failed"] != 2.0 || job.Content["TransactionUid"] != "2.25.1" {
		t.Errorf("job: %+v", job)
	}
	peer := listenFor(t, book)
	back, err := net.ResolveTCPAddr("tcp", peer)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := json.Marshal(map[string]any{"AET": "PEER", "Host": "127.0.0.1", "Port": back.Port})
	if err != nil {
		t.Fatal(err)
	}
	if status, text := do(t, http.MethodPut, s.url+"/modalities/peer", entry); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := do(t, http.MethodPost, s.url+"/storage-commitment/outgoing/2.25.1@PEER/send", nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	<-book.come
	for job.State != "Success" {
		s.get("/jobs/"+one.Job+"?wait=1", &job)
	}
	var ids []string
	if s.get("/storage-commitment/outgoing", &ids); len(ids) != 0 {
		t.Errorf("still listed: %v", ids)
	}
	if s.get("/storage-commitment/outgoing?state=delivered", &ids); len(ids) != 1 || ids[0] != "2.25.1" {
		t.Errorf("delivered: %v", ids)
	}
	for path, want := range map[string]int{
		"/2.25.1/send": http.StatusConflict, "/2.25.2/send": http.StatusNotFound,
	} {
		if status, _ := do(t, http.MethodPost, s.url+"/storage-commitment/outgoing"+path, nil); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	for path, want := range map[string]int{"/2.25.2": http.StatusNotFound, "?state=x": http.StatusBadRequest, "/2.25.1": http.StatusOK} {
		if status, _ := do(t, http.MethodGet, s.url+"/storage-commitment/outgoing"+path, nil); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}
