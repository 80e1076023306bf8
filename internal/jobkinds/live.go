package jobkinds

import (
	"context"
	"sync"

	"gantry/internal/dicom"
	"gantry/internal/scp"
)

// liveRequests remembers on which association each open request came, as long as that association lives.
type liveRequests struct {
	mu   sync.Mutex
	byID map[requestID]*liveRequest
}

// requestID is the key of a request's row.
type requestID struct {
	peer        string // key of the row, see rowKey
	transaction dicom.UID
}

type liveRequest struct {
	assoc    *scp.Association
	answered chan struct{} // closed when the N-ACTION-RSP is out
	once     sync.Once
}

// add notes the association of a request and returns the function that says that the request was answered.
func (l *liveRequests) add(id requestID, assoc *scp.Association) (answered func()) {
	r := &liveRequest{assoc: assoc, answered: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID = map[requestID]*liveRequest{}
	}
	l.byID[id] = r
	return func() { r.once.Do(func() { close(r.answered) }) }
}

// wait returns the association of a request once the request was answered on it, nil if it has ended or never was.
func (l *liveRequests) wait(ctx context.Context, id requestID) *scp.Association {
	l.mu.Lock()
	r := l.byID[id]
	l.mu.Unlock()
	if r == nil {
		return nil
	}
	select {
	case <-r.answered:
	case <-r.assoc.Done():
	case <-ctx.Done():
		return nil
	}
	select {
	case <-r.assoc.Done():
		l.remove(id)
		return nil
	default:
		return r.assoc
	}
}

func (l *liveRequests) remove(id requestID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byID, id)
}
