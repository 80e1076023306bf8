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
	ConnectionRefused   func(remote net.Addr) // too many connections, or it made room for another
	Operation           func(op Operation)    // of the peer's, answered by us
	Asked               func(op Operation)    // of ours, answered by the peer or not
}

// Operation is one that was performed and answered, or asked for.
type Operation struct {
	Peer      *Peer
	Service   string // "C-STORE"
	Status    dimse.Status
	Duration  time.Duration // from the command to the response
	Bytes     int64         // of the data set
	Err       error         // of Asked: there was no response
	OnPurpose bool          // the status is a fault made on purpose
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

func (o *Observer) connectionRefused(remote net.Addr) {
	if o != nil && o.ConnectionRefused != nil {
		o.ConnectionRefused(remote)
	}
}

// Asked tells the observer of a request of this end that was made at began and answered, if reply is not nil; bytes is
// the size of its data set.
func (a *Association) Asked(cmd *dimse.Command, began time.Time, bytes int64, reply *dimse.Reply, err error) {
	o := a.opts.Observer
	if o == nil || o.Asked == nil {
		return
	}
	op := Operation{Peer: a.peer, Service: cmd.Service(), Duration: time.Since(began), Bytes: bytes, Err: err}
	if err == nil {
		op.Status = reply.Command.Status
	}
	o.Asked(op)
}
