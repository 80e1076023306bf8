package daemon

import (
	"fmt"

	"gantry/internal/faults"
	"gantry/internal/faults/inject"
)

// prepareFaults reads the faults of the configuration, if they are enabled at all.
func (d *Daemon) prepareFaults() error {
	if !d.cfg.FaultsEnabled {
		return nil
	}
	set := new(faults.Set)
	for _, text := range d.cfg.Faults {
		rule, err := faults.Parse(text)
		if err == nil {
			_, err = set.Add(rule)
		}
		if err != nil {
			return fmt.Errorf("daemon: option Faults: %w", err)
		}
	}
	d.faults, d.injector = set, inject.New(set, d.log, d.metrics.Faults())
	d.log.Warn("FAULTS ARE ENABLED: this server answers wrongly on purpose, for tests of its peers; objects it acknowledges may be lost",
		"rules", len(d.cfg.Faults))
	return nil
}
