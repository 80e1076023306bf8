package jobkinds

import (
	"context"
	"testing"

	"gantry/internal/jobs"
	"gantry/internal/storage"
)

// slowSaver holds up the first save of a changed priority until it is let go.
type slowSaver struct {
	Saver
	taken, release chan struct{}
	held           bool
}

func (s *slowSaver) Save(ctx context.Context, records []jobs.Record) error {
	if records[0].Priority > 0 && !s.held {
		s.held = true
		s.taken <- struct{}{}
		<-s.release
	}
	return s.Saver.Save(ctx, records)
}

// noting is a job that notes each state it is given in a transaction of its own.
type noting struct {
	handle jobs.Handle
	keep   func(context.Context, jobs.Record) error
	states chan string // closed: the job is done
	noted  chan struct{}
	state  []byte
}

func (n *noting) Kind() string                { return "Noting" }
func (n *noting) Bind(h jobs.Handle)          { n.handle = h }
func (n *noting) Progress() (int, int)        { return 0, 1 }
func (n *noting) Content() any                { return nil }
func (n *noting) State() (int, []byte, error) { return 1, n.state, nil }

func (n *noting) Step(ctx context.Context) (jobs.Result, error) {
	state, more := <-n.states
	if !more {
		return jobs.Result{Done: true}, nil
	}
	n.state = []byte(state)
	rec, err := n.handle.Record()
	if err == nil {
		err = n.keep(ctx, rec)
	}
	n.noted <- struct{}{}
	return jobs.Result{}, err
}

// What the engine took to be saved before a transaction of the job's own, but writes after it, does not bring the old
// state back.
func TestASlowSaveDoesNotUndoTheJobsTransaction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store, err := storage.Open(ctx, storage.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	slow := &slowSaver{Saver: Saver{store}, taken: make(chan struct{}), release: make(chan struct{})}
	engine := jobs.New(jobs.Config{Workers: 1, HistorySize: 1, Saver: slow})
	if err := engine.Start(ctx); err != nil {
		t.Fatal(err)
	}
	job := &noting{states: make(chan string), noted: make(chan struct{}),
		keep: func(ctx context.Context, rec jobs.Record) error { return slow.Saver.Save(ctx, []jobs.Record{rec}) }}
	id, err := engine.Submit(ctx, job, jobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	job.states <- "old"
	<-job.noted
	changed := make(chan error, 1)
	go func() { changed <- engine.SetPriority(ctx, id, 5) }()
	<-slow.taken
	job.states <- "new"
	<-job.noted
	slow.release <- struct{}{}
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
	if data, err := slow.State(ctx, id); string(data) != "new" || err != nil {
		t.Errorf("the job would go on from its %s state after a crash, %v", data, err)
	}
	close(job.states)
	if _, err := engine.Wait(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := engine.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}
