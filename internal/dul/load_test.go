package dul_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"testing"

	"gantry/internal/dul"
)

// Associations that wait hold little memory, whatever went over them before.
func TestIdleAssociationsHoldLittle(t *testing.T) {
	const count, limit = 50, 40 << 10
	addr, associations := listen(t, policy())
	before := heap()
	for range count {
		requestor, err := dul.Dial(t.Context(), addr, config())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = requestor.Close() })
		acceptor := <-associations
		t.Cleanup(func() { _ = acceptor.Close() })
		go func() { _ = answerAll(acceptor.Assoc, []byte{1, 2}) }()
		if err := requestor.WriteMessage(t.Context(), 3, []byte{1, 2}, bytes.NewReader(make([]byte, 1<<20))); err != nil {
			t.Fatal(err)
		}
		if _, _, err := message(t.Context(), requestor, false); err != nil {
			t.Fatal(err)
		}
	}
	if each := (int64(heap()) - int64(before)) / (2 * count); each > limit {
		t.Errorf("%d bytes for each end of an association", each)
	}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// On a real connection a send hangs when the peer's window is full.
func TestCancelledSendOnAFullConnection(t *testing.T) {
	t.Parallel()
	a, p := scriptedClient(t, policy())
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() { sent <- a.WriteMessage(ctx, 1, []byte{1, 2}, endless{}) }()
	p.receive()
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-a.Done()
}

// endless is a data set without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
