package scp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// handler performs services with functions; those that are nil take what comes.
type handler struct {
	echo   func(context.Context, *scp.EchoRequest) error
	store  func(context.Context, *scp.StoreRequest) error
	action func(context.Context, *scp.ActionRequest) (*scp.ActionResult, error)
	event  func(context.Context, *scp.EventReportRequest) error
}

func (h *handler) Echo(ctx context.Context, rq *scp.EchoRequest) error {
	if h.echo == nil {
		return nil
	}
	return h.echo(ctx, rq)
}

func (h *handler) Store(ctx context.Context, rq *scp.StoreRequest) error {
	if h.store == nil {
		_, err := io.Copy(io.Discard, rq.Data)
		return err
	}
	return h.store(ctx, rq)
}

func (h *handler) Action(ctx context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	if h.action == nil {
		return nil, nil
	}
	return h.action(ctx, rq)
}

func (h *handler) EventReport(ctx context.Context, rq *scp.EventReportRequest) error {
	if h.event == nil {
		return nil
	}
	return h.event(ctx, rq)
}

var classes = []dicom.UID{dicom.VerificationSOPClass, dicom.CTImageStorage, dicom.StorageCommitmentPushModel}

// contexts proposes the classes with explicit VR little endian: ids 1, 3 and 5.
func contexts() []dul.ProposedContext {
	var pcs []dul.ProposedContext
	for _, c := range classes {
		pcs = append(pcs, dul.ProposedContext{AbstractSyntax: string(c), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}})
	}
	return pcs
}

// serve runs a server until the end of the test and returns it with its address.
func serve(t testing.TB, cfg scp.Config) (*scp.Server, string) {
	t.Helper()
	if cfg.Accept == nil {
		cfg.Accept = scp.AcceptClasses(classes, scp.LittleEndian())
	}
	s := scp.NewServer(cfg)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s, ln.Addr().String()
}

func clientConfig(addr string) scu.Config {
	return scu.Config{Addr: addr, CallingAET: "CLIENT", CalledAET: "SERVER", Contexts: contexts()}
}

// dial associates with a server until the end of the test.
func dial(t testing.TB, cfg scu.Config) *scu.Client {
	t.Helper()
	c, err := scu.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Abort)
	return c
}

// call associates without a client above: for messages that a client would not send.
func call(t testing.TB, addr string) *dimse.Conn {
	t.Helper()
	a, err := dul.Dial(t.Context(), addr, dul.Config{CallingAET: "SCRIPT", CalledAET: "SERVER", Contexts: contexts()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return dimse.NewConn(a)
}

// ask sends a request and returns the response.
func ask(t testing.TB, c *dimse.Conn, contextID uint8, cmd dimse.Command, data io.Reader) *dimse.Command {
	t.Helper()
	if err := c.Send(t.Context(), contextID, &cmd, data); err != nil {
		t.Fatal(err)
	}
	m, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m.Command
}

// object is a data set of n bytes that are not all alike, under a UID of its own.
func object(n int) *scu.StoreRequest {
	return &scu.StoreRequest{
		SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: dicom.NewUID(), TransferSyntax: dicom.ExplicitVRLittleEndian,
		Data: bytes.NewReader(pattern(n)),
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8) ^ byte(i)
	}
	return b
}

func mustStore(t testing.TB, c *scu.Client, rq *scu.StoreRequest) {
	t.Helper()
	rsp, err := c.Store(t.Context(), rq)
	if err == nil {
		err = rsp.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// watch collects what an Observer is told.
type watch struct {
	mu         sync.Mutex
	opened     []string
	rejected   []error
	operations []scp.Operation
	closed     chan error
}

func newWatch() *watch { return &watch{closed: make(chan error, 100)} }

func (w *watch) observer() *scp.Observer {
	return &scp.Observer{
		AssociationOpened:   func(p *scp.Peer) { w.note(func() { w.opened = append(w.opened, p.CallingAET) }) },
		AssociationClosed:   func(_ *scp.Peer, _ time.Duration, err error) { w.closed <- err },
		AssociationRejected: func(_ net.Addr, _, _ string, err error) { w.note(func() { w.rejected = append(w.rejected, err) }) },
		Operation:           func(op scp.Operation) { w.note(func() { w.operations = append(w.operations, op) }) },
	}
}

func (w *watch) note(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fn()
}

// isRejection reports whether an association was refused for the given source and reason.
func isRejection(err error, want *dul.Rejection) bool {
	var rj *dul.Rejection
	return errors.As(err, &rj) && *rj == *want
}

// failing is a Storer that tells how its first data set ended.
type failing struct{ ended chan error }

func (f *failing) Store(_ context.Context, rq *scp.StoreRequest) error {
	_, err := io.Copy(io.Discard, rq.Data)
	select {
	case f.ended <- err:
	default:
	}
	return err
}
