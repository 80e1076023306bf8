package dul_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
)

// peer is the other side of a connection, played by a test byte by byte.
type peer struct {
	net.Conn
	t testing.TB
}

// send writes bytes given in hexadecimal.
func (p peer) send(text string) {
	p.t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		p.t.Fatal(err)
	}
	p.sendBytes(b)
}

func (p peer) sendBytes(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Errorf("script: write: %v", err)
	}
}

func (p peer) sendPDU(u pdu.PDU) {
	p.t.Helper()
	b, err := u.Append(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.sendBytes(b)
}

// receive reads one PDU.
func (p peer) receive() pdu.PDU {
	p.t.Helper()
	head := make([]byte, pdu.HeaderSize)
	if _, err := io.ReadFull(p, head); err != nil {
		p.t.Errorf("script: read: %v", err)
		return nil
	}
	h, _ := pdu.ParseHeader(head)
	body := make([]byte, h.Length)
	if _, err := io.ReadFull(p, body); err != nil {
		p.t.Errorf("script: read: %v", err)
		return nil
	}
	u, err := pdu.Decode(h, body)
	if err != nil {
		p.t.Errorf("script: %v", err)
	}
	return u
}

// expect reads one PDU and checks all its bytes.
func (p peer) expect(text string) {
	p.t.Helper()
	want, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		p.t.Fatal(err)
	}
	got := make([]byte, len(want))
	if n, err := io.ReadFull(p, got); err != nil || string(got) != string(want) {
		p.t.Errorf("script: received % X, want % X: %v", got[:n], want, err)
	}
}

// expectEnd checks that nothing more comes.
func (p peer) expectEnd() {
	p.t.Helper()
	if n, err := p.Read(make([]byte, 1)); n > 0 || err == nil {
		p.t.Error("script: there is more")
	}
}

// PDUs that a script sends or expects, PS3.8 9.3.4 to 9.3.8.
const (
	releaseRQ       = "05 00 00000004 00000000"
	releaseRP       = "06 00 00000004 00000000"
	userAbort       = "07 00 00000004 0000 00 00"
	unrecognizedPDU = "07 00 00000004 0000 02 01"
	unexpectedPDU   = "07 00 00000004 0000 02 02"
	invalidValue    = "07 00 00000004 0000 02 06"
)

func request() *pdu.AssociateRQ {
	return &pdu.AssociateRQ{ProtocolVersion: 1, CallingAET: "SCU", CalledAET: "SCP", ApplicationContext: pdu.ApplicationContext,
		Contexts: []pdu.ProposedContext{
			{ID: 1, AbstractSyntax: verification, TransferSyntaxes: []string{implicit}},
			{ID: 2, AbstractSyntax: ctStorage, TransferSyntaxes: []string{explicit}},
		},
		UserInfo: pdu.UserInfo{MaxLength: 16384, ImplementationClassUID: "1.2.3"}}
}

// scriptedClient gives an accepting association and the script that asked for it.
func scriptedClient(t testing.TB, pol dul.Policy) (*dul.Assoc, peer) {
	t.Helper()
	ours, theirs := pipe(t)
	a, p := acceptFrom(t, ours, theirs, pol)
	t.Cleanup(func() { _ = a.Close() })
	return a, p
}

// acceptFrom accepts on one end of a connection what the script asks for on the other.
func acceptFrom(t testing.TB, ours, theirs net.Conn, pol dul.Policy) (*dul.Assoc, peer) {
	t.Helper()
	p := peer{theirs, t}
	result := make(chan accepted, 1)
	go func() {
		a, err := dul.Accept(t.Context(), ours, pol)
		result <- accepted{a, err}
	}()
	p.sendPDU(request())
	if _, ok := p.receive().(*pdu.AssociateAC); !ok {
		t.Fatal("script: no A-ASSOCIATE-AC")
	}
	got := <-result
	if got.err != nil {
		t.Fatal(got.err)
	}
	return got.Assoc, p
}

// scriptedServer runs script for the first connection to the address it gives.
func scriptedServer(t testing.TB, script func(peer)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		script(peer{c, t})
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln.Addr().String()
}

// acceptance answers request or config with every context accepted.
func acceptance(rq *pdu.AssociateRQ) *pdu.AssociateAC {
	ac := &pdu.AssociateAC{ProtocolVersion: 1, ApplicationContext: pdu.ApplicationContext, UserInfo: pdu.UserInfo{MaxLength: 16384}}
	for _, c := range rq.Contexts {
		ac.Contexts = append(ac.Contexts, pdu.AnsweredContext{ID: c.ID, TransferSyntax: c.TransferSyntaxes[0]})
	}
	return ac
}

// scriptedAcceptor gives a requesting association whose peer goes on with script.
func scriptedAcceptor(t testing.TB, cfg dul.Config, script func(peer)) *dul.Assoc {
	t.Helper()
	addr := scriptedServer(t, func(p peer) {
		rq, ok := p.receive().(*pdu.AssociateRQ)
		if !ok {
			t.Error("script: no A-ASSOCIATE-RQ")
			return
		}
		p.sendPDU(acceptance(rq))
		script(p)
	})
	a, err := dul.Dial(t.Context(), addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// pipe gives both ends of a TCP connection over loopback.
func pipe(t testing.TB) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	b, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close(); _ = b.Close() })
	return a, b
}

// abortOf gives the *AbortError in err, or ends the test.
func abortOf(t *testing.T, err error) *dul.AbortError {
	t.Helper()
	abort := new(dul.AbortError)
	if !errors.As(err, &abort) {
		t.Fatalf("error %v is no *AbortError", err)
	}
	return abort
}

// accept runs Accept on one end of a connection whose other end it gives.
func accept(t *testing.T, ctx context.Context, pol dul.Policy) (peer, <-chan error) {
	t.Helper()
	ours, theirs := pipe(t)
	failed := make(chan error, 1)
	go func() {
		a, err := dul.Accept(ctx, ours, pol)
		if err == nil {
			t.Cleanup(func() { _ = a.Close() })
		}
		failed <- err
	}()
	return peer{theirs, t}, failed
}
