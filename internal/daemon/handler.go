package daemon

import (
	"crypto/tls"

	"gantry/internal/jobkinds"
)

// prepareHandler finds out, before anything is promised, whether the handler of storage commitment requests can be used.
func (d *Daemon) prepareHandler() error {
	if err := jobkinds.CheckHandler(d.cfg); err != nil {
		return err
	}
	if d.cfg.HttpsCACertificates == "" {
		return nil
	}
	pool, err := certificates("HttpsCACertificates", d.cfg.HttpsCACertificates)
	if err != nil {
		return err
	}
	d.peers.HTTPS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	return nil
}
