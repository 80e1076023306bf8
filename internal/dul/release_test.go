package dul_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"gantry/internal/dul"
)

func TestPeerReleases(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	p.send(releaseRQ)
	if _, err := a.ReadPDV(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("error %v", err)
	}
	p.expect(releaseRP)
	_ = p.Close()
	if err := a.WriteMessage(t.Context(), 1, nil, nil); !errors.Is(err, dul.ErrClosed) {
		t.Errorf("write: %v", err)
	}
	if err := a.Release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
	if err := a.Abort(nil); !errors.Is(err, dul.ErrClosed) {
		t.Errorf("abort: %v", err)
	}
}

// PS3.8 9.2.3: AR-8 to AR-10, seen from the side that accepted.
func TestReleaseCollisionAcceptor(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	released := make(chan error, 1)
	go func() { released <- a.Release(t.Context()) }()
	p.expect(releaseRQ)
	p.send(releaseRQ) // Sta7 > AR-8 > Sta10
	p.send(releaseRP) // AR-10 > Sta12, answered: AR-4 > Sta13
	p.expect(releaseRP)
	_ = p.Close()
	if err := <-released; err != nil {
		t.Error(err)
	}
}

// The same, seen from the side that asked for the association.
func TestReleaseCollisionRequestor(t *testing.T) {
	t.Parallel()
	a := scriptedAcceptor(t, config(), func(p peer) {
		p.expect(releaseRQ)
		p.send(releaseRQ)   // Sta7 > AR-8 > Sta9, answered: AR-9 > Sta11
		p.expect(releaseRP) //
		p.send(releaseRP)   // AR-3 > Sta1
		p.expectEnd()
	})
	if err := a.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBothSidesRelease(t *testing.T) {
	t.Parallel()
	for range 50 {
		requestor, acceptor := pair(t, config(), policy())
		released := make(chan error, 2)
		for _, a := range []*dul.Assoc{requestor, acceptor} {
			go func() { released <- a.Release(t.Context()) }()
		}
		for range 2 {
			if err := <-released; err != nil {
				t.Fatal(err)
			}
		}
	}
}

// AR-6: what the peer sends before it agrees to a release reaches the reader.
func TestDataDuringRelease(t *testing.T) {
	t.Parallel()
	a := scriptedAcceptor(t, config(), func(p peer) {
		p.expect(releaseRQ)
		p.send("04 00 00000008 00000004 01 03 4142")
		p.send(releaseRP)
		p.expectEnd()
	})
	read := make(chan error, 1)
	got := make(chan string, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		v, err := a.ReadPDV(t.Context())
		got <- string(v.Data)
		if err == nil {
			_, err = a.ReadPDV(t.Context())
		}
		read <- err
	}()
	<-started
	if err := a.Release(t.Context()); err != nil {
		t.Error(err)
	}
	// The reader may have come too late for the data, which Release then drops.
	if data := <-got; data != "AB" && data != "" {
		t.Errorf("read %q", data)
	}
	if err := <-read; !errors.Is(err, io.EOF) {
		t.Errorf("read ended with %v", err)
	}
}

func TestReleaseAnsweredWithAnAbort(t *testing.T) {
	t.Parallel()
	a := scriptedAcceptor(t, config(), func(p peer) {
		p.expect(releaseRQ)
		p.send(userAbort)
	})
	if abort := abortOf(t, a.Release(t.Context())); !abort.FromPeer {
		t.Error(abort)
	}
}

func TestCancelledRelease(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := scriptedAcceptor(t, config(), func(p peer) {
		p.expect(releaseRQ)
		cancel()
		p.expect(userAbort)
	})
	if err := a.Release(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
