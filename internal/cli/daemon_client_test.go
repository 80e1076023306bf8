package cli_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// fakeDaemon answers what the commands ask, to alice with the password secret alone.
func fakeDaemon(t *testing.T) (environ []string, removed *[]string) {
	t.Helper()
	removed = new([]string)
	answers := map[string]string{
		"GET /modalities?expand": `{"pacs": {"AET": "PACS", "Host": "pacs.example.org", "Port": 104}}`,
		"GET /storage-commitment?expand": `[{"ID": "2.25.1", "RemoteAET": "PACS", "Status": "Pending", "Modality": "pacs", "Created": "20261121T200000"},
			{"ID": "2.25.2", "RemoteAET": "PACS", "Status": "Success"}]`,
		"GET /storage-commitment/2.25.1": `{"RemoteAET": "PACS", "Status": "Pending"}`,
		"GET /storage-commitment/2.25.2": `{"RemoteAET": "PACS", "Status": "Success", "Success": [{"SOPClassUID": "1.2", "SOPInstanceUID": "1.2.3"}], "Failures": []}`,
		"GET /storage-commitment/2.25.3": `{"RemoteAET": "PACS", "Status": "Failure", "Success": [], "Failures": [
			{"SOPClassUID": "1.2", "SOPInstanceUID": "1.2.4", "FailureReason": 274, "Description": "x"}]}`,
		"GET /storage-commitment/2.25.5": `{"RemoteAET": "PACS", "Status": "Timeout"}`,
		"GET /storage-commitment/2.25.6": `{"RemoteAET": "PACS", "Status": "Failure", "ResubmittedAs": "2.25.2", "Success": [], "Failures": [],
			"Missing": [{"SOPClassUID": "1.2", "SOPInstanceUID": "1.2.5"}], "Extra": [{"SOPClassUID": "1.2", "SOPInstanceUID": "1.2.6"}]}`,
		"POST /storage-commitment/2.25.1/resubmit": `{"ID": "j1", "Path": "/jobs/j1"}`,
		"POST /storage-commitment/2.25.3/resubmit": `{"ID": "j3", "Path": "/jobs/j3"}`,
		"POST /storage-commitment/2.25.5/resubmit": `{"ID": "j5", "Path": "/jobs/j5"}`,
		"POST /storage-commitment/2.25.6/resubmit": `{"ID": "j6", "Path": "/jobs/j6"}`,
		"GET /jobs/j1": `{"ID": "j1", "State": "Retry", "Content": {"RemoteAet": "PACS", "TransactionUid": "2.25.1", "InstancesCount": 2}}`,
		"GET /jobs/j3": `{"ID": "j3", "State": "Success", "Content": {"RemoteAet": "PACS", "TransactionUid": "2.25.2", "InstancesCount": 1}}`,
		"GET /jobs/j5": `{"ID": "j5", "State": "Failure", "Content": {"RemoteAet": "PACS", "TransactionUid": "2.25.5"}}`,
		"GET /jobs/j6": `{"ID": "j6", "State": "Failure", "ErrorDetails": "scu: the peer will not", "Content": {"RemoteAet": "PACS", "TransactionUid": "2.25.9"}}`,
	}
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		uri := r.RequestURI
		if strings.HasPrefix(uri, "/jobs/") {
			uri = r.URL.Path // whether it waits for a change or not
		}
		answer, ok := answers[r.Method+" "+uri]
		switch {
		case user != "alice" || password != "secret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/storage-commitment/2.25.4":
			status := "Pending"
			if asked.Add(1) == 3 {
				status = "Success"
			}
			_, _ = io.WriteString(w, `{"RemoteAET": "PACS", "Status": "`+status+`"}`)
		case strings.HasSuffix(r.URL.Path, "2.25.2/remove"):
			*removed = append(*removed, r.URL.Path)
			_, _ = io.WriteString(w, "{}")
		case strings.HasSuffix(r.URL.Path, "/remove"):
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"Details": "the report is no success", "OrthancStatus": 6}`)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"Details": "no such request", "OrthancStatus": 7}`)
		default:
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(s.Close)
	return []string{"GANTRY_URL=" + s.URL, "GANTRY_USER=alice", "GANTRY_PASSWORD=secret"}, removed
}

func TestCommitmentRequestsOfTheDaemon(t *testing.T) {
	t.Parallel()
	env, removed := fakeDaemon(t)
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"list", 0, "2.25.1           pacs      PACS      Pending  ", ""},
		{"list --json", 0, `"ID": "2.25.2"`, ""},
		{"status 2.25.1", 4, "2.25.1 at PACS: Pending", "still pending"},
		{"status 2.25.1 --wait 60ms", 4, "2.25.1 at PACS: Pending", "still pending"},
		{"status 2.25.4 --wait 20s", 0, "2.25.4 at PACS: Success", ""},
		{"status 2.25.2", 0, "1.2.3             committed", ""},
		{"status 2.25.3", 1, "1.2.4             failed  0112H not stored there", "1 instance not committed"},
		{"status 2.25.3 --json", 1, `"FailureReason": 274`, "1 instance not committed"},
		{"status 2.25.9", 6, "", "gantry: no such request\n        \"gantry stgcmt list\""},
		{"remove 2.25.2", 0, "deleted what was committed in 2.25.2", ""},
		{"remove 2.25.2 --json", 0, "\"Deleted\": [", ""},
		{"remove 2.25.1", 4, "", "still pending"},
		{"remove 2.25.3", 1, "", "1 instance not committed"},
		{"status 2.25.5", 4, "2.25.5 at PACS: Timeout", "no report came before the deadline"},
		{"status 2.25.6", 1, "1.2.5             not reported", "\"gantry stgcmt resubmit 2.25.6\" stores them again"},
		{"status 2.25.6", 1, "1.2.6             unrequested ", "1 instance not committed"},
		{"status 2.25.6", 1, "0 failed, 1 not reported\nresubmitted as 2.25.2", "1 instance not committed"},
		{"resubmit 2.25.3", 0, "1 instance asked of PACS again as 2.25.2, by job j3", ""},
		{"resubmit 2.25.3 --json", 0, `"TransactionUid": "2.25.2"`, ""},
		{"resubmit 2.25.3 --wait 20s --deadline 10s --attempts 2", 0, "2.25.2 at PACS: Success", ""},
		{"resubmit 2.25.3 --wait 20s --json", 0, `"Status": "Success"`, ""},
		{"resubmit 2.25.1 --wait 60ms", 4, "2.25.1 at PACS: Pending", "still pending"},
		{"resubmit 2.25.5 --wait 20s", 4, "2.25.5 at PACS: Timeout", "no report came before the deadline"},
		{"resubmit 2.25.6 --wait 20s", 1, "", "gantry: the peer will not"},
		{"resubmit 2.25.9", 6, "", "\"gantry stgcmt list\""},
		{"resubmit 2.25.1 --attempts 0", 2, "", "--attempts must be 1 or more"},
		{"resubmit 2.25.1 --deadline 5ms", 2, "", "--deadline must be a second or more"},
		{"list --user bob", 3, "", "Log in with --user and --password-file"},
	} {
		o := run(t, env, append([]string{"stgcmt"}, strings.Fields(test.args)...)...)
		if o.code != test.code || !strings.Contains(o.stdout, test.stdout) || !strings.Contains(o.stderr, test.stderr) || test.stderr == "" && o.stderr != "" {
			t.Errorf("%s: code %d, want %d\nstdout %s\nstderr %s", test.args, o.code, test.code, o.stdout, o.stderr)
		}
	}
	if len(*removed) != 2 {
		t.Errorf("removed %v", *removed)
	}
}

func TestPasswordFile(t *testing.T) {
	t.Parallel()
	env, _ := fakeDaemon(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("secret\r\nanything else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env = append(env, "GANTRY_PASSWORD=wrong")
	run(t, env, "stgcmt", "list").want(t, 3)
	run(t, env, "stgcmt", "list", "--password-file", file).want(t, 0)
	run(t, append(env, "GANTRY_PASSWORD_FILE="+file), "stgcmt", "list").want(t, 0)
}

func TestNoDaemon(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	o := run(t, nil, "stgcmt", "list", "--url", s.URL).want(t, 3)
	if !strings.Contains(o.stderr, "Is the daemon running") {
		t.Error(o.stderr)
	}
}

// The shell gets peers and transactions from the running daemon, and nothing from one that is not there.
func TestCompletionAsksTheDaemon(t *testing.T) {
	t.Parallel()
	env, _ := fakeDaemon(t)
	for args, want := range map[string]string{
		"store":          "PACS@pacs.example.org:104\tpacs\n",
		"echo":           "PACS@pacs.example.org:104\tpacs\n",
		"stgcmt request": "PACS@pacs.example.org:104\tpacs\n",
		"stgcmt status":  "2.25.1\tPending PACS\n2.25.2\tSuccess PACS\n",
		"stgcmt remove":  "2.25.1\tPending PACS\n2.25.2\tSuccess PACS\n",
	} {
		args := append([]string{"__complete"}, strings.Fields(args)...)
		if o := run(t, env, append(args, "")...).want(t, 0); !strings.HasPrefix(o.stdout, want) {
			t.Errorf("%v: %q", args, o.stdout)
		}
		if o := run(t, []string{"GANTRY_URL=http://127.0.0.1:1"}, append(args, "")...).want(t, 0); !strings.HasPrefix(o.stdout, ":") {
			t.Errorf("%v: %q without a daemon", args, o.stdout)
		}
	}
}

// Values that are known are completed without anybody's help.
func TestCompletionOfFixedValues(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"serve --layout|":                   "log\nfiles\n:4\n",
		"serve --log-level|":                "debug\ninfo\nwarn\nerror\n:4\n",
		"config --log-format|":              "text\njson\n:4\n",
		"serve --aet|":                      ":4\n",
		"fsck --storage|":                   ":16\n",
		"backup |":                          ":16\n",
		"export x|":                         ":4\n",
		"ls --name|":                        ":4\n",
		"archive --output|":                 ":0\n",
		"archive --extract|":                ":16\n",
		"stgcmt request A@h:1|CTImageStora": "CTImageStorage=\n:6\n",
		"jobs list --type|":                 "Archive\nDicomModalityStore\nMedia\nStorageCommitmentScp\nStorageCommitmentScu\n:4\n",
		"faults add|commitment report=f":    "commitment report=failed\ncommitment report=forged\n:6\n",
		"stgcmt request A@h:1|a":            ":0\n",
	} {
		before, typed, _ := strings.Cut(args, "|")
		o := run(t, nil, append(append([]string{"__complete"}, strings.Fields(before)...), typed)...).want(t, 0)
		if !strings.HasPrefix(o.stdout, want) {
			t.Errorf("%s: %q, want %q", args, o.stdout, want)
		}
	}
}

// An HTTPS server with a certificate of one's own is checked with --tls-ca.
func TestDaemonBehindTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	o := run(t, nil, "stgcmt", "list", "--url", s.URL).want(t, 3)
	if !strings.Contains(o.stderr, "--tls-ca FILE") {
		t.Error(o.stderr)
	}
	o = run(t, []string{"GANTRY_TLS_CA=" + ca}, "stgcmt", "list", "--url", s.URL).want(t, 0)
	if !strings.Contains(o.stdout, "has asked no peer for storage commitment") {
		t.Error(o.stdout)
	}
	run(t, nil, "stgcmt", "list", "--url", s.URL, "--tls-ca", ca).want(t, 0)
}
