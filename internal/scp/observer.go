package scp

import (
	"net"
	"time"

	"gantry/internal/dimse"
)

// Observer is told what happens, for metrics. Each of its functions may be nil; they are called by many goroutines.
type Observer struct {
	AssociationOpened   func(peer *Peer)
	AssociationClosed   func(peer *Peer, lasted time.Duration, err error) // nil error: released
	AssociationRejected func(remote net.Addr, callingAET, calledAET string, err error)
	Operation           func(op Operation)
}

// Operation is one that was performed and answered.
type Operation struct {
	Peer     *Peer
	Service  string // "C-STORE"
	Status   dimse.Status
	Duration time.Duration // from the command to the response
	Bytes    int64         // of the data set
}

func (o *Observer) opened(p *Peer) {
	if o != nil && o.AssociationOpened != nil {
		o.AssociationOpened(p)
	}
}

func (o *Observer) closed(p *Peer, lasted time.Duration, err error) {
	if o != nil && o.AssociationClosed != nil {
		o.AssociationClosed(p, lasted, err)
	}
}

func (o *Observer) rejected(remote net.Addr, calling, called string, err error) {
	if o != nil && o.AssociationRejected != nil {
		o.AssociationRejected(remote, calling, called, err)
	}
}

func (o *Observer) operation(op Operation) {
	if o != nil && o.Operation != nil {
		o.Operation(op)
	}
}
