package dul_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"gantry/internal/dul"
)

// BenchmarkTransfer sends messages one way over loopback and takes them in
// piece by piece: the sizes are those of the README's comparison.
func BenchmarkTransfer(b *testing.B) {
	for _, size := range []int{3_000, 36_000, 528_000} {
		for _, maxLength := range []uint32{16 << 10, 64 << 10, 128 << 10} {
			b.Run(fmt.Sprintf("%d/max%dK", size, maxLength>>10), func(b *testing.B) {
				pol := policy()
				pol.MaxPDULength = maxLength
				requestor, acceptor := pair(b, config(), pol)
				transfer(b, requestor, acceptor, size)
			})
		}
	}
}

func BenchmarkTransferTLS(b *testing.B) {
	cfg, pol := bothTLS(b)
	requestor, acceptor := pair(b, cfg, pol)
	transfer(b, requestor, acceptor, 528_000)
}

// transfer runs b.N messages, each followed by a short answer.
func transfer(b *testing.B, requestor, acceptor *dul.Assoc, size int) {
	ctx := b.Context()
	command, data := make([]byte, 200), make([]byte, size)
	served := make(chan error, 1)
	go func() { served <- answerAll(acceptor, command) }()
	r := bytes.NewReader(data)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(data)
		if err := requestor.WriteMessage(ctx, 3, command, r); err != nil {
			b.Fatal(err)
		}
		if _, err := requestor.ReadPDV(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := requestor.Release(ctx); err != nil {
		b.Fatal(err)
	}
	if err := <-served; !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
}

// answerAll drops what comes and answers each message with reply.
func answerAll(a *dul.Assoc, reply []byte) error {
	ctx, cancel := contextOf(a)
	defer cancel()
	for {
		v, err := a.ReadPDV(ctx)
		if err != nil {
			return err
		}
		if v.Last && !v.Command {
			if err := a.WriteMessage(ctx, 3, reply, nil); err != nil {
				return err
			}
		}
	}
}

// The number of allocations does not grow with the number of values.
func TestNoAllocationPerValue(t *testing.T) {
	pol := policy()
	pol.MaxPDULength = 4096
	requestor, acceptor := pair(t, config(), pol)
	done := make(chan error, 1)
	go func() { done <- answerAll(acceptor, []byte{1, 2}) }()
	data := make([]byte, 4<<20) // more than a thousand values
	r := bytes.NewReader(data)
	ctx := t.Context()
	allocations := testing.AllocsPerRun(5, func() {
		r.Reset(data)
		if err := requestor.WriteMessage(ctx, 3, []byte{1, 2}, r); err != nil {
			t.Fatal(err)
		}
		if _, err := requestor.ReadPDV(ctx); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 50 {
		t.Errorf("%v allocations for a message of a thousand values", allocations)
	}
	if err := requestor.Release(ctx); err != nil {
		t.Error(err)
	}
	<-done
}
