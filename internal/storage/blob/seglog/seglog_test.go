package seglog

import (
	"log/slog"
	"testing"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// small options make everything happen early.
func small(t testing.TB) Options {
	return Options{
		SegmentSize: 8 << 20, MemoryBudget: 8 << 20, CompactRate: -1,
		Logger:  slog.New(slog.NewTextHandler(testWriter{t}, nil)),
		Damaged: func(f blob.Finding) { t.Errorf("damage: %+v", f) },
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}

func openAt(t testing.TB, dir string, opt Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) {
	t.Parallel()
	blobtest.Suite{
		Open:  func(t *testing.T, dir string) blob.Store { return openAt(t, dir, small(t)) },
		Large: 3 << 20,
	}.Run(t)
}

func TestConformanceTinySegments(t *testing.T) {
	t.Parallel()
	blobtest.Suite{
		Open: func(t *testing.T, dir string) blob.Store {
			opt := small(t)
			opt.SegmentSize, opt.NoSync = 1<<20, true
			return openAt(t, dir, opt)
		},
		Large: 3 << 20,
	}.Run(t)
}
