package daemon_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/testkit"
)

// runProgram runs a foreign program to its end and returns what it printed.
func runProgram(t testing.TB, name string, args ...string) string {
	t.Helper()
	output, err := tryProgram(t, name, args...)
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, output)
	}
	return output
}

func tryProgram(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func TestEchoFromDCMTK(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	runProgram(t, testkit.Program(t, "echoscu"), "127.0.0.1", s.dicomPort())
}

func TestWrongCalledTitleIsRejectedWhereItCounts(t *testing.T) {
	t.Parallel()
	echoscu := testkit.Program(t, "echoscu")
	s := start(t, func(cfg *config.Config) { cfg.DicomCheckCalledAet = true })
	runProgram(t, echoscu, "-aec", s.cfg.DicomAet, "127.0.0.1", s.dicomPort())
	if output, err := tryProgram(t, echoscu, "-aec", "SOMEONE", "127.0.0.1", s.dicomPort()); err == nil ||
		!bytes.Contains([]byte(output), []byte("Called AE Title Not Recognized")) {
		t.Errorf("echoscu to another AE title: %v\n%s", err, output)
	}
}

func TestStoreFromDCMTK(t *testing.T) {
	t.Parallel()
	storescu := testkit.Program(t, "storescu")
	s := start(t, nil)
	dir := t.TempDir()
	objects := writeSeries(t, dir, 20)
	runProgram(t, storescu, "+sd", "127.0.0.1", s.dicomPort(), dir)
	for _, o := range objects {
		if got := s.storedDataset(o.instance); !bytes.Equal(got, o.dataset(t)) {
			t.Fatalf("%s came back with %d other bytes", o.instance, len(got))
		}
	}
}

// storedDataset fetches an instance over REST and returns its data set as it lies in the file.
func (s *server) storedDataset(instance dicom.UID) []byte {
	s.t.Helper()
	var found []struct{ ID, Type string }
	s.post("/tools/lookup", []byte(instance), &found)
	if len(found) != 1 || found[0].Type != "Instance" {
		s.t.Fatalf("lookup of %s: %v", instance, found)
	}
	status, file := do(s.t, http.MethodGet, s.url+"/instances/"+found[0].ID+"/file", nil)
	if status != http.StatusOK {
		s.t.Fatalf("file of %s: status %d", instance, status)
	}
	_, dataset := splitFile(s.t, file)
	return dataset
}

// splitFile takes a DICOM file apart into its meta information and the bytes of its data set.
func splitFile(t testing.TB, file []byte) (*dicom.Dataset, []byte) {
	t.Helper()
	f, err := codec.OpenFile(bytes.NewReader(file), codec.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return f.Meta, file[f.DatasetOffset:]
}

// TestEverySampleArrivesAsSent sends each real file on an association of its own, proposing just the syntax it is
// in. What DCMTK sends is its own reading of the file, so it is compared with what DCMTK's storescp receives.
func TestEverySampleArrivesAsSent(t *testing.T) {
	t.Parallel()
	storescu, storescp := testkit.Program(t, "storescu"), testkit.Program(t, "storescp")
	samples := testkit.Samples(t)
	s := start(t, nil)
	received := t.TempDir()
	port := runStorescp(t, storescp, received)
	sent := 0
	err := filepath.WalkDir(samples, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if compareSample(t, s, storescu, path, port, received) {
			sent++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sent < 100 {
		t.Errorf("DCMTK could send only %d of the samples", sent)
	}
	t.Logf("%d samples compared", sent)
}

func compareSample(t *testing.T, s *server, storescu, path, port, received string) bool {
	t.Helper()
	const propose = "-R" // only the context the file needs
	if _, err := tryProgram(t, storescu, propose, "127.0.0.1", port, path); err != nil {
		return false // DCMTK cannot send it, to anybody
	}
	files, err := filepath.Glob(filepath.Join(received, "*"))
	if err != nil || len(files) != 1 {
		return false
	}
	theirs, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	meta, want := splitFile(t, theirs)
	output, err := tryProgram(t, storescu, propose, "127.0.0.1", s.dicomPort(), path)
	if err != nil {
		t.Errorf("%s: DCMTK took it, gantry did not: %v\n%s", filepath.Base(path), err, output)
		return false
	}
	if got := s.storedDataset(meta.UID(dicom.TagMediaStorageSOPInstanceUID)); !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes came back, not the %d that were sent", filepath.Base(path), len(got), len(want))
	}
	// The samples share SOP Instance UIDs: the next one must not meet this one.
	var found []struct{ Path string }
	s.post("/tools/lookup", []byte(meta.UID(dicom.TagMediaStorageSOPInstanceUID)), &found)
	for _, r := range found {
		ask(t, http.MethodDelete, s.url+r.Path, nil, nil)
	}
	return true
}

// runStorescp runs DCMTK's receiver on a free port until the test ends.
func runStorescp(t testing.TB, storescp, dir string) (port string) {
	t.Helper()
	port = freePort(t)
	cmd := exec.Command(storescp, "+xa", "-od", dir, port)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitForPort(t, port)
	return port
}
