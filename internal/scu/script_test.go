package scu_test

import (
	"context"
	"net"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dimse"
	"gantry/internal/dul"
	"gantry/internal/scu"
)

var classes = []dicom.UID{dicom.VerificationSOPClass, dicom.CTImageStorage, dicom.StorageCommitmentPushModel}

// Presentation context ids of the classes.
const (
	verification = 1
	ctImage      = 3
	commitment   = 5
)

func contexts() []dul.ProposedContext {
	var pcs []dul.ProposedContext
	for _, c := range classes {
		pcs = append(pcs, dul.ProposedContext{AbstractSyntax: string(c), TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian)}})
	}
	return pcs
}

// acceptAll answers a request with everything that it asks for but role selection.
func acceptAll(_ context.Context, rq *dul.Request) (*dul.Answer, error) {
	answer := &dul.Answer{Async: rq.Async}
	for _, pc := range rq.Contexts {
		answer.Contexts = append(answer.Contexts, dul.AnsweredContext{ID: pc.ID, TransferSyntax: pc.TransferSyntaxes[0]})
	}
	return answer, nil
}

// peer is a server that plays a script on the one association it accepts, and returns its address. The association is
// aborted when the script ends.
func peer(t *testing.T, negotiate func(context.Context, *dul.Request) (*dul.Answer, error), play func(*script)) string {
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
		a, err := dul.Accept(context.Background(), c, dul.Policy{Negotiate: negotiate})
		if err != nil {
			return
		}
		defer func() { _ = a.Close() }()
		play(&script{t, dimse.NewConn(a)})
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return ln.Addr().String()
}

// script sends and receives as a script says; it ends the script with the test on errors.
type script struct {
	t *testing.T
	*dimse.Conn
}

// next returns the next message; its data set has been read.
func (s *script) next() *dimse.Command {
	m, err := s.Receive(context.Background())
	if err == nil {
		err = m.Drain(context.Background())
	}
	if err != nil {
		s.t.Errorf("script: %v", err)
		return &dimse.Command{}
	}
	return m.Command
}

func (s *script) send(contextID uint8, cmd *dimse.Command) {
	if err := s.Send(context.Background(), contextID, cmd, nil); err != nil {
		s.t.Errorf("script: %v", err)
	}
}

// until the association ends nothing is sent; what comes is dropped.
func (s *script) untilEnd() {
	for {
		if _, err := s.Receive(context.Background()); err != nil {
			return
		}
	}
}

func config(addr string) scu.Config {
	return scu.Config{Addr: addr, CallingAET: "CLIENT", CalledAET: "SCRIPT", Contexts: contexts()}
}

func dial(t *testing.T, cfg scu.Config) *scu.Client {
	t.Helper()
	c, err := scu.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Abort)
	return c
}
