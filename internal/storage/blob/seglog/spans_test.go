package seglog

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// Every segment that may hold a number is found, whatever spans compactions have left.
func TestSpans(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		s := &Store{}
		for i := range rng.IntN(12) {
			least := rng.Uint64N(60)
			s.segments = append(s.segments, &segment{number: uint64(i), min: least, max: least + rng.Uint64N(20), sealed: rng.IntN(5) > 0})
		}
		s.arrange()
		for seq := range uint64(90) {
			got := slices.Collect(s.spans.with(seq))
			for _, g := range s.segments {
				if inside := seq >= g.min && seq <= g.max; inside && !slices.Contains(got, g) || !inside && g.sealed && slices.Contains(got, g) {
					t.Fatalf("%d: segment %d..%d, sealed %v: found %v", seq, g.min, g.max, g.sealed, !inside)
				}
			}
		}
	}
}

// A record whose header cannot be read keeps its own segment from being compacted, not the others; it is reported once.
func TestCompactionPassesDamage(t *testing.T) {
	t.Parallel()
	dir, opt := t.TempDir(), small(t)
	var findings []blob.Finding
	opt.SegmentSize = 1 << 20
	opt.Damaged = func(f blob.Finding) { findings = append(findings, f) }
	s := openAt(t, dir, opt)
	defer func() { _ = s.Close() }()
	var refs []blob.Ref
	for i := range 48 { // twelve to a segment, or so
		refs = append(refs, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, blobtest.Bytes(80_000, uint64(i))))
	}
	g, e, err := s.lookup(refs[16], true)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(g.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("rot"), e.offset()+9); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(refs); i += 2 {
		blobtest.Remove(t, s, refs[i])
	}
	for range 2 {
		if err := s.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(findings) != 1 || findings[0].Ref != refs[16] {
		t.Errorf("findings %+v", findings)
	}
	for _, other := range s.snapshot() {
		if other.hasDead() && other != g && other.sealed {
			t.Errorf("%s was not compacted", other.path)
		}
	}
	for i := 0; i < len(refs); i += 2 {
		if err := blobtest.Same(t.Context(), s, refs[i], blobtest.Bytes(80_000, uint64(i))); (err != nil) != (i == 16) {
			t.Errorf("object %d: %v", i, err)
		}
	}
	if err := s.Check(t.Context(), true, func(blob.Finding) {}); err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(g.path); err == nil {
		t.Error("not compacted after the repair")
	}
}

// BenchmarkStart: a terabyte in 4,000 segments, 500 objects each.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	opt := Options{CompactRate: -1}
	s, err := Open(b.Context(), dir, opt)
	if err != nil {
		b.Fatal(err)
	}
	for i := range 4000 {
		s.number++
		g, err := s.newSegment(s.number, s.seq)
		if err != nil {
			b.Fatal(err)
		}
		for j := range 500 {
			s.seq++
			g.add(entry{ref: blob.Ref{Key: blob.NewKey(), Seq: s.seq}, block: uint32(j + 1), blocks: 1, kind: blob.KindInstance, ready: true})
		}
		g.end = 501 * blockSize
		if err := g.file.Truncate(g.end); err != nil {
			b.Fatal(err)
		}
		if err := writeTable(s.fs, g, g.path, nil); err != nil {
			b.Fatal(err, i)
		}
		if err := g.close(); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "segments", "*"+tableSuffix)); err != nil || len(names) < 4000 {
		b.Fatal(strings.Join(names, " "), err)
	}
	for b.Loop() {
		s, err := Open(b.Context(), dir, opt)
		if err != nil {
			b.Fatal(err)
		}
		loaded := 0
		for _, g := range s.segments {
			if g.loaded {
				loaded++
			}
		}
		b.ReportMetric(float64(loaded), "tables")
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
