package scp

import (
	"context"
	"net"
)

// Server accepts associations. Its methods may be called at once.
type Server struct{}

// NewServer returns a server.
func NewServer(cfg Config) *Server { return nil }

// Serve accepts connections of ln, which it closes, until Shutdown or the end of ctx, and returns nil then; it may be
// called for several listeners. The end of ctx ends the associations too, at once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error { return nil }

// Shutdown closes the listeners and lets the running operations finish and be answered; each association is aborted
// when its last one is. When ctx ends first, the rest is aborted at once and the cause of ctx returned.
func (s *Server) Shutdown(ctx context.Context) error { return nil }

// Associations returns the number of established associations.
func (s *Server) Associations() int { return 0 }
