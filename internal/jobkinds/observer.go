package jobkinds

import (
	"errors"

	"gantry/internal/dul"
	"gantry/internal/metrics"
	"gantry/internal/scp"
)

// observer counts what is done on an association with a peer that we called.
func (d *Deps) observer(aet string) *scp.Observer {
	if d.Metrics == nil {
		return nil
	}
	peer := d.metricsOf(aet)
	return &scp.Observer{
		Operation: func(op scp.Operation) {
			d.Metrics.RefusedByStatus(uint16(op.Status), op.OnPurpose)
			peer.Performed(op.Service, uint16(op.Status), op.Duration, op.Bytes)
		},
		Asked: func(op scp.Operation) {
			peer.Asked(op.Service, op.Err == nil, uint16(op.Status), op.Duration, op.Bytes)
		},
	}
}

// called counts how the attempt to associate went.
func (d *Deps) called(aet string, err error) {
	result := metrics.Accepted
	if rejection := new(dul.Rejection); errors.As(err, &rejection) {
		result = metrics.Refused
	} else if err != nil {
		result = metrics.Failed
	}
	d.metricsOf(aet).Called(result)
}

func (d *Deps) metricsOf(aet string) *metrics.Peer { return d.Metrics.Peer(d.Modalities.NameOf(aet)) }
