package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// BenchmarkPut stores objects of 3 kB and 528 kB, one after the other and four at a time.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{2 << 10, 520 << 10} {
		for _, parallel := range []int{1, 4} {
			for _, layout := range []string{storage.LayoutMemory, storage.LayoutLog, storage.LayoutFiles} {
				b.Run(fmt.Sprintf("%s/%dkB/%d", layout, size>>10, parallel), func(b *testing.B) { benchmarkPut(b, layout, size, parallel) })
			}
		}
	}
}

func benchmarkPut(b *testing.B, layout string, size, parallel int) {
	s := open(b, b.TempDir(), layout, func(o *storage.Options) { o.SegmentSize = 0 })
	var last atomic.Int64
	b.SetBytes(int64(size))
	b.SetParallelism(parallel) // times GOMAXPROCS
	put := func(o object, ds []byte, at int) {
		n := last.Add(1)
		copy(ds[at:], fmt.Sprintf("%06d", n%1000000))
		o.sop = string(ds[at-len(o.sop)+6 : at+6])
		if _, err := s.Put(context.Background(), receivedBytes(o, ds)); err != nil {
			b.Error(err)
		}
	}
	work := func(next func() bool) {
		o := ct("A", 1, 1, 100000)
		o.pixels = make([]byte, size)
		ds := bytes.Clone(o.dataset(b))
		at := bytes.Index(ds, []byte(".100000")) + 1
		for next() {
			put(o, ds, at)
		}
	}
	b.ResetTimer()
	if parallel == 1 {
		work(b.Loop)
		return
	}
	b.RunParallel(func(pb *testing.PB) { work(pb.Next) })
}

// BenchmarkDelete deletes a study of 1,000 instances of 3 kB, 36 kB and 528 kB, which lies in segments of the usual size.
func BenchmarkDelete(b *testing.B) {
	for _, size := range []int{2 << 10, 35 << 10, 527 << 10} {
		b.Run(fmt.Sprintf("%dkB", size>>10+1), func(b *testing.B) {
			s := open(b, b.TempDir(), storage.LayoutLog, func(o *storage.Options) { o.SegmentSize = 0 })
			pixels := make([]byte, size)
			for b.Loop() {
				b.StopTimer()
				var rs *storage.PutResult
				for i := range 1000 {
					o := ct("A", 1, 1, i)
					o.pixels = pixels
					rs = put(b, s, o.received(b))
				}
				b.StartTimer()
				if _, err := s.Delete(b.Context(), index.Study, rs.StudyID); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
