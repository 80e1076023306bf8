package loglevel_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"gantry/internal/loglevel"
)

func TestLevelsOfCategories(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	below := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError}) // must not count
	levels := loglevel.New(slog.LevelWarn)
	http, jobs := levels.Logger(loglevel.HTTP, below).With("a", 1).WithGroup("g"), levels.Logger(loglevel.Jobs, below)
	for _, x := range []struct {
		verbosity        string
		debug, info      bool
		category, result string
	}{
		{"", false, false, "http", "default"},
		{loglevel.Verbose, false, true, "http", "verbose"},
		{loglevel.Trace, true, true, "http", "trace"},
		{loglevel.Default, false, false, "http", "default"},
	} {
		if x.verbosity != "" && !levels.Set(x.verbosity, loglevel.HTTP) {
			t.Fatalf("%s is not known", x.verbosity)
		}
		out.Reset()
		http.Debug("one")
		http.Info("two")
		http.Warn("three")
		text := out.String()
		if strings.Contains(text, "one") != x.debug || strings.Contains(text, "two") != x.info || !strings.Contains(text, "three") {
			t.Errorf("%q: logged %s", x.verbosity, text)
		}
		if got := levels.Verbosity(loglevel.Category(x.category)); got != x.result {
			t.Errorf("%q: found %q", x.verbosity, got)
		}
	}
	out.Reset()
	if jobs.Info("unseen"); out.Len() > 0 {
		t.Errorf("another category has changed: %s", out.String())
	}
	if levels.Set("loud", loglevel.HTTP) {
		t.Error("an unknown verbosity was taken")
	}
	if v := levels.Verbosity("nobody"); v != "" {
		t.Errorf("an unknown category has the verbosity %q", v)
	}
}

// More than information is never the default, though the configuration may begin with it.
func TestDefaultIsNoMoreThanInformation(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	levels := loglevel.New(slog.LevelDebug)
	log := levels.Logger(loglevel.Generic, slog.NewTextHandler(&out, nil))
	if log.Debug("one"); !strings.Contains(out.String(), "one") || levels.Verbosity(loglevel.Generic) != loglevel.Trace {
		t.Error("the level of the configuration does not hold")
	}
	levels.Set(loglevel.Default, loglevel.Categories()...)
	out.Reset()
	log.Debug("two")
	log.Info("three")
	if strings.Contains(out.String(), "two") || !strings.Contains(out.String(), "three") {
		t.Errorf("logged %s", out.String())
	}
}
