package scp_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"gantry/internal/scp"
	"gantry/internal/scu"
)

// What is running is finished and answered; what is idle ends at once; nothing new begins.
func TestShutdownFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	for _, window := range []uint16{1, 4} {
		h := newStepper()
		s, addr := serve(t, scp.Config{Handler: h, AsyncWindow: window})
		idle, busy := dial(t, clientConfig(addr)), dial(t, clientConfig(addr))
		result := storeAll(t, busy, 1)
		<-h.read
		down := make(chan error, 1)
		go func() { down <- s.Shutdown(context.Background()) }()
		if err := idle.Wait(t.Context()); err == nil {
			t.Error("the idle association was released, not aborted")
		}
		if _, err := scu.Dial(t.Context(), clientConfig(addr)); err == nil {
			t.Error("a new association was accepted")
		}
		select {
		case err := <-down:
			t.Fatalf("shutdown returned %v while an operation was running", err)
		default:
		}
		close(h.goOn)
		if err := <-result; err != nil {
			t.Errorf("the running operation: %v", err)
		}
		if err := <-down; err != nil {
			t.Error(err)
		}
	}
}

func TestShutdownHasALimit(t *testing.T) {
	t.Parallel()
	h := newStepper()
	s, addr := serve(t, scp.Config{Handler: h})
	result := storeAll(t, dial(t, clientConfig(addr)), 1)
	<-h.read
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough waited")
	cancel(enough)
	if err := s.Shutdown(ctx); !errors.Is(err, enough) {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-result; err == nil {
		t.Error("the operation that was broken off was answered with success")
	}
}

// A connection that asked for nothing yet does not hold a shutdown up, nor does a listener after it.
func TestShutdownOfConnectionsWithoutAssociation(t *testing.T) {
	t.Parallel()
	s, addr := serve(t, scp.Config{})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), ln); err != nil {
		t.Error(err)
	}
}
