package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// watchdog ends a transfer in which nothing moves.
type watchdog struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context
}

func newWatchdog(ctx context.Context, limit time.Duration) (context.Context, *watchdog) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{limit: limit, cancel: cancel, ctx: ctx}
	if limit > 0 {
		w.timer = time.AfterFunc(limit, func() { cancel(&pendingError{text: fmt.Sprintf("nothing has arrived for %s", limit)}) })
	}
	return ctx, w
}

func (w *watchdog) alive() {
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

func (w *watchdog) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(nil)
}

// explain gives the reason why a transfer was ended rather than what that looked like.
func (w *watchdog) explain(err error) error {
	if cause := context.Cause(w.ctx); cause != nil {
		return cause
	}
	return err
}

// tail remembers the end of what is written, where an archive says that it is whole.
type tail struct {
	w   io.Writer
	end []byte
}

// longestEnd is how long the end of a ZIP file may be: its comment has up to 64 KiB.
const longestEnd = 22 + 1<<16

func (t *tail) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	t.end = append(t.end, p[:n]...)
	if extra := len(t.end) - longestEnd; extra > 0 {
		t.end = append(t.end[:0], t.end[extra:]...)
	}
	return n, err
}

func (t *tail) check() error {
	if !bytes.Contains(t.end, []byte("PK\x05\x06")) {
		return incomplete(errors.New("its end is missing"))
	}
	return nil
}
