package daemon_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// startFaulty runs a daemon that makes faults.
func startFaulty(t testing.TB, rules ...string) *server {
	t.Helper()
	return start(t, func(cfg *config.Config) {
		cfg.FaultsEnabled, cfg.Faults, cfg.DicomAlwaysAllowStorageCommitment = true, rules, true
	})
}

// applied returns how often each fault was made.
func (s *server) applied() (counts []int) {
	s.t.Helper()
	var list []struct{ Applied int }
	s.get("/faults", &list)
	for _, f := range list {
		counts = append(counts, f.Applied)
	}
	return counts
}

// What DCMTK's programs make of each fault: their exit code, and a line of what they print. Stored is how many of the
// three objects that storescu sends are there afterwards.
func TestFaultsMeetDCMTK(t *testing.T) {
	t.Parallel()
	echoscu, storescu := testkit.Program(t, "echoscu"), testkit.Program(t, "storescu")
	dir := t.TempDir()
	writeSeries(t, dir, 3)
	const aborted = "Peer aborted Association (or never connected)"
	const failed = -1        // any exit code but 0
	shared := startFaulty(t) // by those that store nothing, each under an AE title of its own
	for i, c := range []struct {
		rule, program string
		args          string
		code          int
		want          string
		stored        int
	}{
		{`echo status=0122 comment="not today"`, echoscu, "-d", 0, "ErrorComment", 0},
		{"echo abort", echoscu, "", 0, aborted, 0},
		{"echo drop", echoscu, "", 0, aborted, 0},
		{"echo drop=pdu", echoscu, "", 70, "DUL network closed", 0},
		{"echo delay=10m", echoscu, "-td 1", 70, "timeout in non-blocking mode", 0},
		{"echo delay=20ms", echoscu, "-v", 0, "Received Echo Response (Success)", 0},
		{"association delay=10m", echoscu, "-ta 1", 1, "DUL", 0},
		{"association reject=local-limit", echoscu, "", 1, "Reason: Local Limit Exceeded", 0},
		{"association reject=1:1:3", echoscu, "", 1, "Reason: Calling AE Title Not Recognized", 0},
		{"association reject=congestion from=ECHO*", echoscu, "", 1, "Reason: Temporary Congestion", 0},
		{"association reject=congestion from=SOMEONE", echoscu, "-v", 0, "Received Echo Response (Success)", 0},
		{"association abort=2:1", echoscu, "", 1, aborted, 0},
		{"association drop", echoscu, "", 1, aborted, 0},
		{"association reset=pdu", echoscu, "", 1, "Association Request Failed", 0},
		{"association refuse=4", echoscu, "-d", 1, "No Acceptable Presentation Contexts", 0},
		{"association refuse=1 class=CTImageStorage", storescu, "-d", 1, "User Rejection", 0},
		{"store status=A700 after=1 once", storescu, "-v", 0xA7, "Refused: OutOfResources", 1},
		{"store status=A900 every=2", storescu, "-nh -v", 0, "Error: DataSetDoesNotMatchSOPClass", 2},
		{"store status=B000", storescu, "-v", 0, "Warning", 0},
		{"store status=0000", storescu, "-v", 0, "Received Store Response (Success)", 0},
		{"store abort after=2", storescu, "", 10, aborted, 2},
		{"store drop=request", storescu, "", failed, "E: Store Failed", 0}, // it may still be sending
		{"store drop=data", storescu, "", failed, "E: Store Failed", 0},
		{"store drop=response", storescu, "", 10, aborted, 1},
		{"store reset=pdu after=1", storescu, "", failed, "E: Store Failed", 2},
		{"store abort instance=0.*", storescu, "-v", 0, "Received Store Response (Success)", 3},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			s, aet := shared, fmt.Sprintf("ECHO%d", i)
			if c.program == storescu || strings.Contains(c.rule, "from=") {
				s = startFaulty(t, c.rule)
			} else {
				s.post("/faults", []byte(c.rule+" from="+aet), nil)
			}
			args := append(strings.Fields(c.args), "-aet", aet, "127.0.0.1", s.dicomPort())
			if c.program == storescu {
				args = append(append([]string{"+sd"}, args...), dir)
			}
			output, err := tryProgram(t, c.program, args...)
			code := 0
			if exit := new(exec.ExitError); errors.As(err, &exit) {
				code = exit.ExitCode()
			}
			if c.code == failed && code != 0 {
				code = failed
			}
			if code != c.code || !strings.Contains(output, c.want) {
				t.Errorf("exit code %d, want %d, with %q in\n%s", code, c.code, c.want, output)
			}
			var there struct{ CountInstances int }
			if s.get("/statistics", &there); there.CountInstances != c.stored {
				t.Errorf("%d objects are stored, want %d", there.CountInstances, c.stored)
			}
		})
	}
}

func dialFaulty(ctx context.Context, s *server, aet string) (*scu.Client, error) {
	little := []string{string(dicom.ExplicitVRLittleEndian)}
	return scu.Dial(ctx, scu.Config{Addr: s.DICOMAddr().String(), CallingAET: aet, CalledAET: "GANTRY", Contexts: []dul.ProposedContext{
		{AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: little},
		{AbstractSyntax: string(class), TransferSyntaxes: little},
		{AbstractSyntax: string(dicom.StorageCommitmentPushModel), TransferSyntaxes: little},
	}})
}

// What is on the wire, by the errors of our client: DCMTK calls every end an abort.
func TestEndsOfAnAssociationDiffer(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]func(*dul.AbortError) bool{
		"echo abort":     func(e *dul.AbortError) bool { return e.FromPeer && e.Source == 0 && e.Reason == 0 },
		"echo abort=2:6": func(e *dul.AbortError) bool { return e.FromPeer && e.Source == 2 && e.Reason == 6 },
		"echo drop": func(e *dul.AbortError) bool {
			return !e.FromPeer && errors.Is(e, dul.ErrConnectionLost) && !errors.Is(e, syscall.ECONNRESET)
		},
		"echo reset":           func(e *dul.AbortError) bool { return !e.FromPeer && errors.Is(e, syscall.ECONNRESET) },
		"any drop=pdu":         func(e *dul.AbortError) bool { return !e.FromPeer && errors.Is(e, dul.ErrConnectionLost) },
		"association abort":    func(e *dul.AbortError) bool { return e.FromPeer && e.Source == 0 },
		"association drop":     func(e *dul.AbortError) bool { return errors.Is(e, dul.ErrConnectionLost) },
		"association reset":    func(e *dul.AbortError) bool { return errors.Is(e, dul.ErrConnectionLost) },
		"association drop=pdu": func(e *dul.AbortError) bool { return errors.Is(e, dul.ErrConnectionLost) },
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			s := startFaulty(t, rule)
			client, err := dialFaulty(t.Context(), s, "ME")
			if err == nil {
				defer client.Abort()
				err = client.Echo(t.Context())
			}
			var abort *dul.AbortError
			if !errors.As(err, &abort) || !want(abort) {
				t.Errorf("%+v", err)
			}
		})
	}
}

// Below TLS the same things break: what is held back, what is cut, and a peer that goes during a delay.
func TestFaultsUnderTLS(t *testing.T) {
	t.Parallel()
	identity := testkit.NewIdentity(t, "gantry")
	s := start(t, func(cfg *config.Config) {
		cfg.DicomTlsEnabled, cfg.DicomTlsCertificate, cfg.DicomTlsPrivateKey = true, identity.CertFile, identity.KeyFile
		cfg.DicomTlsRemoteCertificateRequired = false
		cfg.FaultsEnabled, cfg.Faults = true, []string{"echo delay=10ms times=2", "echo drop=pdu after=2 once", "echo delay=10m after=3"}
	})
	dial := func() *scu.Client {
		client, err := scu.Dial(t.Context(), scu.Config{Addr: s.DICOMAddr().String(), CallingAET: "ME", CalledAET: "GANTRY",
			TLS: &tls.Config{RootCAs: identity.Pool, ServerName: "localhost"}, Contexts: []dul.ProposedContext{
				{AbstractSyntax: string(dicom.VerificationSOPClass), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}}}})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
	client := dial()
	for range 2 {
		if err := client.Echo(t.Context()); err != nil {
			t.Errorf("a delayed echo: %v", err)
		}
	}
	if err := client.Echo(t.Context()); !errors.Is(err, dul.ErrConnectionLost) {
		t.Errorf("an answer that is cut: %v", err)
	}
	client = dial()
	ended := make(chan error, 1)
	go func() { ended <- client.Echo(t.Context()) }()
	eventually(t, "the echo is delayed", func() bool { return s.applied()[2] == 1 })
	client.Abort()
	if err := <-ended; err == nil {
		t.Error("the answer came")
	}
}

func TestRefusedContextIsTheOneMeant(t *testing.T) {
	t.Parallel()
	s := startFaulty(t, "association refuse=2 class=CT* from=ME once")
	for i, want := range []uint8{2, 0} {
		client, err := dialFaulty(t.Context(), s, "ME")
		if err != nil {
			t.Fatal(err)
		}
		for _, pc := range client.Assoc().Contexts() {
			if pc.AbstractSyntax == string(class) && pc.Result != want || pc.AbstractSyntax != string(class) && pc.Result != 0 {
				t.Errorf("association %d: %s has result %d", i, pc.AbstractSyntax, pc.Result)
			}
		}
		if err := client.Echo(t.Context()); err != nil {
			t.Errorf("the other contexts are of no use: %v", err)
		}
		client.Abort()
	}
}

// A delay that nobody waits for any more keeps neither the association nor the daemon.
func TestDelayEndsWithPeerAndDaemon(t *testing.T) {
	t.Parallel()
	s := startFaulty(t, "echo delay=10m")
	ctx, hangUp := context.WithCancel(t.Context())
	client, err := dialFaulty(ctx, s, "ME")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- client.Echo(ctx) }()
	eventually(t, "the echo is delayed", func() bool { return s.applied()[0] == 1 })
	hangUp()
	if err := <-ended; err == nil {
		t.Error("the answer came")
	}
	client.Abort()
	other, err := dialFaulty(t.Context(), s, "ME")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Abort()
	go func() { ended <- other.Echo(t.Context()) }()
	eventually(t, "the echo is delayed", func() bool { return s.applied()[0] == 2 })
	stop, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Stop(stop); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("a delay that is cut short by the end of the daemon: %v", err)
	}
}

// An operations window: several answers are held back at once, and the peer's A-ABORT ends them.
func TestDelayInAWindow(t *testing.T) {
	t.Parallel()
	s := startFaulty(t, "store delay=10m")
	client, err := scu.Dial(t.Context(), scu.Config{Addr: s.DICOMAddr().String(), CallingAET: "ME", CalledAET: "GANTRY",
		Async: &dul.AsyncWindow{Invoked: 4, Performed: 1}, Contexts: []dul.ProposedContext{
			{AbstractSyntax: string(class), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}}}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 3)
	for range cap(ended) {
		o := newObject()
		go func() {
			_, err := client.Store(t.Context(), &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: o.instance,
				TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(o.dataset(t))})
			ended <- err
		}()
	}
	eventually(t, "all are delayed", func() bool { return s.applied()[0] == cap(ended) })
	client.Abort()
	for range cap(ended) {
		if err := <-ended; err == nil {
			t.Error("an answer came")
		}
	}
}

func TestFaultsOverREST(t *testing.T) {
	t.Parallel()
	off := start(t, nil)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if status, text := do(t, method, off.url+"/faults", []byte("echo abort")); status != http.StatusForbidden || !strings.Contains(string(text), "--faults") {
			t.Errorf("%s /faults where none are enabled: %d %s", method, status, text)
		}
	}
	s := startFaulty(t, "echo status=0110")
	var added struct{ ID, Path string }
	s.post("/faults", []byte(`{"Rule": "store status=A700 once"}`), &added)
	if added.ID != "2" || added.Path != "/faults/2" {
		t.Errorf("%+v", added)
	}
	s.post("/faults", []byte(" any delay=1ms \n"), &added)
	for body, want := range map[string]string{
		"echo abrt":      `Rule, column 6: \"abrt\" is not known`,
		`{"Rule": "x"}`:  "is no service",
		`{"Rule": 1}`:    "String value expected in field: Rule",
		`{"Rul": "x"}`:   `The field \"Rule\" is missing`,
		`{"Rule": "a"`:   "Cannot parse",
		"":               "a service is expected",
		"echo\x00 abort": "control characters",
	} {
		if status, text := do(t, http.MethodPost, s.url+"/faults", []byte(body)); status != http.StatusBadRequest || !strings.Contains(string(text), want) {
			t.Errorf("%q: %d %s", body, status, text)
		}
	}
	client, err := dialFaulty(t.Context(), s, "ME")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	if err := client.Echo(t.Context()); err == nil || !strings.Contains(err.Error(), "0110H") {
		t.Errorf("echo: %v", err)
	}
	var list []struct {
		ID, Rule, Service, Fault, Last string
		Seen, Applied                  int
	}
	s.get("/faults", &list)
	if len(list) != 3 || list[0].Applied != 1 || list[0].Last == "" || list[1].Seen != 0 || list[2].Rule != "any delay=1ms" || list[2].Fault != "delay" {
		t.Errorf("%+v", list)
	}
	for _, want := range []int{http.StatusOK, http.StatusNotFound} {
		if status, _ := do(t, http.MethodDelete, s.url+"/faults/1", nil); status != want {
			t.Errorf("DELETE /faults/1: %d, want %d", status, want)
		}
	}
	if err := client.Echo(t.Context()); err != nil {
		t.Errorf("echo without the fault: %v", err)
	}
	do(t, http.MethodDelete, s.url+"/faults", nil)
	if s.get("/faults", &list); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestWrongFaultKeepsTheDaemonFromStarting(t *testing.T) {
	t.Parallel()
	cfg := testConfig(t.TempDir())
	cfg.FaultsEnabled, cfg.Faults = true, []string{"echo abort", "store abrt"}
	if err := newDaemon(cfg).Start(t.Context()); err == nil || !strings.Contains(err.Error(), `"store abrt", column 7`) {
		t.Errorf("%v", err)
	}
}

// What is refused on purpose is no limit's doing, and an abort on purpose no fault of the peer's.
func TestFaultsAreNoRefusalsByLimits(t *testing.T) {
	t.Parallel()
	s := startFaulty(t, "association reject=local-limit from=REJECTED", "association abort=2:6 from=ABORTED",
		"echo status=0124 from=REFUSED", "echo abort=2:6 from=CUT")
	for _, aet := range []string{"REJECTED", "ABORTED"} {
		if _, err := dialFaulty(t.Context(), s, aet); err == nil {
			t.Errorf("%s may associate", aet)
		}
	}
	if rsp := dialAs(t, s, "REFUSED").Echo(t.Context()); rsp == nil {
		t.Error("the echo is not refused")
	}
	if err := dialAs(t, s, "CUT").Echo(t.Context()); err == nil {
		t.Error("the echo is not cut")
	}
	wantMetrics(t, s, map[string]string{
		`gantry_refusals_total{limit="fault"}`:                       "3",
		`gantry_refusals_total{limit="maximum_associations"}`:        "0",
		`gantry_refusals_total{limit="malformed_pdu"}`:               "0",
		`gantry_refusals_total{limit="not_authorized"}`:              "0",
		`gantry_associations_total{peer="other",result="refused"}`:   "2",
		`gantry_associations_total{peer="other",result="aborted"}`:   "1",
		`gantry_associations_total{peer="other",result="malformed"}`: "",
	})
}
