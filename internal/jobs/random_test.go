package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// ledger sees every step of every job over all lives of an engine.
type ledger struct {
	mu       sync.Mutex
	inside   map[string]bool
	twice    string
	finished map[string]bool
}

func (l *ledger) isFinished(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.finished[name]
}

// counted is a job of a few steps that notes them in the ledger.
type counted struct {
	Name  string
	Steps int
	Done  int
	life  *ledger
	quit  <-chan struct{} // closed when the engine is killed
}

func (c *counted) Kind() string                { return "Counted" }
func (c *counted) Sleeps() bool                { return c.Steps > 2 }
func (c *counted) Progress() (int, int)        { return c.Done, c.Steps }
func (c *counted) Content() any                { return c.Done }
func (c *counted) State() (int, []byte, error) { b, err := json.Marshal(c); return 1, b, err }

func (c *counted) Step(ctx context.Context) (Result, error) {
	c.life.mu.Lock()
	if c.life.inside[c.Name] {
		c.life.twice = c.Name
	}
	c.life.inside[c.Name] = true
	c.life.mu.Unlock()
	defer func() {
		c.life.mu.Lock()
		defer c.life.mu.Unlock()
		c.life.inside[c.Name] = false
	}()
	select {
	case <-c.quit: // what a killed process does afterwards never happens
		<-ctx.Done()
	default:
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	c.Done++
	c.life.mu.Lock()
	defer c.life.mu.Unlock()
	c.life.finished[c.Name] = c.Done >= c.Steps
	return Result{Done: c.Done >= c.Steps, Save: c.Done%2 == 0}, nil
}

// lives is a run of engines over one store, each of which is stopped or killed.
type lives struct {
	t         *rapid.T
	life      *ledger
	saved     *memory
	engine    *Engine
	quit      chan struct{}     // of the present engine
	names     map[string]string // by id
	cancelled map[string]bool
}

func (l *lives) begin() {
	quit := make(chan struct{})
	l.quit = quit
	l.engine = New(Config{Workers: 2, HistorySize: 1000, Saver: l.saved, Factories: map[string]Factory{
		"Counted": func(_ int, data []byte) (Job, error) {
			c := &counted{life: l.life, quit: quit}
			return c, json.Unmarshal(data, c)
		},
	}})
	if err := l.engine.Start(context.Background()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lives) stop() {
	if err := l.engine.Stop(context.Background()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lives) kill() {
	close(l.quit)
	left := l.saved.crash()
	l.stop()
	l.saved = left
}

func (l *lives) submit() {
	name := fmt.Sprint(len(l.names))
	job := &counted{Name: name, Steps: rapid.IntRange(1, 4).Draw(l.t, "steps"), life: l.life, quit: l.quit}
	id, err := l.engine.Submit(context.Background(), job, Options{Priority: rapid.IntRange(-1, 1).Draw(l.t, "priority")})
	if err != nil {
		l.t.Fatal(err)
	}
	l.names[id] = name
}

func (l *lives) call() {
	ctx := context.Background()
	call := rapid.SampledFrom([]string{"submit", "submit", "pause", "resume", "cancel", "priority", "aside", "resubmit", "stop", "kill"}).Draw(l.t, "call")
	switch call {
	case "submit":
		l.submit()
		return
	case "stop":
		l.stop()
		l.begin()
		return
	case "kill":
		l.kill()
		l.begin()
		return
	}
	if len(l.names) == 0 {
		return
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(l.names))).Draw(l.t, "id")
	switch call { // refusals are what TestControlTable is about
	case "pause":
		_ = l.engine.Pause(ctx, id)
	case "resume":
		_ = l.engine.Resume(ctx, id)
	case "cancel":
		_ = l.engine.Cancel(ctx, id)
		l.cancelled[id] = true
	case "priority":
		_ = l.engine.SetPriority(ctx, id, 2)
	case "resubmit":
		_ = l.engine.Resubmit(ctx, id)
	case "aside":
		l.engine.mu.Lock()
		aside := Handle{l.engine, l.engine.entries[id]}
		l.engine.mu.Unlock()
		aside.StepAside()
	}
}

// settle waits for the end of a job and checks what has become of it.
func (l *lives) settle(id string) {
	for {
		info, changed, err := l.engine.Watch(id)
		switch {
		case err != nil:
			l.t.Fatalf("job %s is lost: %v", l.names[id], err)
		case info.State == Failure && !l.cancelled[id]:
			l.t.Fatalf("job %s: %s", l.names[id], info.ErrorDetails)
		case info.State == Success && !l.life.isFinished(l.names[id]):
			l.t.Fatalf("job %s is a success, but was not done", l.names[id])
		case info.State.Ended():
			return
		case info.State == Paused && l.engine.Resume(context.Background(), id) == nil:
		default: // a pause may still be on its way into a step
			<-changed
		}
	}
}

// Whatever is called in whatever order, through stops and kills: no job is lost, none runs twice at a time, and every
// one that nobody cancelled ends in success.
func TestRandomLives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &lives{
			t: t, life: &ledger{inside: map[string]bool{}, finished: map[string]bool{}}, saved: newMemory(),
			names: map[string]string{}, cancelled: map[string]bool{},
		}
		l.begin()
		for range rapid.IntRange(1, 40).Draw(t, "calls") {
			l.call()
		}
		for id := range l.names {
			l.settle(id)
		}
		l.stop()
		if n := l.engine.common.running; n != 0 {
			t.Fatalf("%d slots are taken when all jobs have ended", n)
		}
		if l.life.twice != "" {
			t.Fatalf("job %s ran twice at a time", l.life.twice)
		}
	})
}
