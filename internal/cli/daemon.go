package cli

import (
	"log/slog"

	"gantry/internal/config"
	"gantry/internal/daemon"
)

func newDaemon(c *config.Config, logger *slog.Logger) Daemon {
	return daemon.New(c, daemon.Options{Logger: logger, Version: buildInfo().Version})
}
