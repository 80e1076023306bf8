package daemon_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dul"
	"gantry/internal/jobkinds"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// commitBook is what a requester of storage commitment knows of its transactions.
type commitBook struct {
	mu      sync.Mutex
	asked   map[dicom.UID]bool // true if it was answered with success
	reports map[dicom.UID]map[string]int
	come    chan struct{} // has room for one: something is new
}

func (b *commitBook) note(transaction dicom.UID, answered bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[transaction] = b.asked[transaction] || answered
}

// EventReport keeps a report as it came.
func (b *commitBook) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	raw, err := io.ReadAll(rq.Data)
	if err != nil {
		return err
	}
	data, err := jobkinds.ReadCommitmentData(bytes.NewReader(raw), rq.TransferSyntax, 0)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reports[data.TransactionUID] == nil {
		b.reports[data.TransactionUID] = map[string]int{}
	}
	b.reports[data.TransactionUID][fmt.Sprintf("%d %d %d %x", rq.EventTypeID, len(data.References), len(data.Failures), raw)]++
	select {
	case b.come <- struct{}{}:
	default:
	}
	return nil
}

// wait returns when every transaction that was answered has its report.
func (b *commitBook) wait(t *testing.T) {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for b.missing() > 0 {
		select {
		case <-b.come:
		case <-limit.C:
			t.Fatalf("no report on %d of %d transactions", b.missing(), len(b.asked))
		}
	}
}

// missing counts the transactions answered with success on which no report has come.
func (b *commitBook) missing() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for uid, answered := range b.asked {
		if answered && len(b.reports[uid]) == 0 {
			n++
		}
	}
	return n
}

// TestCommitmentSurvivesKill kills the daemon while a peer asks for storage commitment: each request that was answered
// with success is reported on, and a report that comes twice is the same both times.
func TestCommitmentSurvivesKill(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("env"); err != nil {
		t.Skip("env is not there: it gives the daemon the address of its peer")
	}
	book := &commitBook{asked: map[dicom.UID]bool{}, reports: map[dicom.UID]map[string]int{}, come: make(chan struct{}, 1)}
	peer := listenFor(t, book)
	dir := t.TempDir()
	start := func() *process { return startVictim(t, dir, "env", victimPeer+"=PEER@"+peer) }

	p := start()
	stored, absent := storeOne(t, p), dicom.NewUID()
	for range crashes(t, 3) {
		p.crash(t, 3, 5+rand.IntN(60), func(ctx context.Context, answers chan<- struct{}) {
			askUntilItBreaks(ctx, p, book, []dicom.UID{stored, absent}, answers)
		})
		p = start()
	}
	book.wait(t)
	p.endInPeace(t)
	book.mu.Lock()
	defer book.mu.Unlock()
	repeated := 0
	for uid, reports := range book.reports {
		if len(reports) != 1 {
			t.Errorf("%s: %d different reports", uid, len(reports))
		}
		for text, n := range reports {
			repeated += n - 1
			if text[:6] != "2 1 1 " {
				t.Errorf("%s: report %.20s", uid, text)
			}
		}
	}
	t.Logf("%d transactions, %d reports, %d of them repeated", len(book.asked), len(book.reports), repeated)
}

// listenFor serves a handler of reports and returns its address.
func listenFor(t *testing.T, handler scp.EventReceiver) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	accept := func(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
		return proposed[0], scp.Accepted
	}
	go func() { done <- scp.NewServer(scp.Config{Handler: handler, Accept: accept}).Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func dialVictim(ctx context.Context, p *process) (*scu.Client, error) {
	little := []string{string(dicom.ExplicitVRLittleEndian)}
	return scu.Dial(ctx, scu.Config{Addr: p.dicom, CallingAET: "PEER", CalledAET: "GANTRY", Contexts: []dul.ProposedContext{
		{AbstractSyntax: string(class), TransferSyntaxes: little},
		{AbstractSyntax: string(dicom.StorageCommitmentPushModel), TransferSyntaxes: little},
	}})
}

func askUntilItBreaks(ctx context.Context, p *process, book *commitBook, instances []dicom.UID, answers chan<- struct{}) {
	client, err := dialVictim(ctx, p)
	if err != nil {
		return
	}
	defer client.Abort()
	for {
		transaction := dicom.NewUID()
		book.note(transaction, false)
		response, err := client.Action(ctx, commitmentRequest(transaction, instances...))
		if err != nil || response.Err() != nil {
			return
		}
		book.note(transaction, true)
		select {
		case answers <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}
