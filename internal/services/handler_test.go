package services_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
)

// script writes a shell program and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	testkit.Program(t, "sh")
	file := filepath.Join(t.TempDir(), "handler")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// commitWith asks a site with a handler about three stored instances and one that is missing, and returns the reasons.
func commitWith(t *testing.T, change func(*config.Config)) (s *site, refs []index.Reference, got []uint16) {
	t.Helper()
	s = newSite(t, change)
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	refs = append(s.putInto(3), ctRef("1.2.3"))
	if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	decided := reasons(r.next(t).data)
	for _, ref := range refs {
		got = append(got, decided[ref])
	}
	return s, refs, got
}

// echoVerdicts is a shell program that gives each instance the reason that gantry itself would.
const echoVerdicts = `sep='{"Instances":['
tr '{' '\n' | sed -n 's/.*"SOPInstanceUID":"\([0-9.]*\)".*"Reason":\([0-9]*\).*/\1 \2/p' | while read -r uid reason; do
	printf '%s{"SOPInstanceUID":"%s","Reason":%s}' "$sep" "$uid" "$reason"
	sep=,
done
echo ']}'
`

func sedVerdicts(expression string) string {
	return strings.Replace(echoVerdicts, " | while", " | "+expression+" | while", 1)
}

// What a program says counts, as far as it may say it; what it says wrongly is followed by what is configured.
func TestHandlerProgram(t *testing.T) {
	t.Parallel()
	const failing = "fail"
	good, bad := []uint16{0, 0, 0, jobkinds.ReasonNoSuchInstance}, []uint16{0x110, 0x110, 0x110, jobkinds.ReasonNoSuchInstance}
	for name, x := range map[string]struct {
		script    string
		onFailure string
		missing   bool
		want      []uint16
		logged    string
	}{
		"agrees":            {echoVerdicts, failing, false, good, ""},
		"refuses the first": {sedVerdicts("sed '1s/ .*/ 531/'"), failing, false, []uint16{0x213, 0, 0, 0x112}, ""},
		"another reason":    {sedVerdicts("sed '4s/ .*/ 290/'"), failing, false, []uint16{0, 0, 0, 0x122}, ""},
		"commits to all":    {sedVerdicts("sed 's/ .*/ 0/'"), failing, false, good, "it is overruled"},
		"may commit to all": {sedVerdicts("sed 's/ .*/ 0/'"), failing, true, []uint16{0, 0, 0, 0}, ""},
		"answers on others": {sedVerdicts("sed '1s/^[0-9.]*/9.9.9/'"), failing, false, bad, "is on \\\"9.9.9\\\""},
		"changes the order": {sedVerdicts("sed '1!G;h;$!d'"), failing, false, bad, "its answer 1 is on"},
		"forgets one":       {sedVerdicts("sed 1d"), failing, false, bad, "on 3 instances, 4 were asked"},
		"a strange reason":  {sedVerdicts("sed 's/ .*/ 273/'"), failing, false, bad, "no Reason that is 0 or one of"},
		"garbage":           {"echo hello", failing, false, bad, "not the JSON"},
		"two answers":       {"cat >/dev/null; echo '{\"Instances\":[]} {}'", failing, false, bad, "more than one JSON value"},
		"nothing":           {"cat >/dev/null", failing, false, bad, "not the JSON"},
		"does not read":     {"exit 0", failing, false, bad, "not the JSON"},
		"exits with 3":      {"echo why >&2; exit 3", failing, false, bad, "exit status 3; it wrote: why"},
		"as by default":     {"exit 1", "default", false, good, "exit status 1"},
		"far too long":      {"yes", failing, false, bad, "answer is too long"},
		"leaves a process":  {echoVerdicts + "sleep 300 &", failing, false, bad, "left a process behind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, got := commitWith(t, func(c *config.Config) {
				c.StorageCommitmentHandler, c.StorageCommitmentHandlerOnFailure = script(t, x.script), x.onFailure
				c.StorageCommitmentHandlerCommitsMissing = x.missing
			})
			if !slices.Equal(got, x.want) {
				t.Errorf("%04X, want %04X", got, x.want)
			}
			if !strings.Contains(s.logged.String(), x.logged) {
				t.Errorf("the log does not say %q", x.logged)
			}
		})
	}
}

// With "retry" the decision waits for the handler, and the report says what it says in the end.
func TestHandlerIsAskedAgain(t *testing.T) {
	t.Parallel()
	ready := filepath.Join(t.TempDir(), "ready")
	s := newSite(t, func(c *config.Config) {
		c.StorageCommitmentHandler, c.StorageCommitmentHandlerOnFailure = script(t, "[ -e "+ready+" ] || exit 1\n"+sedVerdicts("sed '1s/ .*/ 272/'")), "retry"
		c.StorageCommitmentRetryDelay = 3600
	})
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	refs := s.putInto(2)
	if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	id := s.commitmentJobs()[0]
	if info := s.reach(id, jobs.Retry); !strings.Contains(info.ErrorDetails, "exit status 1") {
		t.Errorf("%+v", info)
	}
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.peers.SendOutgoing(t.Context(), "2.25.1"); err != nil {
		t.Fatal(err)
	}
	if got := reasons(r.next(t).data); got[refs[0]] != 0x110 || got[refs[1]] != 0 {
		t.Errorf("%04X", got)
	}
}

// When the time for trying again is over, the requester gets the report it was promised.
func TestHandlerIsAskedInVain(t *testing.T) {
	t.Parallel()
	_, _, got := commitWith(t, func(c *config.Config) {
		c.StorageCommitmentHandler, c.StorageCommitmentHandlerOnFailure = script(t, "exit 1"), "retry"
		c.StorageCommitmentRetryFor = 0
	})
	if want := []uint16{0x110, 0x110, 0x110, 0x112}; !slices.Equal(got, want) {
		t.Errorf("%04X, want %04X", got, want)
	}
}

// A handler is told who asks whom about what, in batches, and nothing by its environment or arguments.
func TestHandlerIsTold(t *testing.T) {
	t.Setenv("GANTRY_STORAGE_COMMITMENT_HANDLER_PASSWORD", "secret")
	told := filepath.Join(t.TempDir(), "told")
	_, refs, got := commitWith(t, func(c *config.Config) {
		c.StorageCommitmentHandler = script(t, `{ env; echo "arguments: $*"; } >"$1.env"; tee "$1" | {`+"\n"+echoVerdicts+"}\n")
		c.StorageCommitmentHandlerArguments = []string{told, "two words; $(false)"}
	})
	if want := []uint16{0, 0, 0, 0x112}; !slices.Equal(got, want) {
		t.Errorf("%04X, want %04X", got, want)
	}
	environment, err := os.ReadFile(told + ".env")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(environment), "secret") || strings.Contains(string(environment), "GANTRY") ||
		!strings.Contains(string(environment), "arguments: "+told+" two words; $(false)\n") {
		t.Errorf("%s", environment)
	}
	text, err := os.ReadFile(told)
	if err != nil {
		t.Fatal(err)
	}
	var request struct {
		TransactionUID, CallingAET, CalledAET, RemoteIP string
		Instances                                       []struct {
			SOPClassUID, SOPInstanceUID dicom.UID
			Found                       bool
			ID                          string
			Reason                      int
		}
	}
	if err := json.Unmarshal(text, &request); err != nil {
		t.Fatal(err)
	}
	if request.TransactionUID != "2.25.1" || request.CallingAET != "SCU" || request.CalledAET != "GANTRY" || request.RemoteIP != "127.0.0.1" {
		t.Errorf("%+v", request)
	}
	for i, in := range request.Instances {
		present := i < 3
		if in.SOPInstanceUID != refs[i].SOPInstanceUID || in.SOPClassUID != refs[i].SOPClassUID || in.Found != present || (len(in.ID) == 44) != present || (in.Reason == 0) != present {
			t.Errorf("instance %d: %+v", i, in)
		}
	}
}

// The same over HTTP and HTTPS: login, headers, certificate, and no step beyond the address that was given.
func TestHandlerEndpoint(t *testing.T) {
	t.Parallel()
	bad := []uint16{0x110, 0x110, 0x110, 0x112}
	answer := func(reason int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var rq struct{ Instances []map[string]any }
			user, password, _ := r.BasicAuth()
			if user != "gantry" || password != "secret" || r.Header.Get("X-Key") != "k" ||
				r.Header.Get("Content-Type") != "application/json" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if err := json.NewDecoder(r.Body).Decode(&rq); err != nil {
				t.Error(err)
			}
			for _, in := range rq.Instances {
				if in["Found"] == true {
					in["Reason"] = reason
				}
			}
			_ = json.NewEncoder(w).Encode(rq)
		}
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was led elsewhere") }))
	defer elsewhere.Close()
	for name, x := range map[string]struct {
		serve  http.HandlerFunc
		tls    bool
		trust  bool
		user   string
		want   []uint16
		logged string
	}{
		"commits":               {answer(0), false, false, "gantry", []uint16{0, 0, 0, 0x112}, ""},
		"refuses, over TLS":     {answer(0x213), true, true, "gantry", []uint16{0x213, 0x213, 0x213, 0x112}, ""},
		"certificate of nobody": {answer(0), true, false, "gantry", bad, "certificate"},
		"wrong login":           {answer(0), false, false, "other", bad, "status 401"},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, false, false, "gantry", bad, "redirects are not followed"},
		"endless":                {func(w http.ResponseWriter, r *http.Request) { _, _ = io.CopyN(w, zeros{}, 1<<20) }, false, false, "gantry", bad, "too long"},
		"breaks off":             {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, false, "gantry", bad, "no answer"},
		"does not answer (1 s)":  {func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, false, false, "gantry", bad, "no answer within 1s"},
		"not the JSON we expect": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"Instances":{}}`) }, false, false, "gantry", bad, "not the JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(x.serve)
			if x.tls {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			s := newSite(t, func(c *config.Config) {
				c.StorageCommitmentHandler, c.StorageCommitmentHandlerTimeout = server.URL+"/commit?key=secret", 1
				c.StorageCommitmentHandlerUser, c.StorageCommitmentHandlerPassword = x.user, "secret"
				c.StorageCommitmentHandlerHeaders = map[string]string{"X-Key": "k"}
			})
			if x.trust {
				s.peers.HTTPS = server.Client().Transport.(*http.Transport).TLSClientConfig
			}
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", r.addr))
			refs := append(s.putInto(3), ctRef("1.2.3"))
			if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
				t.Fatal(err)
			}
			decided := reasons(r.next(t).data)
			for i, ref := range refs {
				if decided[ref] != x.want[i] {
					t.Errorf("instance %d: %04XH, want %04XH", i, decided[ref], x.want[i])
				}
			}
			if log := s.logged.String(); !strings.Contains(log, x.logged) || strings.Contains(log, "secret") {
				t.Errorf("the log does not say %q, or says too much", x.logged)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A handler is not asked about a Transaction UID that belongs to another open transaction: its answer could not count.
func TestHandlerIsNotAskedAboutDuplicates(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) {
		c.StorageCommitmentHandler = script(t, sedVerdicts("sed 's/ .*/ 290/'"))
	})
	r := newRequester(t)
	s.know("first", modality(t, "FIRST", "127.0.0.1:1"))
	s.know("second", modality(t, "SECOND", r.addr))
	refs := s.putInto(2)
	if err := errors.Join(ask(t, s.dial("FIRST", nil), "2.25.1", refs), ask(t, s.dial("SECOND", nil), "2.25.1", refs)); err != nil {
		t.Fatal(err)
	}
	want := map[index.Reference]uint16{refs[0]: jobkinds.ReasonDuplicateTransaction, refs[1]: jobkinds.ReasonDuplicateTransaction}
	if got := reasons(r.next(t).data); !maps.Equal(got, want) {
		t.Errorf("%04X", got)
	}
}

// A large request is put before the handler in batches, whose verdicts keep to their instances.
func TestHandlerIsAskedInBatches(t *testing.T) {
	t.Parallel()
	calls := filepath.Join(t.TempDir(), "calls")
	s := newSite(t, func(c *config.Config) {
		c.StorageCommitmentHandler = script(t, "echo >>"+calls+"\n"+sedVerdicts("sed 's/^\\(.*7\\) .*/\\1 290/'"))
	})
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", r.addr))
	refs := many(5_001)
	if err := ask(t, s.dial("SCU", nil), "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	for i, f := range r.next(t).data.Failures {
		want := jobkinds.ReasonNoSuchInstance
		if strings.HasSuffix(string(refs[i].SOPInstanceUID), "7") {
			want = jobkinds.ReasonClassNotSupported
		}
		if f.Reference != refs[i] || f.Reason != want {
			t.Fatalf("failure %d: %+v, want %04XH", i, f, want)
		}
	}
	if text, err := os.ReadFile(calls); err != nil || len(text) != 2 {
		t.Errorf("%d calls, %v", len(text), err)
	}
}
