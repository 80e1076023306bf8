package daemon_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

// metric returns the value of one sample as the text format has it, "" if there is none. Labels stand in the order of
// their names.
func metric(t testing.TB, s *server, sample string) string {
	t.Helper()
	_, text := do(t, http.MethodGet, s.url+"/tools/metrics-prometheus", nil)
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, sample+" "); found {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// wantMetrics waits until all samples have their values.
func wantMetrics(t testing.TB, s *server, want map[string]string) {
	t.Helper()
	for sample, value := range want {
		eventually(t, sample+" is "+value, func() bool { return metric(t, s, sample) == value })
	}
}

// dialAs associates with a daemon and ends the association with the test.
func dialAs(t testing.TB, s *server, aet string) *scu.Client {
	t.Helper()
	client, err := dialFaulty(t.Context(), s, aet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Abort)
	return client
}

// What peers do is seen, by the names they have here, and whoever has none is one of the others.
func TestMetricsOfAssociations(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) {
		cfg.MaximumAssociations, cfg.DicomCheckCalledAet = 1, true
		cfg.DicomModalities = map[string]config.Modality{"scanner": config.NewModality("CT", "127.0.0.1", 1)}
	})
	ctx := t.Context()
	ct := dialAs(t, s, "CT")
	wantMetrics(t, s, map[string]string{"gantry_associations_open": "1"})
	o := newObject()
	body := o.dataset(t)
	store := &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: o.instance, TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(body)}
	if _, err := ct.Store(ctx, store); err != nil {
		t.Fatal(err)
	}
	store.SOPInstanceUID, store.Data = "1.2.3", bytes.NewReader(body) // not what the data set says: A900H
	if _, err := ct.Store(ctx, store); err != nil {
		t.Fatal(err)
	}
	if _, err := dialFaulty(ctx, s, "NOBODY"); err == nil {
		t.Error("a second association was accepted")
	}
	if err := ct.Release(ctx); err != nil {
		t.Fatal(err)
	}
	wantMetrics(t, s, map[string]string{"gantry_associations_open": "0"})
	stranger := dialAs(t, s, "NOBODY")
	askForCommitment(ctx, t, stranger, "2.25.1", o.instance) // 0124H: it is not known
	stranger.Abort()
	wantMetrics(t, s, map[string]string{"gantry_associations_open": "0"})
	sendGarbage(t, s, "GARBAGE-THAT-IS-NO-PDU")
	echo := []dul.ProposedContext{{AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: []string{string(dicom.ImplicitVRLittleEndian)}}}
	if _, err := scu.Dial(ctx, scu.Config{Addr: s.DICOMAddr().String(), CallingAET: "CT", CalledAET: "WRONG", Contexts: echo}); err == nil {
		t.Error("the wrong called AE title was accepted")
	}
	wantMetrics(t, s, map[string]string{
		`gantry_associations_total{peer="scanner",result="released"}`:              "1",
		`gantry_associations_total{peer="other",result="aborted_by_peer"}`:         "1",
		`gantry_operations_total{peer="scanner",service="C-STORE",status="0000H"}`: "1",
		`gantry_operations_total{peer="scanner",service="C-STORE",status="A900H"}`: "1",
		`gantry_operations_total{peer="other",service="N-ACTION",status="0124H"}`:  "1",
		`gantry_operation_duration_seconds_count{service="C-STORE"}`:               "2",
		`gantry_storage_objects_total{result="stored"}`:                            "1",
		`gantry_storage_objects_total{result="refused"}`:                           "1",
		`gantry_refusals_total{limit="maximum_associations"}`:                      "1",
		`gantry_refusals_total{limit="not_authorized"}`:                            "1",
		`gantry_refusals_total{limit="malformed_pdu"}`:                             "1",
		`gantry_refusals_total{limit="called_aet"}`:                                "1",
		`orthanc_available_dicom_threads`:                                          "4",
	})
}

// sendGarbage sends what is no DICOM and waits for the A-ABORT.
func sendGarbage(t testing.TB, s *server, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.DICOMAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 10)); err != nil {
		t.Errorf("no A-ABORT: %v", err)
	}
}

// askForCommitment asks for one instance, whatever the answer.
func askForCommitment(ctx context.Context, t testing.TB, client *scu.Client, transaction, instance dicom.UID) {
	t.Helper()
	_, err := client.Action(ctx, commitmentRequest(transaction, instance))
	if err != nil {
		t.Fatal(err)
	}
}

// A report that cannot be delivered is the backlog, until its job ends.
func TestMetricsOfCommitment(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) {
		cfg.DicomModalities = map[string]config.Modality{"scanner": config.NewModality("CT", "127.0.0.1", 1)} // nobody listens
	})
	client := dialAs(t, s, "CT")
	askForCommitment(t.Context(), t, client, "2.25.1", "1.2.3")
	wantMetrics(t, s, map[string]string{
		`gantry_commitment_backlog`:                                        "1",
		`gantry_jobs{state="Retry",type="StorageCommitmentScp"}`:           "1",
		`gantry_job_retries_total{type="StorageCommitmentScp"}`:            "1",
		`gantry_commitment_references_total{result="0112H"}`:               "1",
		`gantry_client_associations_total{peer="scanner",result="failed"}`: "1",
		`orthanc_jobs_pending`:                                             "1",
	})
	if age := metric(t, s, "gantry_commitment_oldest_age_seconds"); age == "" || age == "0" {
		t.Errorf("the oldest is %q s old", age)
	}
	var ids []string
	s.get("/jobs", &ids)
	s.post("/jobs/"+ids[0]+"/cancel", nil, nil)
	wantMetrics(t, s, map[string]string{
		`gantry_commitment_backlog`:                                            "0",
		`gantry_commitment_oldest_age_seconds`:                                 "0",
		`gantry_jobs_ended_total{state="Failure",type="StorageCommitmentScp"}`: "1",
		`orthanc_jobs_total_failed`:                                            "1",
	})
}

// Requests are counted by the pattern of their route, whatever ids clients make up; refusals by their reason.
func TestMetricsOfTheAPI(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) {
		yes := true
		cfg.AuthenticationEnabled, cfg.HttpMaximumBodySize = &yes, 1
		cfg.RegisteredUsers = map[string]string{"alice": "secret"}
	})
	login := []string{"Authorization", "Basic YWxpY2U6c2VjcmV0"} // alice:secret
	for _, rq := range []struct{ method, path, body string }{
		{"GET", "/instances/made-up", ""}, {"GET", "/instances/made-up-too", ""}, {"GET", "/no/such/route", ""},
		{"POST", "/instances", "no DICOM"}, {"POST", "/instances", strings.Repeat("x", 2<<20)}, {"BREW", "/system", ""},
	} {
		_, _ = do(t, rq.method, s.url+rq.path, []byte(rq.body), login...)
	}
	_, _ = do(t, http.MethodGet, s.url+"/system", nil)
	_, _ = do(t, http.MethodGet, s.url+"/system", nil, "Authorization", "Basic YWxpY2U6d3Jvbmc=")
	_, _ = do(t, http.MethodPost, s.url+"/instances", nil, append(login, "Sec-Fetch-Site", "cross-site")...)
	_, text := do(t, http.MethodGet, s.url+"/tools/metrics-prometheus", nil, login...)
	for _, line := range []string{
		`gantry_http_requests_total{method="GET",route="/instances/{id}",status="404"} 2`,
		`gantry_http_requests_total{method="GET",route="none",status="404"} 1`,
		`gantry_http_requests_total{method="other",route="none",status="400"} 1`,
		`gantry_http_request_duration_seconds_count{route="/instances"} 2`,
		`gantry_refusals_total{limit="http_body_size"} 1`,
		`gantry_refusals_total{limit="http_bad_request"} 2`,
		`gantry_refusals_total{limit="http_origin"} 1`,
		`gantry_refusals_total{limit="login_missing"} 1`,
		`gantry_refusals_total{limit="login_failed"} 1`,
		`gantry_storage_objects_total{result="refused"} 1`,
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
	if status, _ := do(t, http.MethodGet, s.url+"/tools/metrics-prometheus?collect[]=nonsense", nil, login...); status != http.StatusBadRequest {
		t.Errorf("a group that there is not: status %d", status)
	}
}

// With MetricsEnabled false nothing is served, and nothing is missing.
func TestMetricsCanBeOffFromTheStart(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.MetricsEnabled = false })
	s.post("/instances", newObject().file(t), nil)
	status, text := do(t, http.MethodGet, s.url+"/tools/metrics-prometheus", nil)
	if status != http.StatusOK || len(text) > 0 {
		t.Errorf("status %d, %q", status, text)
	}
	if _, text := do(t, http.MethodGet, s.url+"/tools/metrics", nil); string(text) != "0" {
		t.Errorf("GET /tools/metrics: %q", text)
	}
}
