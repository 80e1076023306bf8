package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"

	"gantry/internal/tools/phantom"
)

// keptPatients is the limit of the daemon that is killed.
const keptPatients = 3

// doings are what clients of the REST API were answered.
type doings struct {
	mu       sync.Mutex
	deleted  map[string]bool   // paths of instances
	attached map[string][]byte // to paths of instances
}

// TestKilledWhileDeletingRecyclingAttaching kills the daemon under clients that upload more patients than it keeps,
// attach to what they uploaded and delete: what was deleted stays so, what has its owner still has its attachment, the
// limit holds, and index and store agree. GANTRY_CRASHES sets how often.
func TestKilledWhileDeletingRecyclingAttaching(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := &doings{deleted: map[string]bool{}, attached: map[string][]byte{}}
	rounds := crashes(t, 3)
	for round := range rounds {
		p := startVictim(t, dir, "env", fmt.Sprintf("%s=%d", victimPatients, keptPatients))
		d.check(t, p)
		workers := 0
		p.crash(t, 4, 10+17*round%60, func(ctx context.Context, answers chan<- struct{}) {
			d.mu.Lock()
			workers++
			name := fmt.Sprintf("%d-%d", round, workers)
			d.mu.Unlock()
			d.workUntilItBreaks(ctx, t, "http://"+p.http, name, answers)
		})
	}
	p := startVictim(t, dir, "env", fmt.Sprintf("%s=%d", victimPatients, keptPatients))
	d.check(t, p)
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("stopping in peace: %v\n%s", err, p.stderr.String())
	}
	checkAgreement(t, dir)
	t.Logf("%d deleted, %d attached, over %d crashes", len(d.deleted), len(d.attached), rounds)
}

// try sends a request that may end with the daemon; ok says that it was answered with 200.
func try(ctx context.Context, method, url string, body []byte) (answer []byte, ok bool) {
	rq, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	rs, err := http.DefaultClient.Do(rq)
	if err != nil {
		return nil, false
	}
	defer rs.Body.Close()
	answer, err = io.ReadAll(rs.Body)
	return answer, err == nil && rs.StatusCode == http.StatusOK
}

func (d *doings) workUntilItBreaks(ctx context.Context, t *testing.T, base, name string, answers chan<- struct{}) {
	for i := 0; ; i++ {
		o := newObject()
		image := phantom.Image{PatientID: fmt.Sprintf("%s-%d", name, i/6), Study: o.study, Series: o.series, Instance: o.instance, Side: 32}
		file, err := image.File()
		if err != nil {
			t.Error(err)
			return
		}
		if _, ok := try(ctx, http.MethodPost, base+"/instances", file); !ok {
			return
		}
		path := "/instances/" + publicID(image.PatientID, string(o.study), string(o.series), string(o.instance))
		if !d.attachOrDelete(ctx, base, path, i) {
			return
		}
		select {
		case answers <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// attachOrDelete does the one or the other with an instance that may be recycled meanwhile. It tells whether the daemon
// still answers.
func (d *doings) attachOrDelete(ctx context.Context, base, path string, i int) bool {
	if i%3 == 0 {
		if _, ok := try(ctx, http.MethodDelete, base+path, nil); ok {
			d.mu.Lock()
			d.deleted[path] = true
			d.mu.Unlock()
		}
	} else {
		text := bytes.Repeat([]byte(path), 200)
		if _, ok := try(ctx, http.MethodPut, base+path+"/attachments/1024", text); ok {
			d.mu.Lock()
			d.attached[path] = text
			d.mu.Unlock()
		}
	}
	_, ok := try(ctx, http.MethodGet, base+"/livez", nil)
	return ok
}

// check asks a freshly started daemon.
func (d *doings) check(t *testing.T, p *process) {
	t.Helper()
	base := "http://" + p.http
	var list []string
	ask(t, http.MethodGet, base+"/patients", nil, &list)
	if len(list) > keptPatients {
		t.Errorf("%d patients, the limit is %d", len(list), keptPatients)
	}
	for path := range d.deleted {
		if status, _ := do(t, http.MethodGet, base+path, nil); status != http.StatusNotFound {
			t.Errorf("%s was deleted and answers %d", path, status)
		}
	}
	for path, text := range d.attached {
		if status, _ := do(t, http.MethodGet, base+path, nil); status == http.StatusNotFound {
			delete(d.attached, path) // recycled
			continue
		}
		if status, got := do(t, http.MethodGet, base+path+"/attachments/1024/data", nil); status != http.StatusOK || !bytes.Equal(got, text) {
			t.Errorf("the attachment of %s: status %d, %d bytes", path, status, len(got))
		}
	}
}
