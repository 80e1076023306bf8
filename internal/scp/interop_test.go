package scp_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
	"gantry/internal/scp"
	"gantry/internal/testkit"
)

// everything accepts all storage classes in every transfer syntax, as an archive does.
func everything(_ *scp.Peer, class dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	if class != dicom.VerificationSOPClass && !dict.IsStorageSOPClass(class) {
		return "", scp.AbstractSyntaxNotSupported
	}
	return proposed[0], scp.Accepted
}

// collector is a Storer that keeps the length of each object.
type collector struct {
	mu      sync.Mutex
	objects map[dicom.UID]int64
}

func (c *collector) Store(_ context.Context, rq *scp.StoreRequest) error {
	n, err := io.Copy(io.Discard, rq.Data)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[rq.SOPInstanceUID] = n
	return err
}

// run runs a foreign program to its end and fails the test when it does.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func testDCMTK(t *testing.T, echoscu, storescu []string, samples []string) {
	h := &collector{objects: make(map[dicom.UID]int64)}
	w := newWatch()
	_, addr := serve(t, scp.Config{Handler: h, Accept: everything, Observer: w.observer()})
	host, port, _ := strings.Cut(addr, ":")
	run(t, echoscu[0], append(echoscu[1:], "--repeat", "3", "-aet", "DCMTK", "-aec", "GANTRY", host, port)...)
	if err := <-w.closed; err != nil {
		t.Errorf("association of echoscu: %v", err)
	}
	// With a profile every file goes in its own transfer syntax, on one association.
	run(t, storescu[0], append(append(storescu[1:], "-xf", profile(t, filepath.Dir(samples[0])), "Default", "-aet", "DCMTK", "-aec", "GANTRY", host, port), samples...)...)
	if err := <-w.closed; err != nil {
		t.Errorf("association of storescu: %v", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	stored := 0
	for _, op := range w.operations {
		if op.Service == "C-STORE" && op.Bytes > 0 {
			stored++
		}
	}
	if stored != len(samples) {
		t.Errorf("%d of %d files arrived", stored, len(samples))
	}
	for _, op := range w.operations {
		if op.Status != 0 || op.Peer.CallingAET != "DCMTK" || op.Peer.CalledAET != "GANTRY" {
			t.Errorf("operation %+v of %+v", op, op.Peer)
		}
	}
}

// profile writes a DCMTK association profile: the classes and transfer syntaxes of the samples.
func profile(t *testing.T, dir string) string {
	t.Helper()
	text := "[[TransferSyntaxes]]\n"
	sets := map[string]dicom.UID{
		"Implicit": dicom.ImplicitVRLittleEndian, "Explicit": dicom.ExplicitVRLittleEndian, "BigEndian": dicom.ExplicitVRBigEndian,
		"JPEG2000": dicom.JPEG2000, "RLE": dicom.RLELossless,
	}
	for name, ts := range sets {
		text += "[" + name + "]\nTransferSyntax1 = " + string(ts) + "\n"
	}
	text += "[[PresentationContexts]]\n[All]\n"
	n := 0
	for _, class := range []dicom.UID{dicom.CTImageStorage, dicom.MRImageStorage} {
		for name := range sets {
			n++
			text += "PresentationContext" + strconv.Itoa(n) + " = " + string(class) + "\\" + name + "\n"
		}
	}
	text += "[[Profiles]]\n[Default]\nPresentationContexts = All\n"
	path := filepath.Join(dir, "profile.cfg")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// copySamples copies sample files to where the foreign program sees them.
func copySamples(t *testing.T, dir string) []string {
	t.Helper()
	from := testkit.Samples(t)
	var paths []string
	for _, name := range []string{"CT_small.dcm", "MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestDCMTK(t *testing.T) {
	t.Parallel()
	echoscu, storescu := testkit.Program(t, "echoscu"), testkit.Program(t, "storescu")
	testDCMTK(t, []string{echoscu}, []string{storescu}, copySamples(t, t.TempDir()))
}

func TestNewestDCMTK(t *testing.T) {
	t.Parallel()
	dcmtk := testkit.NewestDCMTK(t)
	testDCMTK(t, []string{dcmtk, "echoscu"}, []string{dcmtk, "storescu"}, copySamples(t, testkit.SharedDir(t)))
}
