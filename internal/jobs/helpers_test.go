package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// memory is a Saver whose content outlives engines, and which can be told to fail.
type memory struct {
	mu      sync.Mutex
	records map[string]Record
	fail    error
	saves   int
}

func newMemory() *memory { return &memory{records: map[string]Record{}} }

func (m *memory) Save(_ context.Context, records []Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.saves++
	for _, r := range records {
		put(m.records, r)
	}
	return nil
}

// put writes a record like a Saver.
func put(records map[string]Record, r Record) {
	if r.Number < records[r.ID].Number {
		return
	}
	if r.DataKept {
		r.Version, r.Data, r.DataKept = records[r.ID].Version, records[r.ID].Data, false
	}
	records[r.ID] = r
}

func (m *memory) State(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[id]
	if !ok {
		return nil, ErrUnknown
	}
	return r.Data, m.fail
}

func (m *memory) Delete(_ context.Context, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		delete(m.records, id)
	}
	return m.fail
}

func (m *memory) Load(context.Context) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Record
	for _, r := range m.records {
		out = append(out, r)
	}
	return out, nil
}

func (m *memory) get(id string) (Record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.records[id]
	return r, ok
}

// crash returns what a process that was killed now would have left behind.
func (m *memory) crash() *memory {
	left := newMemory()
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, r := range m.records {
		left.records[id] = r
	}
	return left
}

// scripted is a job whose steps the test hands out one by one.
type scripted struct {
	Name    string
	Done    int
	started chan string                 // names, as steps begin; may be nil
	steps   chan func() (Result, error) // what the next step does
	endings chan error                  // what Ended was told; may be nil
	refuse  error                       // of Resubmit
	policy  RetryPolicy
}

func newScripted(name string) *scripted {
	return &scripted{Name: name, steps: make(chan func() (Result, error), 16), policy: RetryPolicy{Base: time.Hour}}
}

func (j *scripted) Kind() string             { return "Scripted" }
func (j *scripted) Progress() (int, int)     { return j.Done, 4 }
func (j *scripted) Content() any             { return map[string]any{"Name": j.Name, "Done": j.Done} }
func (j *scripted) RetryPolicy() RetryPolicy { return j.policy }
func (j *scripted) Resubmit() error          { j.Done = 0; return j.refuse }

func (j *scripted) Ended(_ context.Context, err error) {
	if j.endings != nil {
		j.endings <- err
	}
}

func (j *scripted) State() (int, []byte, error) {
	data, err := json.Marshal(j)
	return 1, data, err
}

// MarshalJSON keeps what a restart needs.
func (j *scripted) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"Name": j.Name, "Done": j.Done})
}

func (j *scripted) Step(ctx context.Context) (Result, error) {
	if j.started != nil {
		select {
		case j.started <- j.Name:
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
	select {
	case step := <-j.steps:
		j.Done++
		return step()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

func goOn() (Result, error)   { return Result{}, nil }
func goSave() (Result, error) { return Result{Save: true}, nil }
func finish() (Result, error) { return Result{Done: true}, nil }
func again() (Result, error)  { return Result{}, Again(errors.New("peer is away")) }
func fails() (Result, error)  { return Result{}, Failf(CodeNetworkProtocol, "no route") }

// start runs an engine that stops with the test.
func start(t *testing.T, cfg Config) *Engine {
	t.Helper()
	e := New(cfg)
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

func submit(t *testing.T, e *Engine, job Job, o Options) string {
	t.Helper()
	id, err := e.Submit(t.Context(), job, o)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// reach waits until the job is in one of the states.
func reach(t *testing.T, e *Engine, id string, states ...State) Info {
	t.Helper()
	for {
		info, changed, err := e.Watch(id)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if slices.Contains(states, info.State) {
			return info
		}
		select {
		case <-changed:
		case <-time.After(2 * time.Minute): // says what is missing in place of hanging
			t.Fatalf("%s is %s, want %v", id, info.State, states)
		}
	}
}

// contextOf is the test's context, or one to be cancelled.
func contextOf(t *testing.T, own bool) (context.Context, context.CancelFunc) {
	if own {
		return context.WithCancel(t.Context())
	}
	return t.Context(), func() {}
}

// waitFor returns when so many wait for room, one of whom may have left.
func waitFor(e *Engine, n int) {
	for {
		e.mu.Lock()
		waiting := len(e.waiting)
		e.mu.Unlock()
		if waiting >= min(n, 2) || n == 1 && waiting == 1 {
			return
		}
		runtime.Gosched()
	}
}

// breakDown lets every call fail from now on, or none with nil.
func (m *memory) breakDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}
