package daemon_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dul"
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
