package script_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gantry/internal/script"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		`print("a", 1)`:                    "a, 1\n",
		`print(nil, true, {} ~= nil, 1.5)`: "nil, true, true, 1.5\n",
		`return 3`:                         "",
		``:                                 "",
		`local t = {3, 1, 2} table.sort(t) print(table.concat(t, "-"))`:                         "1-2-3\n",
		`print(("ab"):rep(3), string.gsub("hello", "l", "L"))`:                                  "ababab, heLLo, 2\n",
		`print(math.floor(2.7), #"four")`:                                                       "2, 4\n",
		`print(pcall(error, "caught"))`:                                                         "false, [string \"line\"]:1: caught\n",
		`print(os, io, require, dofile, loadfile, load, loadstring, package, debug, coroutine)`: strings.Repeat("nil, ", 9) + "nil\n",
	} {
		got, err := script.Run(t.Context(), program, script.Limits{})
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", program, got, err, want)
		}
	}
}

// What a program does wrong, and what is more than it may have, ends it with a text.
func TestEnds(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		`error("x")`:                                 `[string "line"]:1: x`,
		`syntax error(`:                              `line:1`,
		`os.execute("true")`:                         "nil",
		`while true do end`:                          "limit of",
		`while true do print("line") end`:            "were printed",
		`local function f() return 1 + f() end f()`:  "overflow",
		`local s = "x" while true do s = s .. s end`: "limit",
		`local t = {} while true do t[#t + 1] = ("x"):rep(100000) .. #t end`: "limit",
		`print(#("x"):rep(1e12))`:                         "longer than the limit",
		`local s = ("x"):rep(1e6) print(#s:gsub("x", s))`: "longer than the limit",
		`local s, t = ("x"):rep(1e6), {} for i = 1, 1000 do t[i] = s end print(#table.concat(t))`: "longer than the limit",
		`("a"):rep(3000):find(("a*"):rep(30) .. "b")`:                                             "limit of", // of time, inside one call; of memory, when programs before it left much behind
	} {
		limit := 30 * time.Second // for those that end for another reason
		if want == "limit of" {
			limit = 200 * time.Millisecond
		}
		out, err := script.Run(t.Context(), program, script.Limits{Time: limit, Output: 1 << 16, Memory: 64 << 20})
		var own *script.Error
		if !errors.As(err, &own) || !strings.Contains(strings.ToLower(err.Error()), want) || out != "" {
			t.Errorf("%s: got %q, %v, want %q", program, out, err, want)
		}
	}
}

func TestEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := script.Run(ctx, `while true do end`, script.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("found %v", err)
	}
}

// A program that is inside one call of a library when it is given up says when it has ended.
func TestTellsWhenItHasEnded(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	const long = `("a"):rep(500):find("^" .. ("a*"):rep(3) .. "b")` // a good part of a second
	if _, err := script.Run(t.Context(), long, script.Limits{Time: time.Millisecond, Ended: func() { close(ended) }}); err == nil {
		t.Fatal("it was not given up")
	}
	select {
	case <-ended:
		t.Error("it had ended before it was given up")
	default:
	}
	<-ended
}
