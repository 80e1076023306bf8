package seglog

import (
	"fmt"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

func benchStore(b *testing.B) *Store {
	s, err := Open(b.Context(), b.TempDir(), Options{CompactRate: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

var benchSizes = []int{3 << 10, 36 << 10, 528 << 10}

// BenchmarkDurable: one writer, each object durable before the next.
func BenchmarkDurable(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, data := benchStore(b), blobtest.Bytes(n, 1)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				blobtest.Put(b, s, blob.KindInstance, blob.Meta{CallingAET: "A", CalledAET: "B"}, data)
			}
		})
	}
}

// BenchmarkShared: sixteen writers share their waits.
func BenchmarkShared(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, data := benchStore(b), blobtest.Bytes(n, 1)
			b.SetBytes(int64(n))
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					blobtest.Put(b, s, blob.KindInstance, blob.Meta{}, data)
				}
			})
			st := s.Stats(b.Context())
			b.ReportMetric(float64(st.Records)/float64(st.Syncs), "records/sync")
		})
	}
}

// BenchmarkOpen: an object found, opened and closed.
func BenchmarkOpen(b *testing.B) {
	s := benchStore(b)
	var refs []blob.Ref
	for i := range 1000 {
		refs = append(refs, blobtest.Put(b, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(4000, uint64(i))))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		o, err := s.Open(b.Context(), refs[i%len(refs)])
		if err != nil {
			b.Fatal(err)
		}
		if err := o.Close(); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
