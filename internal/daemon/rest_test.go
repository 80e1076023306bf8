package daemon_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gantry/internal/config"
)

func TestHealthNeedsNoLogin(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) {
		on := true
		cfg.AuthenticationEnabled, cfg.RegisteredUsers = &on, map[string]string{"user": "secret"}
	})
	for _, path := range []string{"/livez", "/readyz"} {
		if status, body := do(t, "GET", s.url+path, nil); status != http.StatusOK || string(body) != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if status, _ := do(t, "GET", s.url+"/system", nil); status != http.StatusUnauthorized {
		t.Errorf("/system without a login: %d, want 401", status)
	}
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret"))
	if status, _ := do(t, "GET", s.url+"/system", nil, "Authorization", login); status != http.StatusOK {
		t.Errorf("/system with a login: %d, want 200", status)
	}
}

// TestEarlyRefusalReadsTheBody sends an upload without a login: the client has to see the 401 and not a broken
// connection, though it looks at the answer only after the whole body.
func TestEarlyRefusalReadsTheBody(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) {
		on := true
		cfg.AuthenticationEnabled, cfg.RegisteredUsers = &on, map[string]string{"user": "secret"}
	})
	conn, err := net.Dial("tcp", s.HTTPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size = 8 << 20
	if _, err := io.WriteString(conn, "POST /instances HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 8388608\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(conn, zeros{}, size); err != nil {
		t.Fatalf("the server did not read the body to its end: %v", err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
		t.Errorf("answer %.60q, error %v; want a 401", answer, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestUploadIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	file := newObject().file(t)
	copy(file, "a preamble of its own")
	var stored struct{ ID, Status string }
	s.post("/instances", file, &stored)
	if stored.Status != "Success" {
		t.Errorf("status %q", stored.Status)
	}
	if _, got := do(t, "GET", s.url+"/instances/"+stored.ID+"/file", nil); !bytes.Equal(got, file) {
		t.Error("the file came back with other bytes")
	}
	status, part := do(t, "GET", s.url+"/instances/"+stored.ID+"/file", nil, "Range", "bytes=128-131")
	if status != http.StatusPartialContent || string(part) != "DICM" {
		t.Errorf("range: %d %q, want 206 DICM", status, part)
	}
}

func TestUploadLimitHoldsForInflatedBodies(t *testing.T) {
	t.Parallel()
	s := start(t, func(cfg *config.Config) { cfg.HttpMaximumBodySize = 1 })
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := w.Write(newObject().file(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, 64<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	status, body := do(t, "POST", s.url+"/instances", bomb.Bytes(), "Content-Encoding", "gzip")
	if status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d: %s; want 413", status, body)
	}
	var list []string
	if s.get("/instances", &list); len(list) != 0 {
		t.Errorf("%d instances stored from a bomb", len(list))
	}
}

func TestSystemNamesBoth(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	var system struct {
		Version, GantryVersion, Server, DicomAet string
		DicomPort, HttpPort                      int
		MainDicomTags                            map[string]string
	}
	s.get("/system", &system)
	if system.Version != "1.13.0" || system.GantryVersion != "test" || system.Server != "gantry" {
		t.Errorf("system %+v", system)
	}
	if system.DicomPort == 0 || system.HttpPort == 0 || !strings.HasPrefix(system.MainDicomTags["Patient"], "0010,0010;0010,0020") {
		t.Errorf("system %+v", system)
	}
}

func TestForeignPagesAreKeptOut(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	if status, _ := do(t, "POST", s.url+"/tools/lookup", nil, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a change asked for by another site: %d, want 403", status)
	}
	rq, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/system", nil)
	if err != nil {
		t.Fatal(err)
	}
	rq.Host = "evil.example"
	answer, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign Host: %d, want 403", answer.StatusCode)
	}
}

// TestStoreSurvivesARestart stops the daemon in peace and starts it again on the same folder.
func TestStoreSurvivesARestart(t *testing.T) {
	t.Parallel()
	for _, layout := range []string{"log", "files"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := newObject()
			first := start(t, func(cfg *config.Config) { cfg.StorageDirectory, cfg.StorageLayout = dir, layout })
			first.post("/instances", o.file(t), nil)
			if err := first.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			second := start(t, func(cfg *config.Config) { cfg.StorageDirectory, cfg.StorageLayout = dir, layout })
			if got := second.storedDataset(o.instance); !bytes.Equal(got, o.dataset(t)) {
				t.Error("the object came back with other bytes")
			}
		})
	}
}

func TestSecondDaemonOnTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	cfg := testConfig(s.cfg.StorageDirectory)
	second := newDaemon(cfg)
	err := second.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), cfg.StorageDirectory) {
		t.Errorf("second daemon: %v, want a refusal that names the folder", err)
	}
}
