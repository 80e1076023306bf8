package services_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
	"gantry/internal/tools/phantom"
)

// orthanc is a running Orthanc that knows the site as "gantry", and that the site knows as "orthanc".
type orthanc struct {
	t   *testing.T
	url string
}

// eachOrthanc runs a test against this system's Orthanc and the newest one.
func eachOrthanc(t *testing.T, test func(t *testing.T, s *site, o *orthanc)) {
	for name, program := range map[string]func(testing.TB) string{"Debian": testkit.Orthanc, "newest": testkit.NewestOrthanc} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := program(t)
			s := newSite(t, func(c *config.Config) { c.DicomScuTimeout = 30 })
			test(t, s, startOrthanc(t, path, s))
		})
	}
}

func startOrthanc(t *testing.T, program string, s *site) *orthanc {
	t.Helper()
	dir := testkit.SharedDir(t)
	dicomPort, httpPort := testkit.FreePort(t), testkit.FreePort(t)
	_, sitePort, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(sitePort)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := json.Marshal(map[string]any{
		"Name": "peer", "StorageDirectory": filepath.Join(dir, "db"), "IndexDirectory": filepath.Join(dir, "db"),
		"DicomAet": "ORTHANC", "DicomPort": dicomPort, "HttpPort": httpPort, "AuthenticationEnabled": false,
		"DicomModalities": map[string]any{"gantry": []any{"GANTRY", "127.0.0.1", port}},
		"Plugins":         []string{},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(file, cfg, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, file)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("Orthanc: %s", log.Bytes())
		}
	})
	o := &orthanc{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", httpPort)}
	o.waitReady(ended)
	s.know("orthanc", config.NewModality("ORTHANC", "127.0.0.1", dicomPort))
	return o
}

// waitReady asks until Orthanc answers: it has no other way to say that it listens.
func (o *orthanc) waitReady(ended <-chan error) {
	o.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if rsp, err := http.Get(o.url + "/system"); err == nil {
			_ = rsp.Body.Close()
			return
		}
		select {
		case err := <-ended:
			o.t.Fatalf("Orthanc ended: %v", err)
		case <-o.t.Context().Done():
			o.t.Fatal("Orthanc does not answer")
		case <-tick.C:
		}
	}
}

func (o *orthanc) call(method, path string, body []byte, into any) {
	o.t.Helper()
	rq, err := http.NewRequestWithContext(o.t.Context(), method, o.url+path, bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	rsp, err := http.DefaultClient.Do(rq)
	if err != nil {
		o.t.Fatal(err)
	}
	defer rsp.Body.Close()
	text, err := io.ReadAll(rsp.Body)
	if err != nil || rsp.StatusCode != http.StatusOK {
		o.t.Fatalf("%s %s: %d %s %v", method, path, rsp.StatusCode, text, err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			o.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
}

// upload puts an image into Orthanc and returns its reference and public id.
func (o *orthanc) upload(class dicom.UID) (index.Reference, string) {
	o.t.Helper()
	i := phantom.Image{SOPClassUID: class, Study: dicom.NewUID(), Series: dicom.NewUID(), Instance: dicom.NewUID(), Side: 8}
	file, err := i.File()
	if err != nil {
		o.t.Fatal(err)
	}
	var answer struct{ ID string }
	o.call(http.MethodPost, "/instances", file, &answer)
	return index.Reference{SOPClassUID: class, SOPInstanceUID: i.Instance}, answer.ID
}

// orthancReport is what GET /storage-commitment/{id} answers.
type orthancReport struct {
	RemoteAET, Status string
	Success           []index.Reference
	Failures          []struct {
		SOPClassUID, SOPInstanceUID dicom.UID
		FailureReason               uint16
		Description                 string
	}
}

// commit makes Orthanc ask for commitment, and waits for the report.
func (o *orthanc) commit(refs []index.Reference) orthancReport {
	o.t.Helper()
	body, err := json.Marshal(map[string]any{"DicomInstances": refs})
	if err != nil {
		o.t.Fatal(err)
	}
	var asked struct{ Path string }
	o.call(http.MethodPost, "/modalities/gantry/storage-commitment", body, &asked)
	return o.report(asked.Path)
}

func (o *orthanc) report(path string) (report orthancReport) {
	o.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		o.call(http.MethodGet, path, nil, &report)
		if report.Status != "Pending" {
			return report
		}
		select {
		case <-tick.C:
		case <-o.t.Context().Done():
			o.t.Fatal("no report came")
		}
	}
}

// Orthanc stores objects here and asks for commitment: of what it stored, of something it did not, under a wrong class.
func TestOrthancAsks(t *testing.T) {
	t.Parallel()
	eachOrthanc(t, func(t *testing.T, _ *site, o *orthanc) {
		stored, id := o.upload(dicom.CTImageStorage)
		o.call(http.MethodPost, "/modalities/gantry/echo", []byte("{}"), nil)
		var sent struct{ StorageCommitmentTransactionUID string }
		o.call(http.MethodPost, "/modalities/gantry/store", fmt.Appendf(nil, `{"Resources":[%q],"StorageCommitment":true}`, id), &sent)
		if report := o.report("/storage-commitment/" + sent.StorageCommitmentTransactionUID); report.Status != "Success" || len(report.Success) != 1 || report.RemoteAET != "GANTRY" {
			t.Errorf("after C-STORE: %+v", report)
		}
		missing := index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3.4"}
		wrong := index.Reference{SOPClassUID: dicom.MRImageStorage, SOPInstanceUID: stored.SOPInstanceUID}
		report := o.commit([]index.Reference{stored, missing, wrong})
		if report.Status != "Failure" || len(report.Success) != 1 || len(report.Failures) != 2 {
			t.Fatalf("%+v", report)
		}
		for _, f := range report.Failures {
			want := jobkinds.ReasonNoSuchInstance
			if f.SOPClassUID == wrong.SOPClassUID {
				want = jobkinds.ReasonClassInstanceConflict
			}
			if f.FailureReason != want || f.Description != jobkinds.DescribeReason(want) {
				t.Errorf("%+v, want %d", f, want)
			}
		}
		if report := o.commit([]index.Reference{missing}); report.Status != "Failure" || len(report.Success) != 0 || len(report.Failures) != 1 {
			t.Errorf("nothing stored: %+v", report)
		}
	})
}

// We store objects in Orthanc and ask it for commitment, in the same ways.
func TestOrthancIsAsked(t *testing.T) {
	t.Parallel()
	eachOrthanc(t, func(t *testing.T, s *site, o *orthanc) {
		refs := s.putInto(2)
		modality, _ := s.table.Get("orthanc")
		if err := s.peers.Echo(t.Context(), modality, jobkinds.Call{}); err != nil {
			t.Error(err)
		}
		job := s.newSend(jobkinds.SendOptions{Modality: "orthanc", Resources: s.instances(refs), StorageCommitment: true})
		info, err := s.engine.Run(t.Context(), job, jobs.Options{})
		if err != nil || info.State != jobs.Success {
			t.Fatalf("%+v %v", info, err)
		}
		uid := dicom.UID(content(t, info)["StorageCommitmentTransactionUID"].(string))
		if report, err := s.peers.WaitReport(t.Context(), uid); err != nil || report.Status != index.CommitSuccess || len(report.Success) != 2 {
			t.Errorf("after C-STORE: %+v %v", report, err)
		}
		missing := ctRef("1.2.3.4")
		wrong := index.Reference{SOPClassUID: dicom.MRImageStorage, SOPInstanceUID: refs[0].SOPInstanceUID}
		uid, err = s.peers.RequestCommitment(t.Context(), "orthanc", []index.Reference{refs[0], missing, wrong}, jobkinds.CommitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := s.peers.WaitReport(t.Context(), uid)
		if err != nil || report.Status != index.CommitFailure || len(report.Success) != 1 || len(report.Failures) != 2 || len(report.Missing)+len(report.Extra) != 0 {
			t.Fatalf("%+v %v", report, err)
		}
		for _, f := range report.Failures {
			want := jobkinds.ReasonNoSuchInstance
			if f.Reference == wrong {
				want = jobkinds.ReasonClassInstanceConflict
			}
			if f.Reason != want {
				t.Errorf("%+v, want %d", f, want)
			}
		}
		var instances []string
		o.call(http.MethodGet, "/instances", nil, &instances)
		if len(instances) != 2 {
			t.Errorf("%d instances in Orthanc", len(instances))
		}
	})
}
