package scu_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
	"gantry/internal/testkit"
)

// start runs a foreign server until the end of the test and returns when it has written the text ready,
// if there is one.
func start(t *testing.T, ready string, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is stopped by a signal
		_ = in.Close()
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		<-exited
	})
	started := make(chan string, 1)
	go watch(out, ready, started)
	if ready == "" {
		return
	}
	if text := <-started; text != "" {
		t.Fatalf("%s ended without saying %q:\n%s", name, ready, text)
	}
}

// watch reads the output of a program to its end, and tells when it has said that it is ready, or all it said instead.
func watch(out io.Reader, ready string, started chan<- string) {
	var text strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), ready) {
			select {
			case started <- "":
			default:
			}
		}
		text.WriteString(lines.Text() + "\n")
	}
	select {
	case started <- text.String():
	default:
	}
}

// dialUntil associates with a server that is about to listen.
func dialUntil(t *testing.T, cfg scu.Config) *scu.Client {
	t.Helper()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		c, err := scu.Dial(t.Context(), cfg)
		if err == nil {
			t.Cleanup(c.Abort)
			return c
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		select {
		case <-retry.C:
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

func storeFile(t *testing.T, c *scu.Client, path string) dicom.UID {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := codec.OpenFile(bytes.NewReader(b), codec.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	rq := &scu.StoreRequest{
		SOPClassUID:    f.Meta.UID(dicom.TagMediaStorageSOPClassUID),
		SOPInstanceUID: f.Meta.UID(dicom.TagMediaStorageSOPInstanceUID),
		TransferSyntax: f.TransferSyntax.UID, Data: bytes.NewReader(b[f.DatasetOffset:]),
	}
	rsp, err := c.Store(t.Context(), rq)
	if err == nil {
		err = rsp.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return rq.SOPInstanceUID
}

func TestStoreIntoDCMTK(t *testing.T) {
	t.Parallel()
	storescp, sample := testkit.Program(t, "storescp"), filepath.Join(testkit.Samples(t), "CT_small.dcm")
	testStorescp(t, t.TempDir(), sample, storescp)
}

func TestStoreIntoNewestDCMTK(t *testing.T) {
	t.Parallel()
	dcmtk, sample := testkit.NewestDCMTK(t), filepath.Join(testkit.Samples(t), "CT_small.dcm")
	testStorescp(t, testkit.SharedDir(t), sample, dcmtk, "storescp")
}

func testStorescp(t *testing.T, dir, sample string, program ...string) {
	port := strconv.Itoa(testkit.FreePort(t))
	start(t, "", program[0], append(program[1:], "+B", "-od", dir, port)...) // +B writes the data set as it came
	cfg := config("127.0.0.1:" + port)
	cfg.DIMSETimeout = time.Minute
	c := dialUntil(t, cfg)
	if err := c.Echo(t.Context()); err != nil {
		t.Error(err)
	}
	storeFile(t, c, sample)
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	want, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "CT*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	got, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	const tail = 30_000 // the meta headers differ
	if len(got) < tail || !bytes.Equal(got[len(got)-tail:], want[len(want)-tail:]) {
		t.Errorf("the object of %d bytes arrived as %d bytes that end differently", len(want), len(got))
	}
}

// commitments receives reports from Orthanc.
type commitments struct{ got chan *dicom.Dataset }

func (c *commitments) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	ds, err := rq.Dataset(codec.DefaultLimits())
	if err != nil || rq.SOPClassUID != dicom.StorageCommitmentPushModel || rq.EventTypeID != 2 {
		return dimse.Errorf(dimse.StatusNoSuchEventType, "event type %d", rq.EventTypeID)
	}
	ds.SetString(dicom.TagRetrieveAETitle, dicom.VRAE, rq.Peer.CallingAET)
	c.got <- ds
	return nil
}

func TestCommitmentByOrthanc(t *testing.T) {
	t.Parallel()
	program := testkit.Orthanc(t)
	testOrthanc(t, t.TempDir(), program)
}

func TestCommitmentByNewestOrthanc(t *testing.T) {
	t.Parallel()
	program := testkit.NewestOrthanc(t)
	testOrthanc(t, testkit.SharedDir(t), program)
}

// testOrthanc stores an object in Orthanc and asks it to commit to that one and to one it does not have.
// Its report comes on an association of its own, with the roles exchanged.
func testOrthanc(t *testing.T, dir, program string) {
	sample := filepath.Join(testkit.Samples(t), "CT_small.dcm")
	reports := &commitments{make(chan *dicom.Dataset, 1)}
	listener := listen(t, scp.Config{Handler: reports, Accept: scp.AcceptClasses(classes, scp.LittleEndian())})
	port := strconv.Itoa(testkit.FreePort(t))
	start(t, "Orthanc has started", program, orthancConfig(t, dir, port, listener.Port))

	cfg := config("127.0.0.1:" + port)
	cfg.CalledAET, cfg.DIMSETimeout = "ORTHANC", time.Minute
	cfg.Contexts[1].TransferSyntaxes = []string{string(dicom.ExplicitVRLittleEndian)}
	c := dial(t, cfg)
	if err := c.Echo(t.Context()); err != nil {
		t.Error(err)
	}
	stored := storeFile(t, c, sample)
	rsp, err := c.Action(t.Context(), &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		ActionTypeID: 1, Dataset: request("2.25.1", stored, "1.2.3"),
	})
	if err != nil || rsp.Err() != nil {
		t.Fatalf("%+v, %v", rsp, err)
	}
	report := <-reports.got
	ok, failed := report.Items(dicom.TagReferencedSOPSequence), report.Items(dicom.TagFailedSOPSequence)
	if report.UID(dicom.TagTransactionUID) != "2.25.1" || len(ok) != 1 || len(failed) != 1 ||
		ok[0].UID(dicom.TagReferencedSOPInstanceUID) != stored || report.String(dicom.TagRetrieveAETitle) != "ORTHANC" {
		t.Fatalf("report %+v", report)
	}
	if reason, _ := failed[0].Uint16(dicom.TagFailureReason); reason != uint16(dimse.StatusNoSuchSOPInstance) {
		t.Errorf("failure reason %04X", reason)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	reportTo(t, cfg)
}

// reportTo sends a report to Orthanc on an association with the roles exchanged.
func reportTo(t *testing.T, cfg scu.Config) {
	cfg.Roles = []dul.RoleSelection{scu.ProviderRole(dicom.StorageCommitmentPushModel)}
	c := dial(t, cfg)
	rsp, err := c.EventReport(t.Context(), &scu.EventReportRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		EventTypeID: 1, Dataset: request("2.25.2", "1.2.3"),
	})
	if err != nil || rsp.Err() != nil || rsp.Command.AffectedSOPInstanceUID != dicom.StorageCommitmentPushModelInstance {
		t.Errorf("report to Orthanc: %+v, %v", rsp, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func request(transaction dicom.UID, instances ...dicom.UID) *dicom.Dataset {
	var items []*dicom.Dataset
	for _, uid := range instances {
		item := new(dicom.Dataset)
		item.SetUID(dicom.TagReferencedSOPClassUID, dicom.CTImageStorage)
		item.SetUID(dicom.TagReferencedSOPInstanceUID, uid)
		items = append(items, item)
	}
	ds := new(dicom.Dataset)
	ds.SetUID(dicom.TagTransactionUID, transaction)
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	return ds
}

func listen(t *testing.T, cfg scp.Config) *net.TCPAddr {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := scp.NewServer(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().(*net.TCPAddr)
}

// orthancConfig writes the configuration of an Orthanc that knows the test as the modality CLIENT.
func orthancConfig(t *testing.T, dir, port string, reports int) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"StorageDirectory": filepath.Join(dir, "db"), "IndexDirectory": filepath.Join(dir, "db"), "Plugins": []string{},
		"DicomPort": json.Number(port), "DicomAet": "ORTHANC", "HttpServerEnabled": false,
		"DicomModalities": map[string]any{"client": []any{"CLIENT", "127.0.0.1", reports}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
