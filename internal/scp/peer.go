package scp

import (
	"crypto/tls"
	"log/slog"
	"net"

	"gantry/internal/dul"
)

// Peer is the other end of an association, as every request carries it.
type Peer struct {
	ID         string // of the association, as in the logs
	CallingAET string // of the end that asked for the association
	CalledAET  string
	RemoteAddr net.Addr
	TLS        *tls.ConnectionState // nil without TLS
	Identity   *dul.UserIdentity    // nil if the peer gave none

	ImplementationClassUID    string
	ImplementationVersionName string
}

// LogAttrs names the association in a log line.
func (p *Peer) LogAttrs() []any {
	return []any{
		slog.String("association", p.ID),
		slog.String("calling", p.CallingAET),
		slog.String("called", p.CalledAET),
	}
}

// maxVersionName is the length of an Implementation Version Name (PS3.7 D.3.3.2.3); what a peer sends beyond it is not
// for logs.
const maxVersionName = 16

func newPeer(id string, rq *dul.Request) *Peer {
	return &Peer{
		ID: id, CallingAET: rq.CallingAET, CalledAET: rq.CalledAET, RemoteAddr: rq.RemoteAddr, TLS: rq.TLS,
		Identity:                  rq.Identity,
		ImplementationClassUID:    rq.ImplementationClassUID,
		ImplementationVersionName: rq.ImplementationVersionName[:min(len(rq.ImplementationVersionName), maxVersionName)],
	}
}
