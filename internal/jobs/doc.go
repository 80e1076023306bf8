// Package jobs is the engine for long work: it queues, runs, pauses, cancels, retries and remembers jobs.
// It knows no kind of job and where jobs are kept only through [Saver].
//
// A job is made of short steps. Between two steps its state can be taken and stored, so a job goes on
// after a restart from its last stored step; the step that was in progress is done again. Steps are
// therefore run at least once and have to be idempotent.
//
// States: a submitted job is Pending until a slot is free, larger priorities first and first in first out
// among equals; Running; then Success, Failure, Paused or Retry. Retry becomes Pending when its delay has passed.
package jobs
