package scp

import "context"

// Shutdown closes the listeners and lets the running operations finish and be answered; each association is aborted
// when its last one is. When ctx ends first, the rest is aborted at once and the cause of ctx returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.refuse()
	if s.await(ctx) {
		return nil
	}
	s.mu.Lock()
	for conn := range s.connections {
		conn.cancel(errShutdown)
	}
	s.mu.Unlock()
	return context.Cause(ctx)
}

// refuse ends everything that is not under way.
func (s *Server) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for ln := range s.listeners {
		_ = ln.Close() // nothing depends on it: Serve returns anyhow
	}
	for conn := range s.connections {
		if conn.assoc != nil {
			conn.assoc.shutdown()
		} else if !conn.holds {
			conn.cancel(errShutdown) // it is not being negotiated
		}
	}
}

// await reports whether all connections ended before ctx did.
func (s *Server) await(ctx context.Context) bool {
	stop := context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.connections) > 0 && ctx.Err() == nil {
		s.changed.Wait()
	}
	return len(s.connections) == 0
}
