package dul_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"gantry/internal/dul"
)

// cancelAtRelease cancels a context as soon as an A-RELEASE-RQ has been read from the connection.
type cancelAtRelease struct {
	net.Conn
	mu     sync.Mutex
	cancel context.CancelFunc
}

func (c *cancelAtRelease) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil && bytes.HasPrefix(p[:n], []byte{5, 0}) {
		c.cancel()
	}
	return n, err
}

// A context that ends between a peer's request for release and the answer to it ends the association: the answer cannot
// be sent any more, and reading must not go on in vain.
func TestCancelledBetweenReleaseAndItsAnswer(t *testing.T) {
	t.Parallel()
	for range 20 { // which of two ways it ends is a matter of chance
		cancelBeforeAnswer(t)
	}
}

func cancelBeforeAnswer(t *testing.T) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ended := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			ended <- err
			return
		}
		hooked := &cancelAtRelease{Conn: conn}
		a, err := dul.Accept(t.Context(), hooked, policy())
		if err != nil {
			ended <- err
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		hooked.mu.Lock()
		hooked.cancel = cancel
		hooked.mu.Unlock()
		_, err = a.ReadPDV(ctx)
		ended <- err
	}()
	requestor, err := dul.Dial(t.Context(), ln.Addr().String(), config())
	if err != nil {
		t.Fatal(err)
	}
	_ = requestor.Release(t.Context()) // it may hear of the end in either way
	if err := <-ended; err == nil {
		t.Error("ReadPDV ended without an error")
	}
}
