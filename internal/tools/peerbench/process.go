package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// benchProcess measures what a user feels of the process itself: start-up, memory, and the start of a command.
func benchProcess(ctx context.Context, opt *options) error {
	var starts, idle, peak, command []float64
	for range opt.rounds {
		if err := processOnce(ctx, opt, &starts, &idle, &peak, &command); err != nil {
			return err
		}
	}
	fmt.Printf("start-up to the first answer of /system     %.0f ms\n", median(starts))
	fmt.Printf("resident memory, idle                       %.1f MB\n", median(idle))
	fmt.Printf("peak memory, four associations of 528 kB    %.1f MB\n", median(peak))
	fmt.Printf("gantry stgcmt request, start to exit        %.0f ms\n\n", median(command))
	return nil
}

func processOnce(ctx context.Context, opt *options, starts, idle, peak, command *[]float64) error {
	dir, err := os.MkdirTemp(opt.scratch, "gantry-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folders, err := writeObjects(filepath.Join(dir, "objects"), size{name: "528k", bytes: 528_000, count: 200}, 4)
	if err != nil {
		return err
	}
	began := time.Now()
	server, err := startGantry(ctx, opt, dir)
	if err != nil {
		return err
	}
	defer server.stop()
	if err := firstAnswer(ctx, server); err != nil {
		return err
	}
	*starts = append(*starts, float64(time.Since(began).Milliseconds()))
	*idle = append(*idle, memory(server.cmd.Process.Pid, "VmRSS"))
	if _, err := send(ctx, opt, server, folders); err != nil {
		return err
	}
	*peak = append(*peak, memory(server.cmd.Process.Pid, "VmHWM"))
	took, err := commandTime(ctx, opt, server, dir, folders[0])
	if err != nil {
		return err
	}
	*command = append(*command, float64(took.Milliseconds()))
	return nil
}

func firstAnswer(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		rq, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/system", s.http), nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(rq)
		if err == nil {
			return answer.Body.Close()
		}
		if ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// commandTime runs `gantry stgcmt request` for one stored object.
func commandTime(ctx context.Context, opt *options, s *server, dir, folder string) (time.Duration, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.dcm"))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("no objects in %s: %w", folder, err)
	}
	port, err := os.ReadFile(filepath.Join(dir, "callback"))
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, opt.gantry, "stgcmt", "request", "--aet", callbackAET, "--listen", "127.0.0.1:"+string(port),
		"GANTRY@"+s.address(), files[0])
	began := time.Now()
	output, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		return 0, fmt.Errorf("gantry stgcmt request: %w: %s", err, output)
	}
	return took, nil
}

// memory reads a figure of /proc/PID/status in MB; 0 where there is no such file.
func memory(pid int, field string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, field+":"); found {
			kilobytes, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			if err == nil {
				return kilobytes / 1000
			}
		}
	}
	return 0
}
