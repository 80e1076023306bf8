package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// runJobs sends studies to the daemon itself, as jobs of several priorities.
func (l *load) runJobs(ctx context.Context) {
	for pause(ctx, 500*time.Millisecond) {
		s := l.ledger.borrow(rand.Int())
		if s == nil {
			continue
		}
		if id, err := l.publicID(ctx, s); err == nil && id != "" {
			body := fmt.Sprintf(`{"Resources":[%q],"Asynchronous":true,"Priority":%d,"Permissive":true}`, id, rand.IntN(10))
			if err := l.post(ctx, "/modalities/self/store", body, nil); err == nil {
				l.ledger.count("jobs submitted", 1)
			}
		}
		l.ledger.giveBack(s)
	}
}

// control cancels, pauses, resumes, resubmits and forgets jobs at random.
func (l *load) control(ctx context.Context) {
	verbs := []string{"cancel", "pause", "resume", "resubmit"}
	for pause(ctx, 100*time.Millisecond) {
		var ids []string
		if err := l.daemon.api.Get(ctx, "/jobs", &ids); err != nil || len(ids) == 0 {
			continue
		}
		id, verb := ids[rand.IntN(len(ids))], verbs[rand.IntN(len(verbs))]
		var job struct{ Type string }
		if err := l.daemon.api.Get(ctx, "/jobs/"+id, &job); err != nil || job.Type == "StorageCommitmentScp" {
			continue // a cancelled commitment has no report to wait for
		}
		if err := l.post(ctx, "/jobs/"+id+"/"+verb, "", nil); err == nil {
			l.ledger.count("control calls", 1)
		}
		if rand.IntN(10) == 0 {
			l.resumePaused(ctx)
		}
	}
}

// resumePaused lets no job stay paused for ever.
func (l *load) resumePaused(ctx context.Context) {
	var jobs []struct{ ID, State string }
	if err := l.daemon.api.Get(ctx, "/jobs?expand", &jobs); err != nil {
		return
	}
	for _, job := range jobs {
		if job.State == "Paused" {
			_ = l.post(ctx, "/jobs/"+job.ID+"/resume", "", nil) // it may have ended meanwhile
		}
	}
}

// read asks what clients ask all day.
func (l *load) read(ctx context.Context) {
	for pause(ctx, 200*time.Millisecond) {
		for _, path := range []string{"/system", "/statistics", "/jobs?expand", "/studies?since=0&limit=50&expand",
			"/changes?since=0&limit=100", "/storage-commitment/outgoing", "/tools/metrics-prometheus"} {
			l.fetch(ctx, path)
		}
		s := l.ledger.borrow(rand.Int())
		if s == nil {
			continue
		}
		if id, err := l.publicID(ctx, s); err == nil && id != "" {
			l.fetch(ctx, "/studies/"+id+"/archive")
		}
		l.ledger.giveBack(s)
	}
}

// fetch reads an answer to its end and throws it away.
func (l *load) fetch(ctx context.Context, path string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.daemon.url()+path, nil)
	if err != nil {
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err == nil && response.StatusCode == http.StatusOK {
		l.ledger.count("answers read", 1)
		l.ledger.count("bytes read", int(n))
	}
}

// post sends a text and decodes the answer where out is not nil.
func (l *load) post(ctx context.Context, path, body string, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.daemon.url()+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return decode(response, out)
}
