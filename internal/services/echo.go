package services

import (
	"context"

	"gantry/internal/scp"
)

// Echo answers C-ECHO: 0000H, or 0124H for a caller that may not.
func (s *Services) Echo(_ context.Context, rq *scp.EchoRequest) error {
	if !s.mayEcho(rq.Peer) {
		return notAuthorised("C-ECHO")
	}
	return nil
}
