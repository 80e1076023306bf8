package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// syncCost returns the median time to make 4 KiB durable in a file that is filled already.
func syncCost(dir string) (time.Duration, error) {
	const block, rounds = 4096, 201
	f, err := os.Create(filepath.Join(dir, "sync-cost"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, block*rounds)); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	data := make([]byte, block)
	var times []time.Duration
	for i := range rounds {
		data[0] = byte(i)
		if _, err := f.WriteAt(data, int64(i*block)); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := fdatasync(f); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[rounds/2], nil
}
