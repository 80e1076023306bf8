package daemon_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"gantry/internal/config"
)

// payload is what Orthanc (since 1.12.10) adds to an error that a peer's status has led to.
type payload struct {
	Content struct{ DimseErrorStatus int }
	Type    string
}

// checkPayload looks for it in an error or a job, and that it is nowhere else: 0.
func checkPayload(t *testing.T, where string, text []byte, want int) {
	t.Helper()
	var answer struct{ ErrorPayload *payload }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Errorf("%s: %v in %s", where, err, text)
		return
	}
	switch got := answer.ErrorPayload; {
	case want == 0 && got != nil, want != 0 && got == nil:
		t.Errorf("%s: %+v in %s", where, got, text)
	case want != 0 && (got.Type != "Dimse" || got.Content.DimseErrorStatus != want):
		t.Errorf("%s: %+v", where, got)
	}
}

// The status that a peer has refused an instance with is in the error of a synchronous call and in the job, also after a
// restart, and gone once the job is resubmitted.
func TestStatusOfAPeerInErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	full := startFaulty(t, "store status=A700 times=2")
	run := func() *server {
		return start(t, func(cfg *config.Config) { cfg.StorageDirectory, cfg.DicomModalitiesInDatabase = dir, true })
	}
	s := run()
	var stored struct{ ID string }
	file := newObject().file(t)
	s.post("/instances", file, &stored)
	s.declare("full", "GANTRY", full.DICOMAddr().String())
	s.declare("away", "AWAY", "127.0.0.1:1")

	resources := []byte(`["` + stored.ID + `"]`)
	_, text := do(t, http.MethodPost, s.url+"/modalities/full/store-straight", file)
	checkPayload(t, "store-straight", text, 0xA700)
	_, text = do(t, http.MethodPost, s.url+"/modalities/full/store", resources)
	checkPayload(t, "store", text, 0xA700)
	_, text = do(t, http.MethodPost, s.url+"/modalities/away/store", resources)
	checkPayload(t, "store to nobody", text, 0)

	check := func(when string, want map[string]int) (refused string) {
		t.Helper()
		var list []json.RawMessage
		s.get("/jobs?expand", &list)
		if len(list) != len(want) {
			t.Errorf("%s: %s", when, list)
		}
		for _, job := range list {
			var of struct {
				ID      string
				Content struct{ RemoteAet string }
			}
			if err := json.Unmarshal(job, &of); err != nil {
				t.Fatal(err)
			}
			checkPayload(t, when+": job to "+of.Content.RemoteAet, job, want[of.Content.RemoteAet])
			if of.Content.RemoteAet == "GANTRY" {
				refused = of.ID
			}
		}
		return refused
	}
	check("before the restart", map[string]int{"GANTRY": 0xA700, "AWAY": 0})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = run()
	refused := check("after the restart", map[string]int{"GANTRY": 0xA700, "AWAY": 0})
	s.post("/jobs/"+refused+"/resubmit", nil, nil)
	reachState(t, s.url, refused, "Success")
	check("after the resubmit", map[string]int{"GANTRY": 0, "AWAY": 0})
}
