package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"gantry/internal/storage/index"
	"gantry/internal/storage/index/sqlite"
)

// size is how many instances are filled in: a few, or as many as GANTRY_FILL says.
func size(t testing.TB) int {
	t.Helper()
	text, given := os.LookupEnv("GANTRY_FILL")
	if !given {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("GANTRY_FILL is %q, not a number", text)
	}
	return n
}

func filled(t testing.TB) (index.Index, shape) {
	t.Helper()
	x, err := sqlite.Open(t.Context(), sqlite.Options{File: filepath.Join(t.TempDir(), "index.db"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	s := shape{studies: max(size(t)/100, 1), series: 2, instances: 50, perPatient: 2}
	if err := fill(t.Context(), x, s, 1000, func(int, time.Duration) {}); err != nil {
		t.Fatal(err)
	}
	return x, s
}

func TestSearchesFindWhatWasFilledIn(t *testing.T) {
	t.Parallel()
	x, s := filled(t)
	st, err := counted(t.Context(), x)
	if err != nil || st.Instances != int64(s.studies*100) || st.Studies != int64(s.studies) {
		t.Fatalf("%+v, %v", st, err)
	}
	for _, a := range searches(s) {
		err := x.View(t.Context(), func(tx index.ReadTx) error {
			keys, _, err := tx.Find(&a.find, index.Cursor{}, 500)
			if err != nil {
				return err
			}
			if a.goal == identifier && len(keys) == 0 {
				t.Errorf("%s: nothing found", a.name)
			}
			n, err := tx.Count(&a.find)
			if len(keys) < 500 && int(n) != len(keys) {
				t.Errorf("%s: %d found, %d counted", a.name, len(keys), n)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", a.name, err)
		}
	}
}

func BenchmarkSearches(b *testing.B) {
	x, s := filled(b)
	for _, a := range searches(s) {
		b.Run(a.name, func(b *testing.B) {
			for b.Loop() {
				err := x.View(b.Context(), func(tx index.ReadTx) error {
					_, _, err := tx.Find(&a.find, index.Cursor{}, 500)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
