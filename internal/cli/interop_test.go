package cli_test

import (
	"bufio"
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
	"strings"
	"testing"
	"time"

	"gantry/internal/testkit"
)

// program starts a foreign program and ends it with the test.
func program(t *testing.T, path string, args ...string) io.Reader {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // it was interrupted
		timer.Stop()
		_ = w.Close()
	})
	return r
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// DCMTK's storescp takes every sample it can read, and they arrive with the bytes of their data set.
func TestStoreIntoStorescp(t *testing.T) {
	t.Parallel()
	samples, path := testkit.Samples(t), testkit.Program(t, "storescp")
	dir, address := t.TempDir(), freeAddress(t)
	out := program(t, path, "-v", "+xa", "-od", dir, port(t, address))
	go func() { _, _ = io.Copy(io.Discard, out) }()
	until(t, func() bool { return run(t, nil, "echo", address).code == 0 })
	var r storeJSON
	run(t, nil, "store", address, samples, "--json").decode(t, &r)
	// What the peer does not take: data sets that are not what they say, or have no identifiers.
	if r.Objects < 170 || r.Stored < 160 || len(r.Damaged) > 5 {
		t.Errorf("%d of %d stored, damaged %v, failed %v", r.Stored, r.Objects, r.Damaged, r.Failed)
	}
	o := run(t, nil, "store", address, filepath.Join(samples, "CT_small.dcm"), filepath.Join(samples, "image_dfl.dcm"))
	if o.code != 0 {
		t.Errorf("%+v", o)
	}
}

// until waits for a program of others, which tells of its readiness in no other way, to answer.
func until(t *testing.T, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-ctx.Done():
			t.Fatal("the peer did not come up")
		case <-tick.C:
		}
	}
}

// orthanc starts one that knows us as GANTRY at listen, and returns its DICOM address.
func orthanc(t *testing.T, path, listen string) string {
	t.Helper()
	dir, dicom, rest := testkit.SharedDir(t), freeAddress(t), freeAddress(t)
	number := func(address string) int { n, _ := strconv.Atoi(port(t, address)); return n }
	text, err := json.Marshal(map[string]any{
		"StorageDirectory": dir, "IndexDirectory": dir, "DicomPort": number(dicom), "HttpPort": number(rest),
		"DicomModalities": map[string]any{"gantry": []any{"GANTRY", "127.0.0.1", number(listen)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "orthanc.json")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	out := program(t, path, file)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
		}
	}()
	until(t, func() bool {
		rs, err := http.Get(fmt.Sprintf("http://%s/system", rest))
		if err == nil {
			_ = rs.Body.Close()
		}
		return err == nil && rs.StatusCode == http.StatusOK
	})
	return "ORTHANC@" + dicom
}

// Orthanc, this system's and the newest, stores and commits.
func TestCommitmentWithOrthanc(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]func(testing.TB) string{"Debian": testkit.Orthanc, "newest": testkit.NewestOrthanc} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples, listen := testkit.Samples(t), freeAddress(t)
			peer := orthanc(t, path(t), listen)
			file := filepath.Join(samples, "CT_small.dcm")
			var s storeJSON
			run(t, nil, "store", peer, file, filepath.Join(samples, "MR_small.dcm"), "--commit", "--listen", listen, "--json").want(t, 0).decode(t, &s)
			if s.Stored != 2 || s.Commitment.Committed != 2 {
				t.Errorf("%+v", s)
			}
			var c commitmentJSON
			run(t, nil, "stgcmt", "request", peer, file, "CTImageStorage=1.2.3.4", "--listen", listen, "--json").want(t, 1).decode(t, &c)
			if c.Committed != 1 || c.Failed != 1 {
				t.Errorf("%+v", c)
			}
			wrongClass := "MRImageStorage=1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"
			o := run(t, nil, "stgcmt", "request", peer, wrongClass, "--listen", listen).want(t, 1)
			if !strings.Contains(o.stdout, "failed") {
				t.Error(o.stdout)
			}
		})
	}
}
