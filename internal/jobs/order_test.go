package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// lossy is a Saver like a disk with a cache: what was not written when the process died is lost, and what is being
// written may be.
type lossy struct {
	mu      sync.Mutex
	written map[string]Record
	dead    bool
}

var errDead = errors.New("the process is dead")

func (l *lossy) commit(change func(map[string]Record)) error {
	runtime.Gosched() // here a crash can fall
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return errDead
	}
	change(l.written)
	return nil
}

func (l *lossy) Save(_ context.Context, records []Record) error {
	return l.commit(func(m map[string]Record) {
		for _, r := range records {
			put(m, r)
		}
	})
}

func (l *lossy) Delete(_ context.Context, ids ...string) error {
	return l.commit(func(m map[string]Record) {
		for _, id := range ids {
			delete(m, id)
		}
	})
}

func (l *lossy) State(_ context.Context, id string) (data []byte, err error) {
	known := false
	err = l.commit(func(m map[string]Record) {
		var r Record
		r, known = m[id]
		data = r.Data
	})
	if err == nil && !known {
		err = ErrUnknown
	}
	return data, err
}

func (l *lossy) Load(context.Context) ([]Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.written)), nil
}

// crash lets nothing more be written, and returns what is.
func (l *lossy) crash() *lossy {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	return &lossy{written: maps.Clone(l.written)}
}

// turn is a job that wants to do a step.
type turn struct {
	id   string
	last bool
}

// gated is a job that does a step only when the test takes its turn.
type gated struct {
	ID    string
	Lane  string // its kind
	Steps int
	Done  int
	turns chan<- turn
}

func (g *gated) Kind() string                { return g.Lane }
func (g *gated) Sleeps() bool                { return g.Steps > 2 }
func (g *gated) Progress() (int, int)        { return g.Done, g.Steps }
func (g *gated) Content() any                { return nil }
func (g *gated) State() (int, []byte, error) { b, err := json.Marshal(g); return 1, b, err }

func (g *gated) Step(ctx context.Context) (Result, error) {
	last := g.Done+1 >= g.Steps
	select {
	case g.turns <- turn{g.ID, last}:
		g.Done++
		return Result{Done: last, Save: g.Done%2 == 0}, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// kinds of the model's jobs: those of the second have a lane of their own.
var kinds = []string{"Common", "Apart"}

// model says what an engine with one slot in each of two lanes has to do: it is a table of the jobs, looked through from
// the beginning.
type model struct {
	t       *rapid.T
	engine  *Engine
	disk    *lossy
	turns   map[string]chan turn // by kind, as below
	kind    map[string]string
	order   []string // ids as submitted
	level   map[string]int
	state   map[string]State
	promise map[string]State // what was acknowledged as kept: that it waits, is paused, or how it ended
	running map[string]string
}

func (m *model) begin() {
	m.turns, m.running = map[string]chan turn{}, map[string]string{}
	factories := map[string]Factory{}
	for _, kind := range kinds {
		turns := make(chan turn)
		m.turns[kind] = turns
		factories[kind] = func(_ int, data []byte) (Job, error) {
			g := &gated{turns: turns}
			return g, json.Unmarshal(data, g)
		}
	}
	m.engine = New(Config{Workers: 1, Lanes: map[string]int{kinds[1]: 1}, HistorySize: 1000, Saver: m.disk, Factories: factories})
	for _, id := range m.order {
		r, kept := m.disk.written[id]
		if !kept {
			m.t.Fatalf("job %s is lost", id)
		}
		if want := m.promise[id]; want != "" && r.State != want && (want != Pending || r.State != Running) {
			m.t.Fatalf("job %s was said to be %s, and is %s", id, want, r.State)
		}
		m.state[id], m.level[id] = r.State, r.Priority
		if r.State == Running {
			m.state[id] = Pending
		}
	}
	if err := m.engine.Start(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	for _, kind := range kinds {
		m.dispatch(kind)
	}
}

// dispatch is the rule: the largest priority, and among equals the one submitted first.
func (m *model) dispatch(kind string) {
	if m.running[kind] != "" {
		return
	}
	next := ""
	for _, id := range m.order {
		if m.kind[id] == kind && m.state[id] == Pending && (next == "" || m.level[id] > m.level[next]) {
			next = id
		}
	}
	if m.running[kind] = next; next != "" {
		m.state[next] = Running
	}
}

// step lets the next job of a kind do a step, which has to be the right one.
func (m *model) step(kind string) {
	if m.running[kind] == "" {
		return
	}
	now := <-m.turns[kind]
	if now.id != m.running[kind] {
		m.t.Fatalf("job %s does a step, want %s", now.id, m.running[kind])
	}
	if now.last {
		m.ended(now.id, Success)
	}
}

// ended waits until an end is kept.
func (m *model) ended(id string, want State) {
	info, err := m.engine.Wait(context.Background(), id)
	if err != nil || info.State != want {
		m.t.Fatalf("job %s: %s %v, want %s", id, info.State, err, want)
	}
	m.left(id, want)
	m.promise[id] = want
}

func (m *model) left(id string, state State) {
	m.state[id] = state
	kind := m.kind[id]
	if m.running[kind] == id {
		m.running[kind] = ""
	}
	m.dispatch(kind)
}

func (m *model) submit() {
	id := NewID()
	level := rapid.IntRange(-1, 1).Draw(m.t, "priority")
	kind := rapid.SampledFrom(kinds).Draw(m.t, "kind")
	job := &gated{ID: id, Lane: kind, Steps: rapid.IntRange(1, 5).Draw(m.t, "steps"), turns: m.turns[kind]}
	if _, err := m.engine.Submit(context.Background(), job, Options{ID: id, Priority: level}); err != nil {
		m.t.Fatal(err)
	}
	m.order = append(m.order, id)
	m.kind[id], m.state[id], m.level[id], m.promise[id] = kind, Pending, level, Pending
	m.dispatch(kind)
}

func (m *model) pause(id string) {
	was := m.state[id]
	if err := m.engine.Pause(context.Background(), id); err != nil {
		m.t.Fatal(err)
	}
	switch was {
	case Running:
		for info, changed, err := m.engine.Watch(id); info.State != Paused; info, changed, err = m.engine.Watch(id) {
			if err != nil {
				m.t.Fatal(err)
			}
			<-changed
		}
		m.left(id, Paused)
		m.promise[id] = "" // the call was answered before the job obeyed
	case Pending:
		m.left(id, Paused)
		m.promise[id] = Paused
	}
}

func (m *model) resume(id string) {
	err := m.engine.Resume(context.Background(), id)
	if paused := m.state[id] == Paused; paused != (err == nil) {
		m.t.Fatalf("resume of a job that is %s: %v", m.state[id], err)
	}
	if err == nil {
		m.state[id], m.promise[id] = Pending, Pending
		m.dispatch(m.kind[id])
	}
}

func (m *model) cancel(id string) {
	if err := m.engine.Cancel(context.Background(), id); err != nil {
		m.t.Fatal(err)
	}
	if !m.state[id].Ended() {
		m.ended(id, Failure)
	}
}

func (m *model) resubmit(id string) {
	err := m.engine.Resubmit(context.Background(), id)
	if failed := m.state[id] == Failure; failed != (err == nil) {
		m.t.Fatalf("resubmit of a job that is %s: %v", m.state[id], err)
	}
	if err == nil { // it lines up behind the others
		m.order = append(slices.DeleteFunc(m.order, func(other string) bool { return other == id }), id)
		m.state[id], m.promise[id] = Pending, Pending
		m.dispatch(m.kind[id])
	}
}

func (m *model) setPriority(id string) {
	level := rapid.IntRange(-2, 2).Draw(m.t, "priority")
	err := m.engine.SetPriority(context.Background(), id, level)
	if ended := m.state[id].Ended(); ended != (err != nil) {
		m.t.Fatalf("priority of a job that is %s: %v", m.state[id], err)
	}
	if err == nil {
		m.level[id] = level
	}
}

func (m *model) stop() {
	if err := m.engine.Stop(context.Background()); err != nil {
		m.t.Fatal(err)
	}
}

// kill ends a life between any two writes. What the dead engine still does, it does to a dead disk and for nobody.
func (m *model) kill() {
	left := m.disk.crash()
	m.stop()
	m.disk = left
}

// Whatever is called in whatever order, over stops and kills: no job that was accepted is lost, nothing that was
// acknowledged is undone, and at every moment the job runs whose turn it is.
func TestTheRightJobRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, disk: &lossy{written: map[string]Record{}}, level: map[string]int{}, state: map[string]State{},
			promise: map[string]State{}, kind: map[string]string{}}
		m.begin()
		calls := []string{"submit", "submit", "step", "step", "step", "pause", "resume", "cancel", "resubmit", "priority", "stop", "kill"}
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			m.call(rapid.SampledFrom(calls).Draw(t, "call"))
		}
		for _, id := range m.order {
			if m.state[id] == Paused {
				m.resume(id)
			}
		}
		for _, kind := range kinds {
			for m.running[kind] != "" {
				m.step(kind)
			}
		}
		m.stop()
		if fmt.Sprint(len(m.disk.written)) != fmt.Sprint(len(m.order)) {
			t.Fatalf("%d jobs are kept, %d were submitted", len(m.disk.written), len(m.order))
		}
	})
}

func (m *model) call(name string) {
	switch name {
	case "submit":
		m.submit()
	case "step":
		m.step(rapid.SampledFrom(kinds).Draw(m.t, "kind"))
	case "stop":
		m.stop()
		m.begin()
	case "kill":
		m.kill()
		m.begin()
	default:
		if len(m.order) == 0 {
			return
		}
		id := rapid.SampledFrom(m.order).Draw(m.t, "job")
		map[string]func(string){
			"pause": m.pause, "resume": m.resume, "cancel": m.cancel, "resubmit": m.resubmit, "priority": m.setPriority,
		}[name](id)
	}
}
