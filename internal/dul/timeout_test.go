package dul_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gantry/internal/dul"
	"gantry/internal/dul/pdu"
)

// inBubble runs f with an accepted association and its peer on a pipe, where
// time passes only as the time-outs do.
func inBubble(t *testing.T, pol dul.Policy, f func(*testing.T, *dul.Assoc, peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		a, p := acceptFrom(t, ours, theirs, pol)
		f(t, a, p)
		_ = p.Close()
		_ = a.Close()
	})
}

// reading waits in ReadPDV, of which it tells how it ended.
func reading(t *testing.T, a *dul.Assoc) <-chan error {
	failed := make(chan error, 1)
	go func() {
		_, err := a.ReadPDV(t.Context())
		failed <- err
	}()
	synctest.Wait()
	return failed
}

// expectTimeout checks that err is a time-out of phase that came after d.
func expectTimeout(t *testing.T, err error, phase string, start time.Time, d time.Duration) {
	t.Helper()
	timeout := new(dul.TimeoutError)
	if !errors.As(err, &timeout) || timeout.Phase != phase {
		t.Errorf("error %v, want a %s time-out", err, phase)
	}
	if passed := time.Since(start); passed != d {
		t.Errorf("%s time-out after %v, want %v", phase, passed, d)
	}
}

func waits() dul.Policy {
	pol := policy()
	pol.ACSETimeout, pol.DIMSETimeout, pol.IdleTimeout = 2*time.Second, 10*time.Second, time.Minute
	return pol
}

// drain takes whatever is sent, so that the association can say good-bye.
func drain(p peer) { _, _ = io.Copy(io.Discard, p) }

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		go drain(p)
		start := time.Now()
		_, err := a.ReadPDV(t.Context())
		expectTimeout(t, err, "idle", start, time.Minute)
	})
}

func TestDIMSETimeoutWithinAMessage(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"after a piece":   "04 00 00000008 00000004 01 01 4142",
		"within a value":  "04 00 00000008 00000004 01 01 41",
		"within a header": "04 00 00000008 00000004 01 01 4142 04",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
				go func() { p.send(sent); drain(p) }()
				if _, err := a.ReadPDV(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				start := time.Now()
				_, err := a.ReadPDV(t.Context())
				expectTimeout(t, err, "DIMSE", start, 10*time.Second)
			})
		})
	}
}

func TestDIMSETimeoutWhileAReplyIsAwaited(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		go drain(p)
		start := time.Now()
		failed := reading(t, a)
		time.Sleep(5 * time.Second) // in the bubble this takes no time
		a.AwaitReply(1)
		expectTimeout(t, <-failed, "DIMSE", start, 15*time.Second)
	})
}

func TestNoTimeoutWhileAnOperationIsPerformed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		awaited int
		phase   string
		wait    time.Duration
	}{
		"between messages":         {0, "idle", time.Minute},
		"while a reply is awaited": {1, "DIMSE", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
				go drain(p)
				failed := reading(t, a)
				a.AwaitReply(c.awaited)
				a.Busy(2)
				a.Busy(-1)
				time.Sleep(time.Hour) // in the bubble this takes no time
				a.Busy(-1)
				expectTimeout(t, <-failed, c.phase, time.Now().Add(-c.wait), c.wait)
			})
		})
	}
}

func TestDIMSETimeoutWithinAMessageInSpiteOfAnOperation(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		a.Busy(1)
		go func() { p.send("04 00 00000008 00000004 01 01 4142"); drain(p) }()
		if _, err := a.ReadPDV(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err := a.ReadPDV(t.Context())
		expectTimeout(t, err, "DIMSE", start, 10*time.Second)
	})
}

// The data set that a command announced is due, whatever the limit between messages.
func TestDIMSETimeoutBetweenCommandAndDataSet(t *testing.T) {
	t.Parallel()
	pol := waits()
	pol.IdleTimeout = 0
	inBubble(t, pol, func(t *testing.T, a *dul.Assoc, p peer) {
		a.Busy(1)
		go func() { p.send("04 00 00000008 00000004 01 03 4142"); drain(p) }()
		if v, err := a.ReadPDV(t.Context()); err != nil || !v.Last {
			t.Fatalf("%+v, %v", v, err)
		}
		start := time.Now()
		_, err := a.ReadRest(t.Context())
		expectTimeout(t, err, "DIMSE", start, 10*time.Second)
	})
}

// A line that takes a second for each PDU is slow, but not dead.
func TestNoTimeoutOfTheReaderDuringALongSend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		awaited int
		phase   string
		wait    time.Duration
	}{
		"idle":               {0, "idle", time.Minute},
		"a reply is awaited": {1, "DIMSE", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
				a.AwaitReply(c.awaited)
				failed := reading(t, a)
				sent := make(chan error, 1)
				data := bytes.NewReader(make([]byte, 10*dul.DefaultMaxPDULength))
				go func() { sent <- a.WriteMessage(t.Context(), 1, []byte{1, 2}, data) }()
				for last := false; !last; {
					time.Sleep(time.Second)
					d := p.receive().(*pdu.Data)
					v := d.PDVs[len(d.PDVs)-1]
					last = v.Last && !v.Command
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				go drain(p)
				expectTimeout(t, <-failed, c.phase, time.Now().Add(-c.wait), c.wait)
			})
		})
	}
}

// Whoever reads when the association is aborted does not cut short the time in
// which the peer may read the A-ABORT (Sta13).
func TestReaderAtTheAbort(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		failed := reading(t, a)
		start := time.Now()
		go func() { _ = a.Abort(errors.New("enough")) }()
		p.expect(userAbort)
		if err := <-failed; !strings.Contains(err.Error(), "enough") {
			t.Error(err)
		}
		p.expectEnd()
		if passed := time.Since(start); passed != 2*time.Second {
			t.Errorf("closed after %v", passed)
		}
	})
}

func TestIdleAgainWhenTheReplyIsThere(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		go drain(p)
		a.AwaitReply(1)
		a.AwaitReply(-1)
		start := time.Now()
		_, err := a.ReadPDV(t.Context())
		expectTimeout(t, err, "idle", start, time.Minute)
	})
}

func TestDIMSETimeoutOfASendThatHangs(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, _ peer) {
		start := time.Now()
		err := a.WriteMessage(t.Context(), 1, []byte{1, 2}, nil)
		expectTimeout(t, err, "DIMSE", start, 10*time.Second)
		if _, err := a.ReadPDV(t.Context()); !errors.As(err, new(*dul.TimeoutError)) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestReleaseTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		go drain(p)
		start := time.Now()
		expectTimeout(t, a.Release(t.Context()), "release", start, 2*time.Second)
	})
}

func TestARTIM(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string][]byte{"nothing came": nil, "a part came": {1, 0, 0, 0, 0, 100, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				go func() { peer{theirs, t}.sendBytes(sent) }()
				start := time.Now()
				_, err := dul.Accept(t.Context(), ours, waits())
				expectTimeout(t, err, "association", start, 2*time.Second)
				_ = theirs.Close()
			})
		})
	}
}

// Sta13: a peer that does not close the connection cannot hold it.
func TestConnectionIsClosedAfterTheRelease(t *testing.T) {
	t.Parallel()
	inBubble(t, waits(), func(t *testing.T, a *dul.Assoc, p peer) {
		go func() { _, _ = a.ReadPDV(t.Context()) }()
		p.send(releaseRQ)
		p.expect(releaseRP)
		start := time.Now()
		p.expectEnd()
		if passed := time.Since(start); passed != 2*time.Second {
			t.Errorf("closed after %v", passed)
		}
	})
}

func TestACSETimeout(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	addr := scriptedServer(t, func(p peer) {
		p.receive()
		close(asked)
		p.expect(userAbort)
	})
	cfg := config()
	cfg.ACSETimeout = time.Millisecond
	_, err := dul.Dial(t.Context(), addr, cfg)
	if timeout := new(dul.TimeoutError); !errors.As(err, &timeout) || timeout.Phase != "association" {
		t.Errorf("error %v", err)
	}
	<-asked
}

func TestCancelledDial(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	addr := scriptedServer(t, func(p peer) {
		p.receive()
		cancel()
		p.expect(userAbort)
	})
	if _, err := dul.Dial(ctx, addr, config()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCancelledSendThatHangs(t *testing.T) {
	t.Parallel()
	inBubble(t, policy(), func(t *testing.T, a *dul.Assoc, _ peer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		err := a.WriteMessage(ctx, 1, []byte{1, 2}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) >= time.Hour+time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		<-a.Done()
	})
}

func TestCancelledRead(t *testing.T) {
	t.Parallel()
	inBubble(t, policy(), func(t *testing.T, a *dul.Assoc, p peer) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() { p.expect(userAbort) }()
		time.AfterFunc(time.Second, cancel)
		if _, err := a.ReadPDV(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A context that is cancelled when its call is over harms nothing.
func TestCancelledAfterwards(t *testing.T) {
	t.Parallel()
	inBubble(t, policy(), func(t *testing.T, a *dul.Assoc, p peer) {
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { _, _ = p.Write([]byte{4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 3}) }()
			if _, err := a.ReadPDV(ctx); err != nil {
				t.Fatal(err)
			}
			go p.receive()
			if err := a.WriteMessage(ctx, 1, []byte{1, 2}, nil); err != nil {
				t.Fatal(err)
			}
			cancel()
			synctest.Wait()
			if err := a.WriteMessage(ctx, 1, nil, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("write: %v", err)
			}
		}
		if err := a.Err(); err != nil {
			t.Error(err)
		}
	})
}
