package scp

import (
	"context"
	"errors"
	"log/slog"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// logFailure tells in the log of an operation that failed: the one line about it, so handlers need none of their own.
func (a *Association) logFailure(ctx context.Context, op *operation, err error) {
	level := gravity(err)
	if !a.log.Enabled(ctx, level) {
		return
	}
	cmd := op.Command
	attrs := []any{"service", cmd.Service(), "message", cmd.MessageID}
	for _, instance := range [...]dicom.UID{cmd.AffectedSOPInstanceUID, cmd.RequestedSOPInstanceUID} {
		if instance != "" {
			attrs = append(attrs, "instance", instance[:min(len(instance), dicom.MaxUIDLength)])
		}
	}
	attrs = append(attrs, "remote", a.peer.RemoteAddr, "status", op.response.Status.String(), "reason", reason(err))
	if next := dimse.NextOf(err); next != "" {
		attrs = append(attrs, "next", next)
	}
	a.log.Log(ctx, level, "operation failed", attrs...)
}

// reason is an error without the status that stands beside it.
func reason(err error) string {
	if se, ok := err.(*dimse.StatusError); ok { //nolint:errorlint // wrapped it has more to say
		return se.Reason()
	}
	return err.Error()
}

// gravity is the level of a failure: an error if it is one of this end, a warning if the peer or its data brought it about,
// or went away.
func gravity(err error) slog.Level {
	switch status := dimse.StatusOf(err); {
	case status != dimse.StatusProcessingFailure && status != dimse.StatusOutOfResources:
		return slog.LevelWarn
	case over(err):
		return slog.LevelWarn
	}
	return slog.LevelError
}

// over reports whether an operation failed because its association ended.
func over(err error) bool {
	var timeout *dul.TimeoutError
	var abort *dul.AbortError
	return IsShutdown(err) || errors.Is(err, context.Canceled) || errors.Is(err, dul.ErrConnectionLost) ||
		errors.As(err, &timeout) || errors.As(err, &abort)
}
