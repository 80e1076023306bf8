package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// saves writes changed records from one goroutine, so that the last write of a job is its newest
// state, and all that wait share one write.
type saves struct {
	e    *Engine
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex
	dirty   map[string]struct{}
	waiters []chan error
	running bool
}

func newSaves(e *Engine) *saves {
	return &saves{
		e: e, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		dirty: map[string]struct{}{},
	}
}

func (s *saves) start() {
	s.mu.Lock()
	s.running = true
	if len(s.dirty) > 0 {
		s.wake <- struct{}{}
	}
	s.mu.Unlock()
	go s.loop()
}

// stop writes what is left and ends the goroutine.
func (s *saves) stop(ctx context.Context) error {
	s.mu.Lock()
	running := s.running
	s.running = false
	s.mu.Unlock()
	if !running {
		return nil
	}
	close(s.quit)
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("jobs: the jobs were not stored in time: %w", ctx.Err())
	}
}

// mark asks for a job's record to be written soon, or deleted if the engine has forgotten it.
func (s *saves) mark(id string) { s.add(id, nil) }

// flush is mark, and waits until the write is durable.
func (s *saves) flush(ctx context.Context, id string) error {
	if s.e.cfg.Saver == nil {
		return nil
	}
	written := make(chan error, 1)
	if !s.add(id, written) {
		return nil
	}
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// add reports whether a write will follow.
func (s *saves) add(id string, waiter chan error) bool {
	if s.e.cfg.Saver == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty[id] = struct{}{}
	if !s.running {
		return false
	}
	if waiter != nil {
		s.waiters = append(s.waiters, waiter)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return true
}

func (s *saves) loop() {
	defer close(s.done)
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	for {
		stopping := false
		select {
		case <-s.wake:
		case <-again.C:
		case <-s.quit:
			stopping = true
		}
		if err := s.write(); err != nil {
			s.e.log.Error("jobs cannot be stored", "error", err)
			again.Reset(saveInterval)
		}
		if stopping {
			return
		}
	}
}

// write stores one batch; what could not be written stays marked.
func (s *saves) write() error {
	s.mu.Lock()
	dirty, waiters := s.dirty, s.waiters
	s.dirty, s.waiters = map[string]struct{}{}, nil
	s.mu.Unlock()
	err := s.e.writeRecords(dirty)
	if err != nil {
		s.mu.Lock()
		for id := range dirty {
			s.dirty[id] = struct{}{}
		}
		s.mu.Unlock()
	}
	for _, w := range waiters {
		w <- err
	}
	return err
}

func (e *Engine) writeRecords(ids map[string]struct{}) error {
	var records []Record
	var gone []string
	var contents []any
	states := map[string]int64{}
	e.mu.Lock()
	for id := range ids {
		if en, ok := e.entries[id]; ok {
			records = append(records, en.snapshot())
			contents = append(contents, en.content)
			states[id] = en.states
		} else {
			gone = append(gone, id)
		}
	}
	e.mu.Unlock()
	ctx := context.Background()
	var errs error
	for i := range records {
		content, err := json.Marshal(contents[i])
		if err != nil {
			e.log.Error("the content of a job is not JSON", "job", records[i].ID, "error", err)
			continue
		}
		records[i].Content = content
	}
	if len(records) > 0 {
		errs = e.cfg.Saver.Save(ctx, records)
	}
	if errs == nil {
		e.haveSaved(states)
	}
	if len(gone) > 0 {
		errs = errors.Join(errs, e.cfg.Saver.Delete(ctx, gone...))
	}
	return errs
}

// flush stores a job from the goroutine that runs it; a failure is logged by the loop and tried again.
func (e *Engine) flush(id string) { _ = e.saves.flush(context.Background(), id) }

// stored returns the record with its content as JSON. Engine.mu is held, or nobody else knows the entry yet.
func (en *entry) stored() (Record, error) {
	content, err := json.Marshal(en.content)
	if err != nil {
		return Record{}, fmt.Errorf("jobs: content of a %s: %w", en.rec.Kind, err)
	}
	rec := en.snapshot()
	rec.Content = content
	return rec, nil
}

// snapshot is the record, newer than all before, with the present run counted in, and with what was asked of it: a restart
// finds it paused, or with the code of a cancel. Engine.mu is held.
func (en *entry) snapshot() Record {
	en.rec.Number++
	rec := en.rec
	if rec.DataKept = en.durable; en.durable {
		rec.Data = nil
	}
	if rec.State != Running {
		return rec
	}
	rec.Runtime += time.Since(en.since)
	switch en.wish {
	case Paused:
		rec.State = Paused
	case Failure:
		rec.ErrorCode = CodeCanceled
	}
	return rec
}

// toCancel reports whether the record is of a job that the last run was asked to cancel, and did not live to.
func (r *Record) toCancel() bool { return r.State == Running && r.ErrorCode == CodeCanceled }

// rawContent shows stored content again.
func rawContent(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return json.RawMessage(b)
}
