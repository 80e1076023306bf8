package cli_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// peer is a DICOM server for the commands to talk to, with the behaviour that a test gives it.
type peer struct {
	t                *testing.T
	unknown          dicom.UID   // a class that is not accepted
	syntaxes         []dicom.UID // accepted; empty: all
	statuses         map[dicom.UID]dimse.Status
	access           func(context.Context, *dul.Request) error
	window           uint16
	tls, callBackTLS *tls.Config

	action   dimse.Status         // answer to N-ACTIONs
	report   string               // "same", "none", or the address for a new association
	fail     map[dicom.UID]uint16 // Failure Reasons
	leaveOut map[dicom.UID]bool   // of the report
	abort    map[dicom.UID]bool   // the association, instead of an answer
	begin    chan struct{}        // gets a value before the data of a C-STORE are read, which waits for another
	hold     chan struct{}        // C-STOREs wait for its end, or for that of the association
	got      chan dicom.UID       // C-STOREs that have begun, if there is anybody to listen
	reported chan dimse.Status    // answers to reports

	mu           sync.Mutex
	stored       map[dicom.UID][]byte
	storedSyntax map[dicom.UID]dicom.UID
	associations map[string]bool
	requests     []int // references in each N-ACTION
}

// start serves until the end of the test and returns AET@HOST:PORT.
func (p *peer) start() string {
	p.t.Helper()
	p.stored, p.storedSyntax, p.associations = map[dicom.UID][]byte{}, map[dicom.UID]dicom.UID{}, map[string]bool{}
	p.reported = make(chan dimse.Status, 100)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.t.Fatal(err)
	}
	s := scp.NewServer(scp.Config{Handler: p, Accept: p.accept, Access: p.access, AsyncWindow: p.window, Operations: 16, TLS: p.tls})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			p.t.Error(err)
		}
	})
	return "PEER@" + ln.Addr().String()
}

func (p *peer) accept(_ *scp.Peer, class dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	if class == p.unknown {
		return "", scp.AbstractSyntaxNotSupported
	}
	for _, ts := range proposed {
		if len(p.syntaxes) == 0 || slices.Contains(p.syntaxes, ts) {
			return ts, scp.Accepted
		}
	}
	return "", scp.TransferSyntaxesNotSupported
}

func (p *peer) Store(ctx context.Context, rq *scp.StoreRequest) error {
	if p.begin != nil {
		p.begin <- struct{}{} // somebody looks
		<-p.begin             // and lets us go on
	}
	data, err := io.ReadAll(rq.Data)
	if err != nil {
		return err
	}
	select {
	case p.got <- rq.SOPInstanceUID:
	default:
	}
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
		}
	}
	if p.abort[rq.SOPInstanceUID] {
		return rq.Association.Assoc().Abort(errors.New("test"))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.associations[rq.Peer.ID] = true
	p.stored[rq.SOPInstanceUID] = data
	p.storedSyntax[rq.SOPInstanceUID] = rq.TransferSyntax
	if status := p.statuses[rq.SOPInstanceUID]; status != dimse.StatusSuccess {
		return &dimse.StatusError{Status: status, Comment: "no room"}
	}
	return nil
}

func (p *peer) Action(_ context.Context, rq *scp.ActionRequest) (*scp.ActionResult, error) {
	ds, err := rq.Dataset(codec.DefaultLimits())
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.requests = append(p.requests, len(ds.Items(dicom.TagReferencedSOPSequence)))
	p.mu.Unlock()
	if p.action != dimse.StatusSuccess {
		return nil, &dimse.StatusError{Status: p.action}
	}
	event, kind := p.event(ds)
	return &scp.ActionResult{After: func(ctx context.Context) {
		switch p.report {
		case "none":
		case "abort":
			_ = rq.Association.Assoc().Abort(errors.New("test"))
		case "same":
			rs, err := rq.Association.EventReport(ctx, &scp.EventReport{
				SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
				EventTypeID: kind, Dataset: event,
			})
			if err != nil {
				p.t.Error("report:", err)
				return
			}
			p.reported <- rs.Status
		default:
			p.callBack(context.WithoutCancel(ctx), rq.Peer, event, kind)
		}
	}}, nil
}

// event answers a request as the test says (PS3.4 J.3.3.1).
func (p *peer) event(ds *dicom.Dataset) (event *dicom.Dataset, kind uint16) {
	var done, failed []*dicom.Dataset
	for _, item := range ds.Items(dicom.TagReferencedSOPSequence) {
		instance := item.UID(dicom.TagReferencedSOPInstanceUID)
		switch reason := p.fail[instance]; {
		case p.leaveOut[instance]:
		case reason != 0:
			item.SetUint16(dicom.TagFailureReason, reason)
			failed = append(failed, item)
		default:
			done = append(done, item)
		}
	}
	event = new(dicom.Dataset)
	event.SetUID(dicom.TagTransactionUID, ds.UID(dicom.TagTransactionUID))
	event.SetItems(dicom.TagReferencedSOPSequence, done...)
	if len(failed) == 0 {
		return event, 1
	}
	event.SetItems(dicom.TagFailedSOPSequence, failed...)
	return event, 2
}

// callBack reports on a new association.
func (p *peer) callBack(ctx context.Context, to *scp.Peer, event *dicom.Dataset, kind uint16) {
	c, err := scu.Dial(ctx, scu.Config{
		Addr: p.report, TLS: p.callBackTLS, CallingAET: to.CalledAET, CalledAET: to.CallingAET,
		Contexts: []dul.ProposedContext{{
			AbstractSyntax: string(dicom.StorageCommitmentPushModel), TransferSyntaxes: []string{string(dicom.ImplicitVRLittleEndian)},
		}},
		Roles: []dul.RoleSelection{{SOPClassUID: string(dicom.StorageCommitmentPushModel), SCU: false, SCP: true}},
	})
	if err != nil {
		p.t.Error("call back:", err)
		return
	}
	rs, err := c.EventReport(ctx, &scu.EventReportRequest{
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		EventTypeID: kind, Dataset: event,
	})
	if err != nil {
		p.t.Error("call back:", err)
		return
	}
	p.reported <- rs.Status
	if err := c.Release(ctx); err != nil {
		p.t.Error("call back:", err)
	}
}

// freeAddress is a loopback address nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

func TestEcho(t *testing.T) {
	t.Parallel()
	address := (&peer{t: t}).start()
	o := run(t, nil, "echo", address).want(t, 0)
	if !strings.HasPrefix(o.stdout, address+" answers") || o.stderr != "" {
		t.Errorf("%+v", o)
	}
	var r struct{ Peer string }
	run(t, nil, "echo", address, "--json").want(t, 0).decode(t, &r)
	if r.Peer != address {
		t.Errorf("%+v", r)
	}
	if o := run(t, nil, "echo", address, "--quiet").want(t, 0); o.stdout+o.stderr != "" {
		t.Errorf("%+v", o)
	}
	// dcm4che's spelling without files
	run(t, nil, "stgcmt", "-b", "WS", "-c", address).want(t, 0)
}

func TestNoAssociation(t *testing.T) {
	t.Parallel()
	o := run(t, nil, "echo", freeAddress(t)).want(t, 3)
	if !strings.Contains(o.stderr, "Nothing listens there") {
		t.Error(o.stderr)
	}
	reject := func(context.Context, *dul.Request) error { return dul.RejectCallingAET() }
	o = run(t, nil, "echo", (&peer{t: t, access: reject}).start()).want(t, 3)
	if !strings.Contains(o.stderr, "calling AE title not recognized") || !strings.Contains(o.stderr, "check our AE title (--aet)") {
		t.Error(o.stderr)
	}
	o = run(t, nil, "echo", (&peer{t: t}).start(), "--tls", "--tls-insecure").want(t, 3)
	if !strings.Contains(o.stderr, "TLS") {
		t.Error(o.stderr)
	}
}

// silent accepts connections and never says a word.
func silent(t *testing.T) (address string, connected <-chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	c := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			c <- struct{}{}
		}
	}()
	return ln.Addr().String(), c
}

func TestSilentPeer(t *testing.T) {
	t.Parallel()
	address, _ := silent(t)
	o := run(t, nil, "echo", address, "--acse-timeout", "50ms").want(t, 3)
	if !strings.Contains(o.stderr, "time-out") {
		t.Error(o.stderr)
	}
}
