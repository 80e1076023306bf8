package services

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gantry/internal/scp"
)

// tallies count the objects that come on each association.
type tallies struct {
	mu     sync.Mutex
	byPeer map[*scp.Peer]*tally
}

type tally struct {
	stored, failed int
	bytes          int64 // of what was stored
}

func (t *tallies) count(op scp.Operation) {
	if op.Service != "C-STORE" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.byPeer[op.Peer]
	if sum == nil {
		sum = &tally{}
		t.byPeer[op.Peer] = sum
	}
	if op.Status.OK() {
		sum.stored++
		sum.bytes += op.Bytes
	} else {
		sum.failed++
	}
}

// take forgets an association and returns what was counted, nil if no object came.
func (t *tallies) take(p *scp.Peer) *tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.byPeer[p]
	delete(t.byPeer, p)
	return sum
}

// Observer is the scp.Config.Observer that tells in the log, at the end of an association, what came on it.
func (s *Services) Observer() *scp.Observer {
	t := &tallies{byPeer: map[*scp.Peer]*tally{}}
	return &scp.Observer{
		Operation: t.count,
		AssociationClosed: func(p *scp.Peer, _ time.Duration, _ error) {
			sum := t.take(p)
			if sum == nil {
				return
			}
			level := slog.LevelInfo
			if sum.failed > 0 {
				level = slog.LevelWarn
			}
			s.log.Log(context.Background(), level, "objects received",
				append(p.LogAttrs(), "stored", sum.stored, "failed", sum.failed, "bytes", sum.bytes)...)
		},
	}
}
