package scp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"gantry/internal/dul"
)

// Server accepts associations. Its methods may be called at once.
type Server struct {
	cfg    Config
	log    *slog.Logger
	limits limits

	mu           sync.Mutex
	closing      bool
	listeners    map[net.Listener]struct{}
	connections  map[*connection]struct{}
	associations int // reserved at negotiation
	evicted      int // of the connections, those that were closed to make room and have not ended yet
	changed      *sync.Cond
}

// connection is one from its acceptance to its end.
type connection struct {
	net    net.Conn
	cancel context.CancelCauseFunc
	assoc  *Association // nil until established
	peer   *Peer
	holds  bool // one of the associations
	since  time.Time
	gone   bool // it was closed to make room
}

// NewServer returns a server.
func NewServer(cfg Config) *Server {
	if cfg.MaxAssociations <= 0 {
		cfg.MaxAssociations = DefaultMaxAssociations
	}
	if cfg.Operations <= 0 {
		cfg.Operations = DefaultOperations
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, limits: newLimits(cfg.Operations),
		listeners: make(map[net.Listener]struct{}), connections: make(map[*connection]struct{}),
	}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// Serve accepts connections of ln, which it closes, until Shutdown or the end of ctx, and returns nil then; it may be
// called for several listeners. The end of ctx ends the associations too, at once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if !s.listen(ln) {
		return ln.Close()
	}
	defer s.unlisten(ln)
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() }) // Accept tells
	defer stop()
	for delay := time.Duration(0); ; {
		c, err := ln.Accept()
		switch {
		case err == nil:
			delay = 0
			s.start(ctx, c)
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return s.stopped(ctx, err)
		default:
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.log.Error("cannot accept connections", "err", err, "retry", delay)
			pause(ctx, delay)
		}
	}
}

// stopped tells whether the end of a listener was wanted.
func (s *Server) stopped(ctx context.Context, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("scp: accept: %w", err)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (s *Server) listen(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.listeners[ln] = struct{}{}
	}
	return !s.closing
}

func (s *Server) unlisten(ln net.Listener) {
	_ = ln.Close() // it may be closed already
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
}

// spareConnections is how many connections that ask for nothing yet, or are about to be refused, are kept above
// MaxAssociations.
const spareConnections = 64

// start serves a connection on a goroutine of its own.
func (s *Server) start(ctx context.Context, c net.Conn) {
	ctx, cancel := context.WithCancelCause(ctx)
	conn := &connection{net: c, cancel: cancel, since: time.Now()}
	if !s.admit(conn) {
		cancel(nil)
		_ = c.Close() // it was not used
		s.log.Warn("connection closed: too many", "remote", c.RemoteAddr())
		s.cfg.Observer.connectionRefused(c.RemoteAddr())
		return
	}
	go func() {
		defer s.forget(conn)
		defer s.recovered(conn)
		s.serve(ctx, conn)
	}()
}

// admit takes a connection in. When there are too many, the one that has waited longest without asking for an
// association makes room: whoever opens connections and says nothing keeps nobody else out.
func (s *Server) admit(conn *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	if len(s.connections)-s.evicted >= s.cfg.MaxAssociations+spareConnections {
		idlest := s.idlest()
		if idlest == nil {
			return false
		}
		idlest.gone = true
		s.evicted++
		idlest.cancel(nil)
	}
	s.connections[conn] = struct{}{}
	return true
}

// idlest finds the oldest connection that has asked for nothing; nil if all have. s.mu is held.
func (s *Server) idlest() *connection {
	var oldest *connection
	for conn := range s.connections {
		if !conn.holds && !conn.gone && conn.assoc == nil && (oldest == nil || conn.since.Before(oldest.since)) {
			oldest = conn
		}
	}
	return oldest
}

// recovered turns a panic of a callback of the negotiation into the end of its connection.
func (s *Server) recovered(conn *connection) {
	if p := recover(); p != nil {
		s.release(conn)
		_ = conn.net.Close() // it is of no use any more
		s.log.Error("panic, connection closed", "remote", conn.net.RemoteAddr(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

func (s *Server) forget(conn *connection) {
	conn.cancel(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, conn)
	if conn.gone {
		s.evicted--
	}
	s.changed.Broadcast()
}

// serve takes a connection from its first byte to its end.
func (s *Server) serve(ctx context.Context, conn *connection) {
	nc := promptly(conn.net)
	if s.cfg.Connection != nil {
		nc = s.cfg.Connection(nc)
	}
	assoc, err := dul.Accept(ctx, nc, s.policy(conn))
	if err != nil {
		s.release(conn)
		s.refused(conn, err)
		return
	}
	a := bind(assoc, conn.peer, Options{
		Handler: s.cfg.Handler, DrainTimeout: s.cfg.DrainTimeout, Logger: s.log, Observer: s.cfg.Observer,
		Around: s.cfg.Around,
	}, s.limits)
	s.established(conn, a)
	started := time.Now()
	a.log.Info("association opened", "remote", conn.net.RemoteAddr(), "implementation", conn.peer.ImplementationVersionName)
	s.cfg.Observer.opened(conn.peer)
	err = a.Run(ctx)
	if cerr := assoc.Close(); err == nil && cerr != nil {
		a.log.Debug("association not closed in order", "err", cerr)
	}
	s.release(conn)
	s.ended(a, time.Since(started), err)
}

// policy is how the layer below accepts the association of a connection.
func (s *Server) policy(conn *connection) dul.Policy {
	id := rand.Text()[:8]
	return dul.Policy{
		Negotiate: func(ctx context.Context, rq *dul.Request) (*dul.Answer, error) {
			conn.peer = newPeer(id, rq)
			if !s.reserve(conn) {
				return nil, dul.RejectLocalLimit()
			}
			return s.negotiate(ctx, rq, conn.peer)
		},
		MaxPDULength: s.cfg.MaxPDULength, TLS: s.cfg.TLS,
		ACSETimeout: s.cfg.ACSETimeout, DIMSETimeout: s.cfg.DIMSETimeout, IdleTimeout: s.cfg.IdleTimeout,
		ImplementationClassUID: s.cfg.ImplementationClassUID, ImplementationVersionName: s.cfg.ImplementationVersionName,
		NewID: func() string { return id }, // and no Logger: the server tells of every beginning and end itself
	}
}

// reserve takes one of the associations for a connection, unless all are taken or the server shuts down.
func (s *Server) reserve(conn *connection) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || s.associations >= s.cfg.MaxAssociations {
		return false
	}
	s.associations++
	conn.holds = true
	return true
}

// release gives back what reserve took.
func (s *Server) release(conn *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn.holds {
		conn.holds = false
		s.associations--
	}
}

func (s *Server) established(conn *connection, a *Association) {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn.assoc = a
	if s.closing {
		a.shutdown()
	}
}

// refused tells of a connection that led to no association.
func (s *Server) refused(conn *connection, err error) {
	remote := conn.net.RemoteAddr()
	s.mu.Lock()
	gone := conn.gone
	s.mu.Unlock()
	if gone {
		s.log.Warn("connection closed: too many, and it asked for nothing", "remote", remote)
		s.cfg.Observer.connectionRefused(remote)
		return
	}
	if errors.Is(err, dul.ErrNoAssociation) {
		s.log.Debug("connection closed before an association was asked for", "remote", remote)
		return
	}
	peer := conn.peer
	if peer == nil {
		peer = &Peer{}
	}
	s.log.Warn("no association", append(peer.LogAttrs(), "remote", remote, "err", err)...)
	s.cfg.Observer.rejected(remote, peer.CallingAET, peer.CalledAET, err)
}

func (s *Server) ended(a *Association, lasted time.Duration, err error) {
	switch {
	case err == nil:
		a.log.Info("association released", "lasted", lasted)
	case errors.Is(err, errShutdown):
		a.log.Info("association ended by shutdown", "lasted", lasted)
	default:
		a.log.Warn("association ended", "lasted", lasted, "err", err)
	}
	s.cfg.Observer.closed(a.peer, lasted, err)
}

// FreeOperations returns how many more operations could be performed at once; see Config.Operations.
func (s *Server) FreeOperations() int { return cap(s.limits.operations) - len(s.limits.operations) }

// Associations returns the number of associations, those being negotiated included.
func (s *Server) Associations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.associations
}
