package services

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"gantry/internal/metrics"
	"gantry/internal/scp"
)

// tallies count what comes on each association: its objects for the log, and everything for the metrics.
type tallies struct {
	m    *metrics.Metrics
	peer func(p *scp.Peer) *metrics.Peer

	mu     sync.Mutex
	byPeer map[*scp.Peer]*tally
}

type tally struct {
	peer           *metrics.Peer
	stored, failed int
	bytes          int64 // of what was stored
}

// of returns the tally of an association; t.mu is held.
func (t *tallies) of(p *scp.Peer) *tally {
	sum := t.byPeer[p]
	if sum == nil {
		sum = &tally{peer: t.peer(p)}
		t.byPeer[p] = sum
	}
	return sum
}

func (t *tallies) count(op scp.Operation) {
	t.m.RefusedByStatus(uint16(op.Status), op.OnPurpose)
	t.add(op).Performed(op.Service, uint16(op.Status), op.Duration, op.Bytes)
}

// add counts an operation on its association and returns whose that is.
func (t *tallies) add(op scp.Operation) *metrics.Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.of(op.Peer)
	switch {
	case op.Service != "C-STORE":
	case op.Status.OK():
		sum.stored++
		sum.bytes += op.Bytes
	default:
		sum.failed++
	}
	return sum.peer
}

// asked may come after the end of its association: it must not begin another tally.
func (t *tallies) asked(op scp.Operation) {
	t.peer(op.Peer).Asked(op.Service, op.Err == nil, uint16(op.Status), op.Duration, op.Bytes)
}

// take forgets an association and returns what was counted.
func (t *tallies) take(p *scp.Peer) *tally {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.of(p)
	delete(t.byPeer, p)
	return sum
}

// Observer is the scp.Config.Observer that keeps the metrics, and tells in the log, at the end of an association, what
// came on it.
func (s *Services) Observer() *scp.Observer {
	m := s.deps.Metrics
	named := func(aet string) *metrics.Peer { return m.Peer(s.deps.Modalities.NameOf(aet)) }
	t := &tallies{m: m, byPeer: map[*scp.Peer]*tally{}, peer: func(p *scp.Peer) *metrics.Peer { return named(p.CallingAET) }}
	return &scp.Observer{
		Operation: t.count,
		Asked:     t.asked,
		AssociationClosed: func(p *scp.Peer, lasted time.Duration, err error) {
			sum := t.take(p)
			sum.peer.AssociationEnded(ending(err), lasted)
			s.logTally(p, sum)
		},
		AssociationRejected: func(_ net.Addr, calling, _ string, err error) { named(calling).AssociationRefused(refusal(err)) },
		ConnectionRefused:   func(net.Addr) { m.Refused(metrics.LimitConnections) },
	}
}

func (s *Services) logTally(p *scp.Peer, sum *tally) {
	if sum.stored+sum.failed == 0 {
		return
	}
	level := slog.LevelInfo
	if sum.failed > 0 {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "objects received",
		append(p.LogAttrs(), "stored", sum.stored, "failed", sum.failed, "bytes", sum.bytes)...)
}
