package services_test

import (
	"fmt"
	"testing"
	"time"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

// A request for commitment from the N-ACTION to the report's arrival, on a new association.
func BenchmarkCommitment(b *testing.B) {
	for _, n := range []int{1, 5000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := newSite(b, func(c *config.Config) { c.LogLevel = "error"; c.JobsHistorySize = 10 })
			r := newRequester(b)
			s.know("scu", modality(b, "SCU", r.addr))
			stored := s.putInto(min(n, 5000))
			refs := make([]index.Reference, n)
			for i := range refs {
				refs[i] = stored[i%len(stored)]
			}
			c := s.dial("SCU", nil)
			b.ReportAllocs()
			b.ResetTimer()
			var total time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := ask(b, c, dicom.NewUID(), refs); err != nil {
					b.Fatal(err)
				}
				if got := r.next(b); got.event != 1 {
					b.Fatalf("event %d", got.event)
				}
				total += time.Since(begin)
			}
			b.ReportMetric(float64(n)*float64(b.N)/total.Seconds(), "references/s")
		})
	}
}
