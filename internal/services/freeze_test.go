package services_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/scp"
	"gantry/internal/scu"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// freezer holds a site up after its nth durable transaction: what lies on the disk then is what a crash would leave.
type freezer struct {
	mu     sync.Mutex
	left   int // transactions until then; negative: it stays as it is
	frozen chan struct{}
	thaw   chan struct{}
}

func newFreezer() *freezer {
	return &freezer{left: -1, frozen: make(chan struct{}), thaw: make(chan struct{})}
}

func (f *freezer) updated(time.Duration) {
	f.mu.Lock()
	stop := f.left == 0
	if f.left > 0 {
		f.left--
		if stop = f.left == 0; stop {
			close(f.frozen)
		}
	}
	f.mu.Unlock()
	if stop {
		<-f.thaw
	}
}

// after freezes the site after n more transactions.
func (f *freezer) after(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = n
}

// A crash after any durable transaction on the way from a request to its report: one that was answered with success is
// reported on, and all reports on it, in this life or the next, are the same bytes.
func TestCrashAfterEachTransaction(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct{ missing, transactions int }{
		"all there":         {0, 2}, // kept as it was decided, delivered
		"small":             {3, 3}, // kept, decided, delivered
		"received in parts": {9000, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			points := 1
			for ; crashAfter(t, points, x.missing); points++ {
			}
			if points <= x.transactions {
				t.Errorf("only %d transactions", points-1)
			}
			t.Logf("%d crashes", points-1)
		})
	}
}

// crashAfter crashes a site after so many transactions; false says that all was done before.
func crashAfter(t *testing.T, transactions, missing int) (crashed bool) {
	t.Helper()
	f := newFreezer()
	first := prepareSite(t, nil)
	first.observer = &storage.Observer{Updated: f.updated}
	first.start("127.0.0.1:0")
	defer func() { close(f.thaw); first.stop() }()
	r := newRequester(t)
	first.know("scu", modality(t, "SCU", r.addr))
	refs := append(first.putInto(2), many(missing)...)
	f.after(transactions)
	promised, reports, crashed := first.askUntilCrash(r, f, refs)
	if crashed {
		t.Logf("crash after transaction %d: promised: %t, reports so far: %d", transactions, promised, len(reports))
		nextLife(t, first.cfg.StorageDirectory, r, promised, reports, missing)
	}
	return crashed
}

// askUntilCrash asks for commitment and returns when the site is frozen, or the report has come and that is noted.
func (s *site) askUntilCrash(r *requester, f *freezer, refs []index.Reference) (promised bool, reports []reported, crashed bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	client, answered := s.dial("SCU", nil), make(chan error, 1)
	go func() { answered <- action(ctx, client, "2.25.1", refs) }()
	noted := make(chan struct{})
	for {
		select {
		case got := <-r.reports:
			reports = append(reports, got)
			go func() { s.settle(); close(noted) }()
			continue
		case <-noted:
		case <-f.frozen:
			crashed = true
		case <-time.After(patience):
			s.t.Fatal("neither a report nor a crash")
		}
		cancel() // who has no answer by now was promised nothing
		return <-answered == nil, reports, crashed
	}
}

// nextLife starts a site on what a crash has left: if there was a promise its report comes, if there was a report it is
// the same again or none.
func nextLife(t *testing.T, left string, r *requester, promised bool, reports []reported, missing int) {
	t.Helper()
	event := uint16(1)
	if missing > 0 {
		event = 2
	}
	s := prepareSite(t, nil)
	if err := os.CopyFS(s.cfg.StorageDirectory, os.DirFS(left)); err != nil {
		t.Fatal(err)
	}
	s.know("scu", modality(t, "SCU", r.addr))
	s.start("127.0.0.1:0")
	defer s.stop()
	if promised && len(reports) == 0 {
		reports = append(reports, r.next(t))
	}
	s.settle()
	for len(r.reports) > 0 {
		reports = append(reports, <-r.reports)
	}
	for _, got := range reports {
		if got.bytes != reports[0].bytes || got.event != event || got.data.TransactionUID != "2.25.1" || len(got.data.References) != 2 {
			t.Errorf("reports differ, or are wrong: %d committed", len(got.data.References))
		}
	}
	if rows := requestRows(t, s, index.CommitReceiving); rows != 0 {
		t.Errorf("%d requests that never came as a whole are left", rows)
	}
}

// settle returns when all commitment jobs have ended, or the site is frozen for good.
func (s *site) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, id := range s.commitmentJobs() {
		if _, err := s.engine.Wait(ctx, id); err != nil {
			return
		}
	}
}

func requestRows(t *testing.T, s *site, state index.CommitState) (n int) {
	t.Helper()
	err := s.store.View(context.Background(), func(tx index.ReadTx) error {
		rows, err := tx.CommitRequests(state)
		n = len(rows)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func action(ctx context.Context, c *scu.Client, transaction dicom.UID, refs []index.Reference) error {
	rsp, err := c.Action(ctx, &scu.ActionRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		ActionTypeID: 1, Dataset: request(transaction, refs),
	})
	if err != nil {
		return err
	}
	return rsp.Err()
}

// crashing takes a report and does not answer it before the disk was looked at.
type crashing struct {
	*requester
	came   chan struct{}
	answer chan struct{}
}

func (c *crashing) EventReport(ctx context.Context, rq *scp.EventReportRequest) error {
	err := c.requester.EventReport(ctx, rq)
	c.came <- struct{}{}
	<-c.answer
	return err
}

// A crash between sending a report and noting that it arrived: the same report goes out again.
func TestCrashBeforeDeliveryIsNoted(t *testing.T) {
	t.Parallel()
	r := newRequester(t)
	c := &crashing{r, make(chan struct{}, 1), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	addr, done := serve(t, ctx, "127.0.0.1:0", scp.Config{Handler: c, Accept: acceptFirst})
	t.Cleanup(func() { cancel(); <-done })
	first := newSite(t, nil)
	first.know("scu", modality(t, "SCU", addr))
	if err := ask(t, first.dial("SCU", nil), "2.25.1", append(first.putInto(2), ctRef("1.2.3"))); err != nil {
		t.Fatal(err)
	}
	sent := r.next(t)
	<-c.came
	second := prepareSite(t, nil)
	if err := os.CopyFS(second.cfg.StorageDirectory, os.DirFS(first.cfg.StorageDirectory)); err != nil {
		t.Fatal(err)
	}
	close(c.answer)
	second.know("scu", modality(t, "SCU", r.addr))
	second.start("127.0.0.1:0")
	defer second.stop()
	if again := r.next(t); again.bytes != sent.bytes || again.event != sent.event {
		t.Errorf("another report: %+v, not %+v", again, sent)
	}
}
