package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// benchStore measures C-STORE with DCMTK's client, on one association and on four.
func benchStore(ctx context.Context, opt *options) error {
	list := peers(opt)
	for _, associations := range []int{1, 4} {
		for _, s := range opt.sizes {
			rates, err := storeRates(ctx, opt, list, s, associations)
			if err != nil {
				return err
			}
			title := fmt.Sprintf("C-STORE, %d objects of %s, %d association(s), objects/s", s.count, s.name, associations)
			printRates(title, list, rates)
		}
	}
	return nil
}

// storeRates returns objects per second by peer, a value a round.
func storeRates(ctx context.Context, opt *options, list []peer, s size, associations int) (map[string][]float64, error) {
	dir, err := os.MkdirTemp(opt.scratch, "objects-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	folders, err := writeObjects(dir, s, associations)
	if err != nil {
		return nil, err
	}
	rates := map[string][]float64{}
	for range opt.rounds {
		for _, p := range list {
			took, err := storeOnce(ctx, opt, p, folders)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			rates[p.name] = append(rates[p.name], float64(s.count)/took.Seconds())
		}
	}
	return rates, nil
}

func storeOnce(ctx context.Context, opt *options, p peer, folders []string) (time.Duration, error) {
	dir, err := os.MkdirTemp(opt.scratch, p.name+"-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	server, err := p.start(ctx, opt, dir)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	return send(ctx, opt, server, folders)
}

// send runs a storescu for each folder at once and returns how long all of them took together.
func send(ctx context.Context, opt *options, s *server, folders []string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	errs := make([]error, len(folders))
	began := time.Now()
	var all sync.WaitGroup
	for i, folder := range folders {
		all.Go(func() {
			files, err := filepath.Glob(filepath.Join(folder, "*.dcm"))
			if err != nil || len(files) == 0 {
				errs[i] = fmt.Errorf("no objects in %s: %w", folder, err)
				return
			}
			cmd := exec.CommandContext(ctx, opt.storescu, "+sd", "127.0.0.1", strconv.Itoa(s.dicom), folder)
			cmd.Env = append(os.Environ(), "TCP_NODELAY=1")
			if output, err := cmd.CombinedOutput(); err != nil {
				errs[i] = fmt.Errorf("storescu: %w: %s", err, output)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return took, nil
}
