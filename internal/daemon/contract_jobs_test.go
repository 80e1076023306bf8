package daemon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gantry/internal/config"
)

// asked compares what two requests that name their jobs differently were answered.
func (p *pair) asEach(what string, request func(base string) string) {
	p.t.Helper()
	p.asked.Add(1)
	var answers [2]answer
	for i, base := range []string{p.ours, p.theirs} {
		var err error
		if answers[i], err = (question{request: request(base)}).of(p.t, base); err != nil {
			p.t.Errorf("%s: %v", what, err)
			return
		}
	}
	p.compare(question{request: what}, answers[0], answers[1])
}

// askJobControl makes every control call in every state that a job of Orthanc can be brought into.
func askJobControl(t *testing.T, c *contract) {
	p := c.pair(t, func(cfg *config.Config) { cfg.ConcurrentJobs, cfg.JobsHistorySize = 1, 100 }, `"ConcurrentJobs": 1, "DicomScuTimeout": 600`)
	p.samples("CT_small.dcm")
	hung, _ := hungPeer(t, false)
	sink := start(t, nil)
	for _, base := range []string{p.ours, p.theirs} {
		peer(t, base, "hung", hung)
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
	calls := []string{"GET", "GET /archive", "DELETE /archive", "POST /resume", "POST /resubmit", "POST /pause", "POST /cancel", "DELETE", "PUT", "PUT /pause"}
	// Success and Failure come first: from the first job that hangs on, nothing else runs.
	for _, state := range []string{"unknown", "Success", "Failure", "Running", "Pending", "Paused"} {
		for _, call := range calls {
			method, path, _ := strings.Cut(call, " ")
			if state == "Running" && (path == "/pause" || path == "/cancel") {
				continue // what these do to a hung job is where the two differ
			}
			p.asEach(fmt.Sprintf("%s /jobs/{%s}%s", method, state, path), func(base string) string {
				id := bring[state](base)
				if state != "unknown" {
					reachState(t, base, id, state)
				}
				return method + " /jobs/" + id + path
			})
		}
	}
	for _, list := range []string{"GET /jobs?expand=x", "GET /jobs?bogus"} {
		p.asEach(list, func(string) string { return list })
	}
}

// askJobFields is about the JSON of a job, and the types of the fields that every route with a job takes.
func askJobFields(t *testing.T, c *contract) {
	p := c.pair(t, nil).samples("CT_small.dcm")
	sink := start(t, nil)
	for _, base := range []string{p.ours, p.theirs} {
		ask(t, http.MethodPut, base+"/modalities/sink", []byte(`["GANTRY", "127.0.0.1", `+sink.dicomPort()+`]`), nil)
	}
	for _, submission := range []string{
		`/modalities/sink/store {"Resources": ["{i}"], "Asynchronous": true, "Priority": 4, "UserData": {"ticket": [7]}}`,
		`/modalities/sink/store {"Resources": ["{s}"], "Synchronous": false, "Permissive": true, "MoveOriginatorAet": "A", "MoveOriginatorID": 7}`,
		`/studies/{s}/archive {"Asynchronous": true, "Priority": -1, "UserData": "x"}`, `/series/{e}/media {"Asynchronous": true, "Extended": true}`,
		`/tools/create-archive {"Resources": ["{s}"], "Asynchronous": true, "Utf8": true, "Filename": "a.zip"}`,
	} {
		p.asEach("GET /jobs/{submitted} "+submission, func(base string) string {
			var job struct{ ID string }
			path, body, _ := strings.Cut(known.Replace(submission), " ")
			ask(t, http.MethodPost, base+path, []byte(body), &job)
			reachState(t, base, job.ID, "Success")
			return "GET /jobs/" + job.ID
		})
	}
	for _, field := range []string{
		`"Synchronous": "yes"`, `"Synchronous": 1`, `"Synchronous": null`, `"Asynchronous": "yes"`, `"Priority": "1"`, `"Priority": 1.5`,
		`"Priority": 2.0`, `"Priority": 99999999999`, `"Priority": null`, `"Priority": -3`, `"Permissive": 1`, `"Permissive": "x"`,
		`"Synchronous": true, "Asynchronous": "x"`, `"Permissive": true`, `"UserData": [1]`,
	} {
		p.requests(`POST /modalities/dead/store {"Resources": ["{i}"], ` + field + `}`)
	}
	for _, field := range []string{`"Transcode": "1.2.3"`, `"Transcode": 5`, `"Priority": "x"`, `"Asynchronous": "x"`, `"Utf8": 3`, `"Filename": 5`, `"Extended": 1`} {
		p.requests("POST {S}/archive {"+field+"}", "POST {S}/media {"+field+"}", `POST /tools/create-archive {"Resources": ["{s}"], `+field+`}`)
	}
}
