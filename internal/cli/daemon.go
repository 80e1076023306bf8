package cli

import (
	"context"
	"errors"
	"log/slog"

	"gantry/internal/config"
)

func newDaemon(ctx context.Context, c *config.Config, logger *slog.Logger) (Daemon, error) {
	return nil, errors.New("cli: this build has no daemon")
}
