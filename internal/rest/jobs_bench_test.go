package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/jobs"
)

// archive is a Saver that holds a long history, and many jobs that wait.
type archive struct{ ended, waiting int }

func (archive) Save(context.Context, []jobs.Record) error     { return nil }
func (archive) Delete(context.Context, ...string) error       { return nil }
func (archive) State(context.Context, string) ([]byte, error) { return []byte(`{}`), nil }
func (a archive) Load(context.Context) ([]jobs.Record, error) {
	list := make([]jobs.Record, 0, a.ended+a.waiting)
	for i := range a.ended + a.waiting {
		content := fmt.Sprintf(`{"Description":"REST API","FailedInstancesCount":0,"InstancesCount":%d,"LocalAet":"GANTRY",`+
			`"ParentResources":["f689ddd2-662f8fe1-8b18180d-ec2a2cee-%08d"],"RemoteAet":"PACS",`+
			`"Resources":[{"ID":"f689ddd2-662f8fe1-8b18180d-ec2a2cee-%08d","Type":"Series"}]}`, i, i, i)
		r := jobs.Record{ID: jobs.NewID(), Kind: "Deed", State: jobs.Success, Seq: int64(i + 1), Created: time.Now(), Changed: time.Now(),
			Content: []byte(content), Version: 1, Done: 100, Total: 100}
		if i >= a.ended {
			r.State, r.Data = jobs.Pending, []byte(`{}`)
		}
		list = append(list, r)
	}
	return list, nil
}

// What a daemon with 10,000 jobs in its history and 1,000 that wait takes to answer, and to hold them.
func BenchmarkLongHistory(b *testing.B) {
	before := heap()
	engine := jobs.New(jobs.Config{Workers: 1, HistorySize: 10_000, Saver: archive{10_000, 1000},
		Factories: map[string]jobs.Factory{"Deed": func(int, []byte) (jobs.Job, error) { return newDeed("Deed"), nil }}})
	if err := engine.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	s := New(Deps{Config: config.Default(), Jobs: engine})
	grown := heap() - before
	var waiting string
	for info := range engine.Infos() {
		if info.State == jobs.Pending {
			waiting = info.ID
		}
	}
	ask := func(b *testing.B, method, path, body string) {
		rq := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
		rq.RemoteAddr = "127.0.0.1:1"
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, rq); w.Code != http.StatusOK || path == "/jobs?expand" && !json.Valid(w.Body.Bytes()) {
			b.Fatalf("%s: %d", path, w.Code)
		}
	}
	b.Run("expand", func(b *testing.B) {
		for b.Loop() {
			ask(b, "GET", "/jobs?expand", "")
		}
		b.ReportMetric(float64(grown)/1e6, "MB-held")
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			ask(b, "GET", "/jobs", "")
		}
	})
	b.Run("running", func(b *testing.B) {
		for b.Loop() {
			ask(b, "GET", "/jobs?expand&state=Running", "")
		}
	})
	b.Run("priority", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			ask(b, "PUT", "/jobs/"+waiting+"/priority", fmt.Sprint(i%100))
		}
	})
	b.Run("pause and resume", func(b *testing.B) {
		for b.Loop() {
			ask(b, "POST", "/jobs/"+waiting+"/pause", "")
			ask(b, "POST", "/jobs/"+waiting+"/resume", "")
		}
	})
	b.Run("cancel and resubmit", func(b *testing.B) {
		for b.Loop() {
			ask(b, "POST", "/jobs/"+waiting+"/cancel", "")
			ask(b, "POST", "/jobs/"+waiting+"/resubmit", "")
		}
	})
	if err := engine.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// heap is what is in use after a collection, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
