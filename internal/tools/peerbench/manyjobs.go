package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"gantry/internal/tools/launch"
	"gantry/internal/tools/phantom"
)

const (
	endedJobs   = 10_000
	pendingJobs = 1000
)

// benchJobs measures a server with a long history of jobs and many that wait: sends to a peer that refuses connections
// have ended, the others wait behind one to a peer that never answers.
func benchJobs(ctx context.Context, opt *options) error {
	list := []string{"GET /jobs?expand with 10,000 ended and 1,000 pending jobs, ms", "GET /jobs, ms", "pause of a pending job, ms",
		"resume, ms", "resident memory grown by the jobs, MB", "and after answering, MB", "jobs submitted and ended each second"}
	patient := *opt
	patient.settings = `"ConcurrentJobs":1,"JobsHistorySize":` + strconv.Itoa(endedJobs) + `,"DicomScuTimeout":600`
	return restRounds(ctx, &patient, list, func(ctx context.Context, s *server) (figures, error) {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer silent.Close()
		got := figures{}
		before := memory(s.cmd.Process.Pid, "VmRSS")
		began := time.Now()
		last, err := makeJobs(ctx, s, silent.Addr().(*net.TCPAddr).Port, func() {
			got[list[6]] = endedJobs / time.Since(began).Seconds()
		})
		if err != nil {
			return nil, err
		}
		got[list[4]] = memory(s.cmd.Process.Pid, "VmRSS") - before
		for i, request := range []struct{ method, path string }{{http.MethodGet, "/jobs?expand"}, {http.MethodGet, "/jobs"}} {
			got[list[i]], err = medianTime(11, func() error { return ask(ctx, request.method, s.base()+request.path, nil, nil) })
			if err != nil {
				return nil, err
			}
		}
		got[list[5]] = memory(s.cmd.Process.Pid, "VmRSS") - before
		return got, controlTimes(ctx, s.base()+"/jobs/"+last, got, list[2], list[3])
	})
}

func controlTimes(ctx context.Context, job string, got figures, pause, resume string) error {
	var paused, resumed []float64
	for range 50 {
		for _, call := range []struct {
			verb string
			into *[]float64
		}{{"/pause", &paused}, {"/resume", &resumed}} {
			took, err := medianTime(1, func() error { return ask(ctx, http.MethodPost, job+call.verb, nil, nil) })
			if err != nil {
				return err
			}
			*call.into = append(*call.into, took)
		}
	}
	got[pause], got[resume] = median(paused), median(resumed)
	return nil
}

// makeJobs returns one that waits. ended is called when those of the history are.
func makeJobs(ctx context.Context, s *server, silent int, ended func()) (last string, err error) {
	list, err := upload(ctx, s.base(), 1, series(phantom.SideFor(3000)))
	if err != nil {
		return "", err
	}
	for name, port := range map[string]int{"silent": silent, "away": launch.FreePort()} {
		peer := fmt.Sprintf(`{"AET":%q,"Host":"127.0.0.1","Port":%d}`, name, port)
		if err := ask(ctx, http.MethodPut, s.base()+"/modalities/"+name, []byte(peer), nil); err != nil {
			return "", err
		}
	}
	send := func(to string) error {
		var job struct{ ID string }
		body := fmt.Sprintf(`{"Resources":[%q],"Asynchronous":true}`, list[0].ID)
		err := ask(ctx, http.MethodPost, s.base()+"/modalities/"+to+"/store", []byte(body), &job)
		last = job.ID
		return err
	}
	for range endedJobs {
		if err := send("away"); err != nil {
			return "", err
		}
	}
	if err := waitForState(ctx, s.base()+"/jobs/"+last, "Failure"); err != nil {
		return "", err
	}
	ended()
	if err := send("silent"); err != nil {
		return "", err
	}
	if err := waitForState(ctx, s.base()+"/jobs/"+last, "Running"); err != nil {
		return "", err
	}
	for range pendingJobs {
		if err := send("away"); err != nil {
			return "", err
		}
	}
	return last, nil
}

func waitForState(ctx context.Context, job, state string) error {
	for {
		var now struct{ State string }
		if err := ask(ctx, http.MethodGet, job, nil, &now); err != nil || now.State == state {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the job stays %s", now.State), ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
