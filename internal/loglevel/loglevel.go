// Package loglevel lets the level of the log be changed while the server runs, for each category of messages
// (Orthanc routes /tools/log-level and /tools/log-level-*).
package loglevel

import (
	"context"
	"log/slog"
	"sync"
)

// Category is a part of the server that logs.
type Category string

// The categories, named as Orthanc's.
const (
	Generic Category = "generic" // whatever is of no other
	Plugins Category = "plugins" // nothing logs there
	HTTP    Category = "http"    // the REST API
	SQLite  Category = "sqlite"  // the store and its index
	DICOM   Category = "dicom"   // associations, services, calls of peers
	Jobs    Category = "jobs"
	Lua     Category = "lua" // scripts
)

// Categories lists all of them.
func Categories() []Category { return []Category{Generic, Plugins, HTTP, SQLite, DICOM, Jobs, Lua} }

// The verbosities. Default is the level of the configuration, but no more than information; Verbose is information,
// Trace everything.
const (
	Default = "default"
	Verbose = "verbose"
	Trace   = "trace"
)

// Levels holds the level of every category. The zero value, and nil, know no category.
type Levels struct {
	configured slog.Level
	mu         sync.Mutex
	names      map[Category]string
	levels     map[Category]*slog.LevelVar
}

// New starts every category at the level of the configuration.
func New(configured slog.Level) *Levels {
	l := &Levels{configured: configured, names: map[Category]string{}, levels: map[Category]*slog.LevelVar{}}
	for _, c := range Categories() {
		l.levels[c] = &slog.LevelVar{}
		l.levels[c].Set(configured)
		l.names[c] = Default
		if configured < slog.LevelInfo {
			l.names[c] = Trace
		}
	}
	return l
}

// Verbosity returns the verbosity of a category, "" for one that is not known.
func (l *Levels) Verbosity(c Category) string {
	if l == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[c]
}

// Set changes the verbosity of categories. It reports false, and changes nothing, if there is no such verbosity.
func (l *Levels) Set(verbosity string, categories ...Category) bool {
	level := map[string]slog.Level{Default: max(l.configured, slog.LevelInfo), Verbose: slog.LevelInfo, Trace: slog.LevelDebug}
	to, known := level[verbosity]
	if !known {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range categories {
		if v := l.levels[c]; v != nil {
			v.Set(to)
			l.names[c] = verbosity
		}
	}
	return true
}

// Logger returns the logger of a category. Its own level alone counts, not that of the handler below.
func (l *Levels) Logger(c Category, below slog.Handler) *slog.Logger {
	return slog.New(&handler{Handler: below, level: l.levels[c]})
}

type handler struct {
	slog.Handler
	level *slog.LevelVar
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level.Level() }

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.level}
}
