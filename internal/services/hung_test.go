package services_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/scp"
)

// hanging takes reports, but answers none from when it was told to hang until it is told to go on.
type hanging struct {
	*requester
	mu      sync.Mutex
	gate    chan struct{} // nil: open
	waiting int           // reports that are not answered
	most    int
}

func newHanging(t *testing.T) *hanging {
	t.Helper()
	h := &hanging{requester: &requester{reports: make(chan reported, 100)}}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: h, Operations: 100, Accept: func(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
		return proposed[0], scp.Accepted
	}})
	h.addr = addr
	t.Cleanup(func() { cancel(); <-done })
	return h
}

func (h *hanging) hang() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gate = make(chan struct{})
}

func (h *hanging) goOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.gate)
}

// EventReport implements scp.EventReceiver.
func (h *hanging) EventReport(ctx context.Context, rq *scp.EventReportRequest) error {
	h.mu.Lock()
	gate := h.gate // as it was when the report came: hang may be called as soon as it is told of
	h.waiting++
	h.most = max(h.most, h.waiting)
	h.mu.Unlock()
	err := h.requester.EventReport(ctx, rq)
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.waiting--
	}()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// More peers than there are slots for reports have answered before and hang now, each with reports that wait: those of
// another peer go out all the same, and when the peers go on they get all of theirs, having had few at a time.
func TestHungPeersHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"new", "same"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			const peers, reports = 3, 5
			s := newSite(t, func(c *config.Config) { c.DicomScuTimeout, c.StorageCommitmentRetryDelay = 3600, 1 })
			refs := s.putInto(1)
			var hung [peers]*hanging
			for i := range hung {
				h, aet := newHanging(t), fmt.Sprintf("HUNG%d", i)
				hung[i] = h
				m := modality(t, aet, h.addr)
				m.StorageCommitmentDelivery = policy
				s.know(aet, m)
				for n := range reports {
					if err := ask(t, s.dial(aet, h), dicom.UID(fmt.Sprintf("2.25.%d.%d", i+1, n+1)), refs); err != nil {
						t.Fatal(err)
					}
					if n == 0 {
						h.next(t) // it answers
						h.hang()
					}
				}
				h.next(t) // and now it hangs
			}
			r := newRequester(t)
			s.know("scu", modality(t, "SCU", r.addr))
			if err := ask(t, s.dial("SCU", nil), "2.25.9", refs); err != nil {
				t.Fatal(err)
			}
			r.next(t)
			for _, h := range hung {
				h.goOn()
			}
			for _, id := range s.commitmentJobs() {
				s.reach(id, jobs.Success)
			}
			for i, h := range hung {
				if len(h.reports) < reports-2 || policy == "new" && h.most > 2 { // two have been taken out above
					t.Errorf("peer %d got %d further reports, %d at a time", i, len(h.reports), h.most)
				}
			}
		})
	}
}
