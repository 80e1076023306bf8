package cli_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gantry/internal/cli"
	"gantry/internal/storage/blob/disk"
)

// place is the line of JSON that serve --ephemeral prints.
type place struct {
	DicomAet, DicomHost, Url, Directory, Version string
	DicomPort, HttpPort, Pid                     int
}

// dicom is the address as our clients take it.
func (p *place) dicom() string {
	return p.DicomAet + "@" + net.JoinHostPort(p.DicomHost, strconv.Itoa(p.DicomPort))
}

// ephemeral runs a server for tests in this process, with parent as the folder of temporary files. stop ends it by
// SIGTERM and returns its exit code and what it has printed after the first line.
func ephemeral(t *testing.T, parent string, args ...string) (p place, stop func() (int, string)) {
	t.Helper()
	env, _, stderr := testEnv([]string{"GANTRY_TEMPORARY_DIRECTORY=" + parent})
	stdout, w := io.Pipe()
	signals := make(chan os.Signal, 1)
	env.Stdout, env.Signals = w, func() (<-chan os.Signal, func()) { return signals, func() {} }
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Main(append([]string{"serve", "--ephemeral"}, args...), env)
		_ = w.Close()
	}()
	lines := make(chan string, 1)
	var rest bytes.Buffer
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		b := make([]byte, 4096)
		n, _ := stdout.Read(b) // the line is one Write
		lines <- string(b[:n])
		_, _ = io.Copy(&rest, stdout)
	}()
	line := <-lines
	if err := json.Unmarshal([]byte(line), &p); err != nil || strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
		t.Fatalf("%v: %q\n%s", err, line, stderr)
	}
	stopped := false
	stop = func() (int, string) {
		stopped = true
		signals <- syscall.SIGTERM
		code := <-ended
		<-copied
		return code, rest.String()
	}
	t.Cleanup(func() {
		if !stopped {
			stop()
		}
	})
	return p, stop
}

func TestEphemeralServer(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	p, stop := ephemeral(t, parent)
	if p.DicomAet != "GANTRY" || p.DicomHost != "127.0.0.1" || p.DicomPort == 0 || p.HttpPort == 0 || p.Pid != os.Getpid() ||
		p.Version == "" || p.Url != "http://127.0.0.1:"+strconv.Itoa(p.HttpPort) || filepath.Dir(p.Directory) != parent {
		t.Errorf("%+v", p)
	}
	if info, err := os.Stat(p.Directory); err != nil || !strings.HasPrefix(info.Name(), "gantry-ephemeral-") || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v %v", info, err)
	}
	file := writeObject(t, t.TempDir(), "a.dcm", ct("1.2.3", "1.2", "1.2.2"))
	run(t, nil, "echo", p.dicom(), "--aet", "ANYBODY").want(t, 0)
	run(t, nil, "store", p.dicom(), file, "--aet", "SOMEONE").want(t, 0)
	run(t, nil, "stgcmt", "request", p.dicom(), file, "--aet", "NOBODY", "--wait", "20s").want(t, 0) // on the same association
	run(t, nil, "config").want(t, 0)
	o := run(t, []string{"GANTRY_URL=" + p.Url}, "faults", "list").want(t, 3)
	if o.stderr != "gantry: Faults are not enabled: start the server with --faults, or with the option FaultsEnabled\n" {
		t.Error(o.stderr)
	}
	if code, rest := stop(); code != 0 || rest != "" {
		t.Errorf("exit code %d, and more on standard output: %q", code, rest)
	}
	wantEmpty(t, parent)
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// What is asked for is had, over the defaults of such a server.
func TestEphemeralServerAsTold(t *testing.T) {
	t.Parallel()
	port := freeAddress(t)
	_, number, _ := net.SplitHostPort(port)
	p, _ := ephemeral(t, t.TempDir(), "--dicom-port", number, "--aet", "PACS", "--modality", "scu=SCU@127.0.0.1:1", "--fault", "echo status=0110 once")
	if strconv.Itoa(p.DicomPort) != number || p.DicomAet != "PACS" {
		t.Errorf("%+v", p)
	}
	run(t, nil, "echo", p.dicom()).want(t, 5)
	run(t, nil, "echo", p.dicom()).want(t, 0)
}

func TestFolderGoesWhenTheStartFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	parent := t.TempDir()
	o := run(t, []string{"GANTRY_TEMPORARY_DIRECTORY=" + parent}, "serve", "--ephemeral", "--dicom-port",
		strconv.Itoa(taken.Addr().(*net.TCPAddr).Port))
	if o.code == 0 || o.stdout != "" || !strings.Contains(o.stderr, "another program has this port") {
		t.Errorf("%+v", o)
	}
	wantEmpty(t, parent)
}

// A server that cannot say where it is would run for ever.
func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	env, _, stderr := testEnv([]string{"GANTRY_TEMPORARY_DIRECTORY=" + parent})
	r, w := io.Pipe()
	env.Stdout = w
	_ = r.Close()
	if code := cli.Main([]string{"serve", "--ephemeral"}, env); code != 5 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	wantEmpty(t, parent)
}

// What a killed server has left is removed by the next one; what may belong to a living one, or to nobody we know, stays.
func TestStaleFolders(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	old := time.Now().Add(-time.Hour)
	folder := func(name string, mode os.FileMode, lock bool, when time.Time) string {
		dir := filepath.Join(parent, name)
		if err := os.MkdirAll(filepath.Join(dir, "data"), mode); err != nil {
			t.Fatal(err)
		}
		if lock {
			if err := os.WriteFile(filepath.Join(dir, "LOCK"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(dir, when, when); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	folder("gantry-ephemeral-1-a", 0o700, true, old)
	stay := []string{
		folder("gantry-ephemeral-2-young", 0o700, true, time.Now()),
		folder("gantry-ephemeral-3-nolock", 0o700, false, old),
		folder("gantry-ephemeral-4-open", 0o755, true, old),
		folder("somebody", 0o700, true, old),
		folder("gantry-ephemeral-5-living", 0o700, true, old),
	}
	lock, err := disk.LockFolder(stay[4])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Unlock() }()
	_, stop := ephemeral(t, parent)
	if code, _ := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) != len(stay) {
		t.Errorf("%v %v", left, err)
	}
	for _, dir := range stay {
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	}
}

// squeezed is JSON without blanks.
func squeezed(text string) string { return strings.Join(strings.Fields(text), "") }

func TestFaultsCommand(t *testing.T) {
	t.Parallel()
	p, _ := ephemeral(t, t.TempDir(), "--faults")
	environ := []string{"GANTRY_URL=" + p.Url}
	if o := run(t, environ, "faults", "list", "--json").want(t, 0); strings.TrimSpace(o.stdout) != "[]" {
		t.Errorf("%q", o.stdout)
	}
	if o := run(t, environ, "faults", "add", "echo status=0110 once", "store abort").want(t, 0); o.stdout != "1\n2\n" {
		t.Errorf("%q", o.stdout)
	}
	run(t, nil, "echo", p.dicom()).want(t, 5)
	want := "ID  RULE                   SEEN  APPLIED\n1   echo status=0110 once  1     1\n2   store abort            0     0\n"
	if o := run(t, environ, "faults", "list").want(t, 0); o.stdout != want {
		t.Errorf("%s", o.stdout)
	}
	run(t, environ, "faults", "clear", "1").want(t, 0)
	run(t, environ, "faults", "clear", "1").want(t, 6)
	if o := run(t, environ, "faults", "add", "find abort", "--json").want(t, 0); squeezed(o.stdout) != `[{"ID":"3","Rule":"findabort"}]` {
		t.Errorf("%q", o.stdout)
	}
	if o := run(t, environ, "faults", "clear", "2", "--json").want(t, 0); squeezed(o.stdout) != `["2"]` {
		t.Errorf("%q", o.stdout)
	}
	run(t, environ, "faults", "add", "get abort").want(t, 0)
	if o := run(t, environ, "faults", "clear", "--json").want(t, 0); squeezed(o.stdout) != `["3","4"]` {
		t.Errorf("%q", o.stdout)
	}
	for name, enabled := range map[string]string{"on": "true", "off": "false"} {
		want := `{"URL":"` + p.Url + `","Enabled":` + enabled + `}`
		if o := run(t, environ, "metrics", name, "--json").want(t, 0); squeezed(o.stdout) != want {
			t.Errorf("%q, want %s", o.stdout, want)
		}
	}
	run(t, environ, "faults", "clear").want(t, 0)
	if o := run(t, environ, "faults", "list", "--json").want(t, 0); strings.TrimSpace(o.stdout) != "[]" {
		t.Errorf("%q", o.stdout)
	}
	o := run(t, environ, "faults", "add", "store abrt").want(t, 2)
	if !strings.Contains(o.stderr, `"store abrt", column 7: "abrt" is not known`) || !strings.Contains(o.stderr, "gantry faults add --help") {
		t.Error(o.stderr)
	}
	o = run(t, nil, "serve", "--fault", "stroe abort").want(t, 2)
	if !strings.Contains(o.stderr, `--fault: "stroe abort", column 1: "stroe" is no service`) {
		t.Error(o.stderr)
	}
}
