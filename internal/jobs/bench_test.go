package jobs

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// A long history and many that wait: what GET /jobs?expand and the control calls cost.
func BenchmarkManyJobs(b *testing.B) {
	e := New(Config{Workers: 1, HistorySize: 10_000})
	for i := range 10_000 {
		en := &entry{rec: Record{ID: NewID(), Kind: "Scripted", State: Success}, content: map[string]int{"N": i}, index: -1, kept: true}
		e.entries[en.rec.ID] = en
		e.history = append(e.history, en)
	}
	var last string
	for i := range 1000 {
		id, err := e.Submit(b.Context(), newScripted(fmt.Sprint(i)), Options{Priority: i % 3})
		if err != nil {
			b.Fatal(err)
		}
		last = id
	}
	b.Run("expand", func(b *testing.B) {
		for b.Loop() {
			if _, err := json.Marshal(slices.Collect(e.Infos())); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("control", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if err := e.SetPriority(b.Context(), last, i); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What the engine itself costs per job and per step.
func BenchmarkEmptyJob(b *testing.B) {
	e := New(Config{Workers: 2, HistorySize: 10})
	if err := e.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		job := newScripted("empty")
		job.steps <- finish
		if _, err := e.Run(b.Context(), job, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
}
