package jobs

import (
	"context"
	"time"
)

// Job is one piece of long work. The engine calls its methods from one goroutine at a time.
type Job interface {
	// Kind names the type of the job, as in "DicomModalityStore". It never changes.
	Kind() string
	// Step does a short part of the work. A cancelled context means cancel, pause or stop: the step lets go of what
	// it holds between steps, like connections, and returns soon with the context's error; it may be run again later.
	// A stop between two steps is told by a Step whose context is cancelled already.
	// [Again] marks an error after which the job wants to be tried later.
	Step(ctx context.Context) (Result, error)
	// Progress returns how many of how many parts are done; total may be 0 while it is unknown.
	Progress() (done, total int)
	// Content returns what users see of the job. The value is not changed afterwards.
	Content() any
	// State returns what [Factory] needs to go on with the job after a restart.
	State() (version int, data []byte, err error)
}

// Result is the outcome of a step that did not fail.
type Result struct {
	// Done says that the job is complete.
	Done bool
	// RetryAfter, if positive, puts the job into state Retry for this long. It does not count as a failed attempt.
	RetryAfter time.Duration
	// Save asks for the job's state to be durable before the next step begins.
	// Without it, progress is stored at most once a second.
	Save bool
}

// Factory makes a job again from what its State returned.
type Factory func(version int, data []byte) (Job, error)

// Bound is a job that wants to know itself: its id, and its record for a transaction of its own.
type Bound interface {
	// Bind is called once, before the first step and before the job is stored.
	Bind(Handle)
}

// Retrier is a job with a retry policy of its own; others get the engine's.
type Retrier interface {
	RetryPolicy() RetryPolicy
}

// Resubmitter is a job that prepares itself for a resubmit after a failure, or refuses it with an error.
// Jobs without it are run again from the state they failed in.
type Resubmitter interface {
	Resubmit() error
}

// Ender is a job that wants to know that it ended: err is nil after success, an error with code
// [CodeCanceled] after a cancel. It runs once per ending, also when the job never ran.
type Ender interface {
	Ended(ctx context.Context, err error)
}

// RetryPolicy says when a job that failed with [Again] is tried again.
type RetryPolicy struct {
	Base     time.Duration // delay before the second attempt; it doubles with each further one
	Max      time.Duration // longest delay; 0 = no limit
	Attempts int           // attempts in a row before the job fails; 0 = no limit
}

// Delay returns how long to wait after the given number of failed attempts in a row, and whether to try again at all.
func (p RetryPolicy) Delay(attempts int) (time.Duration, bool) {
	if p.Attempts > 0 && attempts >= p.Attempts {
		return 0, false
	}
	delay := max(p.Base, time.Millisecond)
	for i := 1; i < attempts; i++ {
		if p.Max > 0 && delay >= p.Max || delay > time.Duration(1)<<40 {
			break
		}
		delay *= 2
	}
	if p.Max > 0 {
		delay = min(delay, p.Max)
	}
	return delay, true
}
