package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dul"
	"gantry/internal/testkit"
)

// hungPeer takes connections and never answers; with associates it accepts the association first, and takes what is
// sent without a word. It returns its port, and tells of everything it has taken that far.
func hungPeer(t *testing.T, associates bool) (port int, came <-chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		_ = ln.Close()
	})
	taken := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			if associates {
				if _, err := dul.Accept(ctx, conn, dul.Policy{Negotiate: acceptAll, ImplementationClassUID: "2.25.1"}); err != nil {
					continue
				}
			}
			taken <- struct{}{}
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port, taken
}

func acceptAll(_ context.Context, rq *dul.Request) (*dul.Answer, error) {
	answer := &dul.Answer{}
	for _, c := range rq.Contexts {
		answer.Contexts = append(answer.Contexts, dul.AnsweredContext{ID: c.ID, TransferSyntax: c.TransferSyntaxes[0]})
	}
	return answer, nil
}

// peer declares a modality.
func peer(t *testing.T, base, name string, port int) {
	t.Helper()
	ask(t, http.MethodPut, base+"/modalities/"+name, fmt.Appendf(nil, `["PEER", "127.0.0.1", %d]`, port), nil)
}

// send begins a job that sends an instance, and returns its id.
func send(t *testing.T, base, modality, instance string) string {
	t.Helper()
	var job struct{ ID string }
	ask(t, http.MethodPost, base+"/modalities/"+modality+"/store",
		fmt.Appendf(nil, `{"Resources": [%q], "Asynchronous": true}`, instance), &job)
	return job.ID
}

func stateOf(t *testing.T, base, id string) string {
	t.Helper()
	var job struct{ State string }
	ask(t, http.MethodGet, base+"/jobs/"+id, nil, &job)
	return job.State
}

func reachState(t *testing.T, base, id string, states ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("job in state %v", states), func() bool { return slices.Contains(states, stateOf(t, base, id)) })
}

// Pause and cancel act through a peer that does not answer: neither a connection without an association nor a C-STORE
// without a response holds them up. The daemon then stops at once.
func TestControlThroughAHungPeer(t *testing.T) {
	t.Parallel()
	for name, associates := range map[string]bool{"no association": false, "no response": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			var stored struct{ ID string }
			s.post("/instances", newObject().file(t), &stored)
			port, came := hungPeer(t, associates)
			peer(t, s.url, "hung", port)
			id := send(t, s.url, "hung", stored.ID)
			<-came
			s.post("/jobs/"+id+"/pause", nil, nil)
			reachState(t, s.url, id, "Paused")
			s.post("/jobs/"+id+"/resume", nil, nil)
			<-came
			s.post("/jobs/"+id+"/cancel", nil, nil)
			reachState(t, s.url, id, "Failure")
			send(t, s.url, "hung", stored.ID)
			<-came
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := s.Stop(ctx); err != nil {
				t.Errorf("stopping: %v", err)
			}
		})
	}
}

// Jobs go on after a restart in their order, a paused one stays paused; --no-jobs leaves all of them for later.
func TestJobsOverRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port, came := hungPeer(t, false)
	run := func(load bool) *server {
		s := start(t, func(cfg *config.Config) {
			cfg.StorageDirectory, cfg.ConcurrentJobs, cfg.LoadJobs, cfg.DicomModalitiesInDatabase = dir, 1, load, true
		})
		return s
	}
	stop := func(s *server) {
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s := run(true)
	var stored struct{ ID string }
	s.post("/instances", newObject().file(t), &stored)
	peer(t, s.url, "hung", port)
	first, second, third := send(t, s.url, "hung", stored.ID), send(t, s.url, "hung", stored.ID), send(t, s.url, "hung", stored.ID)
	s.post("/jobs/"+second+"/pause", nil, nil)
	<-came
	stop(s)

	s = run(false)
	var list []string
	if s.get("/jobs", &list); len(list) != 0 {
		t.Errorf("with --no-jobs: %v", list)
	}
	stop(s)

	s = run(true)
	<-came
	for id, want := range map[string]string{first: "Running", second: "Paused", third: "Pending"} {
		if got := stateOf(t, s.url, id); got != want {
			t.Errorf("job %s, want %s", got, want)
		}
	}
	s.post("/jobs/"+first+"/cancel", nil, nil)
	<-came
	reachState(t, s.url, third, "Running")
}

// Every control call in every state that a job of Orthanc can be brought into, answered alike.
func TestJobControlLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet, cfg.ConcurrentJobs, cfg.JobsHistorySize = "ORTHANC", 1, 100 })
	o := startOrthanc(t, program, s.dicomPort(), `"ConcurrentJobs": 1, "DicomScuTimeout": 600`)
	upload(t, t.Errorf, s.url, o.url, filepath.Join(samples, "CT_small.dcm"))
	hung, _ := hungPeer(t, false)
	sink := start(t, nil)
	for _, base := range []string{s.url, o.url} {
		peer(t, base, "hung", hung)
		ask(t, http.MethodPut, base+"/modalities/dead", []byte(`["DEAD", "127.0.0.1", 1]`), nil)
		ask(t, http.MethodPut, base+"/modalities/sink", []byte(`["GANTRY", "127.0.0.1", `+sink.dicomPort()+`]`), nil)
	}
	running := map[string]string{} // by server: the job that takes its only slot
	bring := map[string]func(base string) string{
		"unknown": func(string) string { return "66a662ce-7430-bad4-0dc5-ec7a538d0000" },
		"Success": func(base string) string { return send(t, base, "sink", ctInstance) },
		"Failure": func(base string) string { return send(t, base, "dead", ctInstance) },
		"Running": func(base string) string {
			if running[base] == "" {
				running[base] = send(t, base, "hung", ctInstance)
			}
			return running[base]
		},
		"Pending": func(base string) string { return send(t, base, "hung", ctInstance) },
		"Paused": func(base string) string {
			id := send(t, base, "hung", ctInstance)
			ask(t, http.MethodPost, base+"/jobs/"+id+"/pause", nil, nil)
			return id
		},
	}
	calls := []struct{ method, path string }{
		{"GET", "/archive"}, {"DELETE", "/archive"}, {"POST", "/resume"}, {"POST", "/resubmit"}, {"POST", "/pause"}, {"POST", "/cancel"}, {"DELETE", ""},
	}
	// Success and Failure come first: from the first job that hangs on, nothing else runs.
	for _, state := range []string{"unknown", "Success", "Failure", "Running", "Pending", "Paused"} {
		for _, call := range calls {
			var status [2]int
			var body [2][]byte
			for i, base := range []string{s.url, o.url} {
				id := bring[state](base)
				if state != "unknown" {
					reachState(t, base, id, state)
				}
				if state == "Running" && (call.path == "/pause" || call.path == "/cancel") {
					continue // what these do to a hung job is where the two differ
				}
				status[i], body[i] = do(t, call.method, base+"/jobs/"+id+call.path, nil)
				body[i] = []byte(strings.ReplaceAll(string(body[i]), id, "ID"))
			}
			compareBodies(t.Errorf, fmt.Sprintf("%s %s of a job that is %s", call.method, call.path, state), status[0], status[1], body[0], body[1])
		}
	}
}

// The JSON of a job has Orthanc's fields.
func TestJobLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "ORTHANC" })
	o := startOrthanc(t, program, s.dicomPort())
	upload(t, t.Errorf, s.url, o.url, filepath.Join(samples, "CT_small.dcm"))
	sink := start(t, nil)
	var seen [2]map[string]any
	for i, base := range []string{s.url, o.url} {
		ask(t, http.MethodPut, base+"/modalities/sink", []byte(`["GANTRY", "127.0.0.1", `+sink.dicomPort()+`]`), nil)
		var job struct{ ID string }
		ask(t, http.MethodPost, base+"/modalities/sink/store", []byte(`{"Resources": ["`+ctInstance+
			`"], "Asynchronous": true, "Priority": 4, "UserData": {"ticket": [7]}}`), &job)
		reachState(t, base, job.ID, "Success")
		ask(t, http.MethodGet, base+"/jobs/"+job.ID, nil, &seen[i])
		for _, key := range []string{"ID", "CreationTime", "CompletionTime", "Timestamp", "EffectiveRuntime"} {
			if _, ok := seen[i][key]; !ok {
				t.Errorf("%s has no %s", base, key)
			}
			delete(seen[i], key)
		}
	}
	ours, _ := json.Marshal(seen[0])
	theirs, _ := json.Marshal(seen[1])
	if string(ours) != string(theirs) {
		t.Errorf("%s\nOrthanc shows\n%s", ours, theirs)
	}
}

// The type errors of the fields that every job route takes.
func TestSubmissionLikeOrthanc(t *testing.T) {
	t.Parallel()
	samples, program := testkit.Samples(t), testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "ORTHANC" })
	o := startOrthanc(t, program, s.dicomPort())
	upload(t, t.Errorf, s.url, o.url, filepath.Join(samples, "CT_small.dcm"))
	for _, base := range []string{s.url, o.url} {
		ask(t, http.MethodPut, base+"/modalities/dead", []byte(`["DEAD", "127.0.0.1", 1]`), nil)
	}
	for _, field := range []string{
		`"Synchronous": "yes"`, `"Synchronous": 1`, `"Synchronous": null`, `"Asynchronous": "yes"`, `"Priority": "1"`, `"Priority": 1.5`,
		`"Priority": 2.0`, `"Priority": 99999999999`, `"Priority": null`, `"Priority": -3`, `"Permissive": 1`, `"Permissive": "x"`,
		`"Synchronous": true, "Asynchronous": "x"`,
	} {
		compareAnswers(t, t.Errorf, s.url, o.url, question{method: "POST", path: "/modalities/dead/store",
			body: `{"Resources": ["` + ctInstance + `"], ` + field + `}`})
	}
}
