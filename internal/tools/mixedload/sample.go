package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// life is what one process of the daemon was seen to hold, last in its life.
type life struct {
	age        time.Duration
	memory     int64 // resident bytes
	peak       int64 // resident bytes, the most in this life
	goroutines int
	files      int // open file descriptors
}

// lives are the processes so far.
type lives struct {
	mu    sync.Mutex
	began time.Time
	now   life
	past  []life
}

func (l *lives) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now.age > 0 {
		l.past = append(l.past, l.now)
	}
	l.now, l.began = life{}, time.Time{}
}

func (l *lives) note(s life) life {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.began.IsZero() {
		l.began = time.Now()
	}
	s.age = max(time.Since(l.began), 1)
	s.peak = max(l.now.peak, s.memory)
	l.now = s
	return s
}

// sample looks at the process every two seconds and prints a line every half minute.
func (l *load) sample(ctx context.Context) {
	for tick := 0; pause(ctx, 2*time.Second); tick++ {
		pid := l.daemon.pid.Load()
		if pid == 0 {
			continue
		}
		s, err := look(pid)
		if err != nil {
			continue // it has just been stopped
		}
		s.goroutines = l.goroutines(ctx)
		s = l.lives.note(s)
		if tick%15 == 0 {
			fmt.Printf("%s  memory %d MB, goroutines %d, files %d, studies %d, reports outstanding %d\n",
				s.age.Round(time.Second), s.memory>>20, s.goroutines, s.files, l.studies(), l.ledger.outstanding())
		}
	}
}

func (l *load) studies() int {
	l.ledger.mu.Lock()
	defer l.ledger.mu.Unlock()
	return len(l.ledger.studies)
}

// look reads what the kernel knows of a process.
func look(pid int64) (life, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return life{}, err
	}
	var s life
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			if err != nil {
				return life{}, err
			}
			s.memory = kilobytes << 10
		}
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	s.files = len(files)
	return s, err
}

// goroutines reads the daemon's own count from its metrics, 0 if there is none.
func (l *load) goroutines(ctx context.Context) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.daemon.url()+"/tools/metrics-prometheus", nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), "go_goroutines "); found {
			n, _ := strconv.Atoi(value)
			return n
		}
	}
	return 0
}
