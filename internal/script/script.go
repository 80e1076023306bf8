// Package script runs small programs in Lua: the base, table, string and math libraries, and nothing that reaches the
// system. Time, output and memory are bounded.
package script

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// Limits of one run; a zero takes the default.
type Limits struct {
	Time   time.Duration // 10 s
	Output int           // bytes that print may give: 1 MiB
	Memory int64         // bytes by which the process may grow meanwhile: 128 MiB
	Ended  func()        // called when the program has ended, which inside one call of a library it may do after Run; may be nil
}

func (l Limits) withDefaults() Limits {
	if l.Time == 0 {
		l.Time = 10 * time.Second
	}
	if l.Output == 0 {
		l.Output = 1 << 20
	}
	if l.Memory == 0 {
		l.Memory = 128 << 20
	}
	return l
}

// Error is a program that did not come to its end, by its own fault or at a limit. The text is Lua's, "[string "line"]:1: ...".
type Error struct{ Text string }

func (e *Error) Error() string { return "script: " + e.Text }

// Run runs a program and returns what it has printed. It returns when ctx ends, or at a limit, even while the program
// is busy inside one call of a library; the error is an *Error or that of ctx.
func Run(ctx context.Context, program string, limits Limits) (string, error) {
	limits = limits.withDefaults()
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(limits.Time, func() { cancel(fmt.Errorf("it has run for the limit of %v", limits.Time)) })
	defer timer.Stop()
	go watchMemory(within, limits.Memory, cancel)
	out := &output{limit: limits.Output}
	ended := make(chan error, 1)
	go func() {
		if limits.Ended != nil {
			defer limits.Ended()
		}
		ended <- execute(within, program, out)
	}()
	var err error
	select {
	case err = <-ended:
	case <-within.Done():
		err = context.Cause(within)
	}
	switch cause := context.Cause(within); {
	case err == nil:
		return out.text(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case cause != nil:
		return "", &Error{Text: "the script was ended: " + cause.Error()}
	}
	return "", err
}

func execute(ctx context.Context, program string, out *output) (err error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: 200, RegistrySize: 4 << 10, RegistryMaxSize: 256 << 10,
		RegistryGrowStep: 4 << 10})
	defer state.Close()
	defer func() {
		if p := recover(); p != nil { // of the interpreter, which a program must not be able to pass on
			err = &Error{Text: fmt.Sprint(p)}
		}
	}()
	state.SetContext(ctx)
	open(state, out)
	chunk, err := state.Load(strings.NewReader(program), `[string "line"]`)
	if err == nil {
		state.Push(chunk)
		err = state.PCall(0, 0, nil)
	}
	return tell(err)
}

// tell makes an Error of one of Lua's, without its stack.
func tell(err error) error {
	var own *lua.ApiError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own) && own.Object != nil && own.Object != lua.LNil:
		return &Error{Text: own.Object.String()}
	}
	return &Error{Text: strings.TrimSpace(err.Error())}
}

// watchMemory ends a program under which the heap grows by more than a limit.
func watchMemory(ctx context.Context, limit int64, cancel context.CancelCauseFunc) {
	heap := func() int64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64()) //nolint:gosec // bytes of a heap
	}
	begin := heap()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if heap()-begin > limit {
				cancel(fmt.Errorf("memory has grown by more than the limit of %d MiB", limit>>20))
				return
			}
		}
	}
}

// output collects what is printed. A program that was given up may still be printing.
type output struct {
	mu    sync.Mutex
	b     strings.Builder
	limit int
}

func (o *output) add(line string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.b.Len()+len(line) > o.limit {
		return false
	}
	o.b.WriteString(line)
	return true
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
