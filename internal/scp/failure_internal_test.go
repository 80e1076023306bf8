package scp

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"gantry/internal/dimse"
	"gantry/internal/dul"
)

// Who reads the log for errors does not want to see peers that go away in the middle of a request.
func TestGravity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want slog.Level
	}{
		{errors.New("the disk is on fire"), slog.LevelError},
		{dimse.Errorf(dimse.StatusOutOfResources, "no space left"), slog.LevelError},
		{dimse.Errorf(dimse.StatusInvalidArgument, "no items"), slog.LevelWarn},
		{errShutdown, slog.LevelWarn},
		{fmt.Errorf("codec: read at byte 7: %w", dul.ErrConnectionLost), slog.LevelWarn},
		{&dimse.StatusError{Status: dimse.StatusProcessingFailure, Err: &dul.AbortError{FromPeer: true}}, slog.LevelWarn},
	} {
		if got := gravity(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
