package jobkinds

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"gantry/internal/config"
)

// awayFor is how long a peer that could not be reached is left alone by the other reports that wait for it.
const awayFor = 30 * time.Second

// tryingFor is how long a report may hold one of the few job slots while its peer says nothing, and how long others wait
// for the outcome of the first report to a peer that is not known to answer. A peer that takes longer gets one report at
// a time, until it has answered one.
const tryingFor = 100 * time.Millisecond

// wakeAtOnce is how many of the reports that wait for a peer are tried when it has answered or called. Each takes a turn in
// the lane that the reports to all peers share, and when it is through has others tried.
const wakeAtOnce = 50

var (
	// errAway means that a report was not tried because another one has just failed to reach the peer.
	errAway = errors.New("the peer could not be reached a moment ago")
	// errTrying means that a report was not tried because the peer has not answered another one yet.
	errTrying = errors.New("the peer has not answered another report yet")
)

// awayPeers remembers which peers answer, which cannot be reached, and the reports that wait for these.
type awayPeers struct {
	mu     sync.Mutex
	byAddr map[string]*awayPeer
}

type awayPeer struct {
	answers bool               // it did when last asked
	since   time.Time          // of the last failed attempt
	by      requestID          // whose attempt that was; it goes on trying on its own schedule
	first   *attempt           // under way to a peer that is not known to answer
	open    map[requestID]bool // attempts under way
	waiting map[requestID]waiting
	turns   int // given to those who wait
}

// waiting is a report that was not tried, or in vain.
type waiting struct {
	job  string
	turn int
}

type attempt struct {
	by    requestID
	job   string
	since time.Time
	ended chan struct{}
}

// enter lets the report of a job be tried, or says why it has to wait: errAway, errTrying, which it is also while as many
// attempts as most are under way. An attempt that was let in ends with failed, given or answered.
func (a *awayPeers) enter(ctx context.Context, addr string, id requestID, jobID string, most int) error {
	for {
		a.mu.Lock()
		p := a.peer(addr)
		other := p.first
		if p.by != id && !p.since.IsZero() && time.Since(p.since) < awayFor {
			p.wait(id, jobID)
			a.mu.Unlock()
			return errAway
		}
		if p.answers && len(p.open) >= most {
			p.wait(id, jobID)
			a.mu.Unlock()
			return errTrying
		}
		if p.answers || other == nil {
			p.open[id] = true
			delete(p.waiting, id)
			if !p.answers {
				p.first = &attempt{by: id, job: jobID, since: time.Now(), ended: make(chan struct{})}
			}
			a.mu.Unlock()
			return nil
		}
		left := time.Until(other.since.Add(tryingFor))
		if left <= 0 {
			p.wait(id, jobID)
			a.mu.Unlock()
			return errTrying
		}
		a.mu.Unlock()
		select {
		case <-other.ended:
		case <-time.After(left):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wait lines a report up.
func (p *awayPeer) wait(id requestID, jobID string) {
	p.turns++
	p.waiting[id] = waiting{jobID, p.turns}
}

// wake returns the jobs of those that have waited longest, which do so no more.
func (p *awayPeer) wake() (jobIDs []string) {
	ids := slices.SortedFunc(maps.Keys(p.waiting), func(a, b requestID) int { return p.waiting[a].turn - p.waiting[b].turn })
	for _, id := range ids[:min(len(ids), wakeAtOnce)] {
		jobIDs = append(jobIDs, p.waiting[id].job)
		delete(p.waiting, id)
	}
	return jobIDs
}

// peer returns the entry of an address; mu is held.
func (a *awayPeers) peer(addr string) *awayPeer {
	p := a.byAddr[addr]
	if p == nil {
		p = &awayPeer{waiting: map[requestID]waiting{}, open: map[requestID]bool{}}
		if a.byAddr == nil {
			a.byAddr = map[string]*awayPeer{}
		}
		a.byAddr[addr] = p
	}
	return p
}

// slow says that the peer has not answered an attempt for tryingFor: until it answers one no others begin.
func (a *awayPeers) slow(addr string, id requestID, jobID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byAddr[addr]
	if p == nil || !p.open[id] { // it has just ended
		return
	}
	p.answers = false
	if p.first == nil {
		p.first = &attempt{by: id, job: jobID, since: time.Now().Add(-tryingFor), ended: make(chan struct{})}
	}
}

// failed ends an attempt that did not reach the peer; its job waits for it with the others.
func (a *awayPeers) failed(addr string, id requestID, jobID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.peer(addr)
	p.answers, p.since, p.by = false, time.Now(), id
	p.wait(id, jobID)
	p.end(id)
}

// given ends an attempt that tells nothing of the peer.
func (a *awayPeers) given(addr string, id requestID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.peer(addr).end(id)
	a.tidy(addr)
}

// answered ends an attempt that the peer has answered.
func (a *awayPeers) answered(addr string, id requestID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.peer(addr)
	p.answers = true
	delete(p.waiting, id)
	p.end(id)
}

// let has a report be tried in spite of what is known of its peer.
func (a *awayPeers) let(addr string, id requestID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.byAddr[addr]; p != nil {
		p.by = id
	}
}

// end ends an attempt; those who wait for the outcome of the first one go on.
func (p *awayPeer) end(id requestID) {
	delete(p.open, id)
	if p.first != nil && p.first.by == id {
		close(p.first.ended)
		p.first = nil
	}
}

// tidy forgets a peer of which nothing is known; mu is held.
func (a *awayPeers) tidy(addr string) {
	if p := a.byAddr[addr]; p != nil && len(p.waiting) == 0 && len(p.open) == 0 && !p.answers {
		delete(a.byAddr, addr)
	}
}

// back forgets that the peer was away and returns jobs that wait for it, or are just about to.
func (a *awayPeers) back(addr string) (jobIDs []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byAddr[addr]
	if p == nil {
		return nil
	}
	jobIDs = p.wake()
	if p.first != nil { // it may have been refused a moment before the peer was back
		jobIDs = append(jobIDs, p.first.job)
	}
	p.since, p.by = time.Time{}, requestID{}
	a.tidy(addr)
	return jobIDs
}

// next returns jobs that wait for the end of an attempt which told nothing of the peer; none while that is away.
func (a *awayPeers) next(addr string) (jobIDs []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.byAddr[addr]
	if p == nil || !p.since.IsZero() {
		return nil
	}
	jobIDs = p.wake()
	a.tidy(addr)
	return jobIDs
}

// leave takes a request that has ended out of all waiting.
func (a *awayPeers) leave(id requestID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for addr, p := range a.byAddr {
		delete(p.waiting, id)
		p.end(id)
		a.tidy(addr)
	}
}

// peerIsBack lets reports that wait for a peer be tried at once: it has been reached, or has called.
func (d *Deps) peerIsBack(m config.Modality) { d.Jobs.TryAllNow(d.away.back(addrOf(m))) }

// giveUp ends an attempt that tells nothing of the peer, and lets others be tried in its place.
func (d *Deps) giveUp(addr string, id requestID) {
	d.away.given(addr, id)
	d.Jobs.TryAllNow(d.away.next(addr))
}

func addrOf(m config.Modality) string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }
