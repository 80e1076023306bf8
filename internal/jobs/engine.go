package jobs

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Config shapes an engine.
type Config struct {
	Workers     int   // jobs run at once; 0 = number of cores
	HistorySize int   // ended jobs remembered
	Limit       int   // unfinished jobs held; 0 = no limit
	OutputLimit int   // successful jobs whose files are kept, the least recently used go first; 0 = no limit
	Saver       Saver // nil: nothing survives a restart
	// Lanes gives kinds of jobs slots of their own, beside Workers, so that they need not wait for any others.
	Lanes map[string]int
	// OutputDir is the folder of the files that jobs leave behind, which belongs to the engine alone; "": jobs cannot
	// leave any. Without a Saver it is emptied at start and stop.
	OutputDir string
	// SetAside starts without the jobs that were kept: they stay with the Saver, for the next start without it.
	SetAside  bool
	Factories map[string]Factory
	Retry     RetryPolicy // of jobs that have none of their own
	Observer  *Observer   // nil: nobody
	Logger    *slog.Logger
}

// Engine runs jobs. Its methods may be called from any goroutine.
type Engine struct {
	cfg     Config
	log     *slog.Logger
	saves   *saves
	outputs outputFolder

	ctx    context.Context // ends when the engine stops
	cancel context.CancelCauseFunc
	active sync.WaitGroup // running jobs, and files being deleted

	mu         sync.Mutex
	entries    map[string]*entry
	common     lane // of all kinds that have none of their own
	lanes      map[string]*lane
	history    []*entry // ended, oldest first
	totals     totals
	unfinished int
	seq        int64
	aside      map[string]bool // jobs that were kept and are not loaded
	changes    int64           // number of the last change of any job
	began      time.Time       // of the engine
	waiting    []*waiter
	started    bool
	stopped    bool

	subscribers map[*Subscription]struct{}
}

// entry is a job in the engine. All fields but job are guarded by Engine.mu; job belongs to the
// goroutine that runs it while the state is Running.
type entry struct {
	job     Job // nil once it has ended, and while it sleeps
	rec     Record
	content any
	*living     // nil once it has ended
	index   int // in the queue, -1 when not there

	changed chan struct{} // closed at the next change; nil when nobody watches
	outputs []OutputInfo  // of a success; nil: none
	used    time.Time     // last time somebody had use for the outputs
	change  int64         // number of the last change
	states  int64         // number of rec.Data, which grows with each change of it

	told      time.Duration // when subscribers last heard of it, since the start of the engine, and of which state
	toldState State

	counted State         // as which it is in the totals
	place   *list.Element // among those of its kind that have not ended

	durable bool // the Saver holds rec.Data, which is nil then while nobody needs it
	ends    int  // how often it has ended
	kept    bool // the last end is durable
	ending  bool // it has just ended by itself: shown as running until that is durable
	evicted bool // the outputs had to make room
	gone    bool // subscribers heard that it is forgotten
	unborn  bool // it is not accepted yet: subscribers do not hear of it
}

// living is the part of an entry that only a job needs that has not ended: most of those remembered have.
type living struct {
	stop   context.CancelCauseFunc // ends the running step
	beside bool                    // it runs without a slot
	wish   State                   // Paused or Failure, asked for while running
	// hurried says that it was to be tried now while running: it does not wait for the next attempt
	hurried bool
	since   time.Time   // start of the present run
	timer   *time.Timer // of state Retry
	saved   time.Time   // last time the progress went to the saver
}

// asked is the wish of a job that may have ended.
func (en *entry) asked() State {
	if en.living == nil {
		return ""
	}
	return en.wish
}

// New returns an engine that takes jobs, but runs none before Start.
func New(cfg Config) *Engine {
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.NumCPU()
	}
	if cfg.Retry.Base <= 0 {
		cfg.Retry = RetryPolicy{Base: 5 * time.Second, Max: 5 * time.Minute, Attempts: 10}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, log: cfg.Logger, entries: map[string]*entry{}, totals: newTotals(),
		outputs: outputFolder{cfg.OutputDir}, common: lane{slots: cfg.Workers}, lanes: newLanes(cfg.Lanes),
		began: time.Now()}
	e.changes = e.began.UnixMicro() // so that the numbers of a later run are larger; see load
	e.ctx, e.cancel = context.WithCancelCause(context.Background())
	e.saves = newSaves(e)
	return e
}

// NewID draws the id of a job.
func NewID() string { return uuid.NewString() }

// Start loads the jobs that were kept and begins to run. Unfinished jobs go on in their order, paused
// ones stay paused, and one that cannot be read any more becomes a Failure that keeps its data.
func (e *Engine) Start(ctx context.Context) error {
	var records []Record
	if e.cfg.Saver != nil {
		var err error
		if records, err = e.cfg.Saver.Load(ctx); err != nil {
			return fmt.Errorf("jobs: load the jobs kept: %w", err)
		}
	}
	slices.SortFunc(records, func(a, b Record) int { return int(a.Seq - b.Seq) })
	e.saves.start()
	if e.cfg.SetAside {
		e.setAside(records)
		return nil
	}
	e.load(records)
	for _, r := range records {
		if !r.toCancel() {
			continue
		}
		if err := e.Cancel(ctx, r.ID); err != nil && !errors.Is(err, ErrUnknown) {
			return fmt.Errorf("jobs: carry out a cancel of the last run: %w", err)
		}
	}
	return nil
}

// load puts the jobs that were kept back, and begins to run.
func (e *Engine) load(records []Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	records = slices.DeleteFunc(records, func(r Record) bool { return e.entries[r.ID] != nil })
	if len(records) > 0 {
		e.lineUpBehind(records[len(records)-1].Seq)
	}
	for _, r := range records {
		e.changes = max(e.changes, r.Changed.UnixMicro()+changesInASecond) // the clock was set back since
		e.restore(r)
	}
	slices.SortStableFunc(e.history, func(a, b *entry) int { return a.rec.Changed.Compare(b.rec.Changed) })
	e.endBefore(time.Now())
	e.evictOutputs()
	e.trim()
	e.sweepOutputs()
	e.started = true
	e.dispatchAll()
}

// endBefore corrects the times of jobs that ended later than now, by a clock that was set back since: else they would
// outlive, from the next start on, those that end from now on. Engine.mu is held.
func (e *Engine) endBefore(now time.Time) {
	for i, en := range e.history {
		if en.rec.Changed.After(now) {
			en.rec.Changed = now.Add(time.Duration(i) * time.Microsecond) // in their order
			e.saves.mark(en.rec.ID)
		}
	}
}

// changesInASecond is more than there ever are.
const changesInASecond = 1_000_000

// setAside leaves the jobs that were kept where they are, and lines new ones up behind them.
func (e *Engine) setAside(records []Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	records = slices.DeleteFunc(records, func(r Record) bool { return e.entries[r.ID] != nil })
	e.aside = map[string]bool{}
	for _, r := range records {
		e.aside[r.ID] = true
	}
	if len(records) > 0 {
		e.lineUpBehind(records[len(records)-1].Seq)
		e.log.Warn("the jobs that were kept are set aside until the next start without --no-jobs", "jobs", len(records))
	}
	e.started = true
	e.dispatchAll()
}

// IsSetAside reports whether a job was kept by an earlier run and is left alone by this one.
func (e *Engine) IsSetAside(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.aside[id]
}

// sweepOutputs deletes the files of jobs that are not remembered, and of failures. Engine.mu is held.
func (e *Engine) sweepOutputs() {
	err := e.outputs.sweep(func(id string) bool {
		en, ok := e.entries[id]
		return ok && en.rec.State != Failure && !en.evicted
	})
	if err != nil {
		e.log.Error("files that forgotten jobs left behind cannot be deleted; the next start tries again", "error", err)
	}
}

// lineUpBehind moves the jobs that were submitted before the start behind those of the last run. Engine.mu is held.
func (e *Engine) lineUpBehind(seq int64) {
	for id, en := range e.entries {
		en.rec.Seq += seq
		e.saves.mark(id)
	}
	e.seq += seq
}

// Stop lets no further step begin, ends the running ones through their contexts, waits for them until
// ctx ends, and stores where every job stands.
func (e *Engine) Stop(ctx context.Context) error {
	e.mu.Lock()
	if e.stopped {
		e.mu.Unlock()
		return nil
	}
	e.stopped = true
	for _, en := range e.entries {
		if en.living != nil && en.timer != nil {
			en.timer.Stop()
		}
	}
	e.mu.Unlock()
	e.cancel(ErrStopped)
	idle := make(chan struct{})
	go func() { e.active.Wait(); close(idle) }()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = fmt.Errorf("jobs: a step did not end in time: %w", ctx.Err())
	}
	err = errors.Join(err, e.saves.stop(ctx))
	if e.cfg.Saver == nil && e.cfg.OutputDir != "" {
		err = errors.Join(err, os.RemoveAll(e.cfg.OutputDir)) // nobody will know whose they are
	}
	return err
}

// Get returns what is known of a job.
func (e *Engine) Get(id string) (Info, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	en, ok := e.entries[id]
	if !ok {
		return Info{}, false
	}
	return en.info(), true
}

// List returns the ids of all jobs, sorted as text.
func (e *Engine) List() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := make([]string, 0, len(e.entries))
	for id := range e.entries {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Infos gives all jobs, sorted by id. It takes little memory, and nobody waits for what is done with them: each is as it
// was shortly before.
func (e *Engine) Infos() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		part := make([]Info, 0, 256)
		for entries := range slices.Chunk(e.sorted(), cap(part)) {
			part = part[:0]
			e.mu.Lock()
			for _, en := range entries {
				part = append(part, en.info())
			}
			e.mu.Unlock()
			for _, info := range part {
				if !yield(info) {
					return
				}
			}
		}
	}
}

func (e *Engine) sorted() []*entry {
	e.mu.Lock()
	all := make([]*entry, 0, len(e.entries))
	for _, en := range e.entries {
		all = append(all, en)
	}
	e.mu.Unlock()
	// Nobody waits for the sorting: the id of an entry never changes.
	slices.SortFunc(all, func(a, b *entry) int { return strings.Compare(a.rec.ID, b.rec.ID) })
	return all
}

// Counts returns how many jobs are in each state.
func (e *Engine) Counts() map[State]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	counts := map[State]int{}
	for _, en := range e.entries {
		counts[en.rec.State]++
	}
	return counts
}

// Watch returns a job as it is now, and a channel that is closed at its next change.
func (e *Engine) Watch(id string) (Info, <-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	en, ok := e.entries[id]
	if !ok {
		return Info{}, nil, ErrUnknown
	}
	return en.info(), en.watch(), nil
}

// Wait returns when the job has ended and that is kept. It goes on through Paused and Retry, and works for a job that
// the history forgets in the meantime.
func (e *Engine) Wait(ctx context.Context, id string) (Info, error) {
	e.mu.Lock()
	en, ok := e.entries[id]
	e.mu.Unlock()
	if !ok {
		return Info{}, ErrUnknown
	}
	return e.wait(ctx, en)
}

func (e *Engine) wait(ctx context.Context, en *entry) (Info, error) {
	for {
		e.mu.Lock()
		info, kept, changed := en.info(), en.kept, en.watch()
		e.mu.Unlock()
		if info.State.Ended() && kept {
			return info, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return info, ctx.Err()
		case <-e.ctx.Done():
			return info, ErrStopped
		}
	}
}

// info, shown and watch expect Engine.mu to be held.
func (en *entry) info() Info {
	now := time.Now()
	r := &en.rec
	info := Info{
		ID: r.ID, Kind: r.Kind, State: r.State, Priority: r.Priority, Done: r.Done, Total: r.Total,
		Content: en.content, ErrorCode: r.ErrorCode, ErrorDetails: r.ErrorDetails, ErrorPayload: r.ErrorPayload,
		Created: r.Created, Changed: r.Changed, Taken: now, Runtime: r.Runtime,
		Attempt: r.Attempt, NextAttempt: r.NextAttempt, UserData: r.UserData, Change: en.change,
	}
	switch {
	case r.State == Running:
		info.Runtime += now.Sub(en.since)
	case en.ending:
		info.State, info.ErrorCode, info.ErrorDetails, info.ErrorPayload = en.shown(), CodeSuccess, "", nil
	}
	return info
}

// shown is the state that users see.
func (en *entry) shown() State {
	if en.ending {
		return Running
	}
	return en.rec.State
}

func (en *entry) watch() <-chan struct{} {
	if en.changed == nil {
		en.changed = make(chan struct{})
	}
	return en.changed
}
