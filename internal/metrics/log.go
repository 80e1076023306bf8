package metrics

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// logged counts lines of the log.
type logged struct{ warnings, errors prometheus.Counter }

func (m *Metrics) buildLogged() {
	vec := m.counters("gantry_log_messages_total", "Warnings and errors logged.", "level")
	m.logged = logged{warnings: vec.WithLabelValues("warning"), errors: vec.WithLabelValues("error")}
}

// LogHandler returns a handler that counts what next is given.
func (m *Metrics) LogHandler(next slog.Handler) slog.Handler {
	if m == nil {
		return next
	}
	return &logHandler{Handler: next, m: m}
}

type logHandler struct {
	slog.Handler
	m *Metrics
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.m.on.Load() {
		switch {
		case r.Level >= slog.LevelError:
			h.m.logged.errors.Inc()
			h.m.orthanc.loggedErrors.Add(1)
		case r.Level >= slog.LevelWarn:
			h.m.logged.warnings.Inc()
			h.m.orthanc.loggedWarnings.Add(1)
		}
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{Handler: h.Handler.WithAttrs(attrs), m: h.m}
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{Handler: h.Handler.WithGroup(name), m: h.m}
}
