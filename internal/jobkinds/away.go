package jobkinds

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"gantry/internal/config"
	"gantry/internal/jobs"
)

// awayFor is how long a peer that could not be reached is left alone by the other reports that wait for it: each attempt
// may hold one of the few job slots until the connection times out.
const awayFor = 30 * time.Second

// errAway means that a report was not tried because another one has just failed to reach the peer.
var errAway = errors.New("jobkinds: the peer could not be reached a moment ago")

// awayPeers remembers the peers that cannot be reached and the reports that wait for them.
type awayPeers struct {
	mu     sync.Mutex
	byAddr map[string]*awayPeer
}

type awayPeer struct {
	since   time.Time // of the last failed attempt
	by      requestID // whose attempt that was; it goes on trying on its own schedule
	waiting map[requestID]string
}

// skip reports whether another request has found the peer away a moment ago.
func (a *awayPeers) skip(addr string, id requestID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byAddr[addr]
	return p != nil && p.by != id && time.Since(p.since) < awayFor
}

// wait notes that the report of a job waits for the peer; tried says that it has just failed to reach it.
func (a *awayPeers) wait(addr string, id requestID, jobID string, tried bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byAddr[addr]
	if p == nil {
		p = &awayPeer{waiting: map[requestID]string{}}
		if a.byAddr == nil {
			a.byAddr = map[string]*awayPeer{}
		}
		a.byAddr[addr] = p
	}
	p.waiting[id] = jobID
	if tried {
		p.since, p.by = time.Now(), id
	}
}

// back forgets that the peer was away and returns the jobs that waited for it.
func (a *awayPeers) back(addr string) (jobIDs []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.byAddr[addr]; p != nil {
		for _, id := range p.waiting {
			jobIDs = append(jobIDs, id)
		}
		delete(a.byAddr, addr)
	}
	return jobIDs
}

// leave takes a request that has ended out of all waiting.
func (a *awayPeers) leave(id requestID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for addr, p := range a.byAddr {
		delete(p.waiting, id)
		if len(p.waiting) == 0 {
			delete(a.byAddr, addr)
		}
	}
}

// peerIsBack lets the reports that wait for a peer be tried at once: it has been reached, or has called.
func (d *Deps) peerIsBack(ctx context.Context, m config.Modality) {
	for _, id := range d.away.back(addrOf(m)) {
		err := d.Jobs.TryNow(ctx, id)
		if err != nil && !errors.Is(err, jobs.ErrState) && !errors.Is(err, jobs.ErrUnknown) {
			d.log().Warn("a waiting report is not tried at once", "job", id, "error", err)
		}
	}
}

func addrOf(m config.Modality) string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }
