package jobkinds

import (
	"context"

	"gantry/internal/config"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

// Call says how a peer is called; the zero value takes everything from the peer's entry and the configuration.
type Call struct {
	LocalAET  string // calling AE title
	CalledAET string
	Host      string
	Port      int
	Timeout   int // seconds for connecting, associating and each answer; 0: that of the peer, else DicomScuTimeout
	Contexts  []dul.ProposedContext
	Roles     []dul.RoleSelection
	Handler   any // serves what the peer asks on our association
}

// Dial opens an association to a peer.
func (d *Deps) Dial(ctx context.Context, m config.Modality, call Call) (*scu.Client, error) {
	return nil, nil
}

// Echo associates with a peer and performs C-ECHO.
func (d *Deps) Echo(ctx context.Context, m config.Modality, call Call) error { return nil }
