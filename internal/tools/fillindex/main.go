package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gantry/internal/storage/index"
	"gantry/internal/storage/index/sqlite"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "fillindex:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	dir := flag.String("dir", "", "folder of the index; a temporary one that goes if empty")
	instances := flag.Int("instances", 100_000, "instances in all: 100 to a study, 50 to a series")
	only := flag.Bool("fill-only", false, "fill the index and measure no searches")
	flag.Parse()
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "fillindex"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*dir)) }()
	}
	ctx := context.Background()
	x, err := sqlite.Open(ctx, sqlite.Options{File: filepath.Join(*dir, "index.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	s := shape{studies: max(*instances/100, 1), series: 2, instances: 50, perPatient: 2}
	st, err := counted(ctx, x)
	if err != nil {
		return err
	}
	if st.Instances == 0 {
		if err := fillAndReport(ctx, x, s); err != nil {
			return err
		}
	}
	if *only {
		return nil
	}
	return measure(ctx, x, s)
}

func counted(ctx context.Context, x index.Index) (st index.Statistics, err error) {
	return st, x.View(ctx, func(tx index.ReadTx) (err error) { st, err = tx.Statistics(); return err })
}

// fillAndReport shows what a row costs at the beginning and at the end.
func fillAndReport(ctx context.Context, x index.Index, s shape) error {
	every := max(s.studies*100/20, 10_000)
	return fill(ctx, x, s, every, func(n int, took time.Duration) {
		fmt.Printf("%9d instances: %6.1f µs each\n", n, float64(took.Microseconds())/float64(every))
	})
}
