package memory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"gantry/internal/storage/blob"
)

func start(t *testing.T, b *Budget, hint int64) *Buffer {
	t.Helper()
	var buf Buffer
	if err := buf.Start(t.Context(), b, hint, 1<<20); err != nil {
		t.Fatal(err)
	}
	return &buf
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(b)
	return b
}

// What goes in comes out, behind the header and before the zeros, whatever the
// sizes are.
func TestGather(t *testing.T) {
	t.Parallel()
	budget := NewBudget(8 << 20)
	for _, n := range []int{0, 1, ChunkSize - HeadRoom - 1, ChunkSize - HeadRoom, ChunkSize, 3*ChunkSize + 7, 1 << 20} {
		for _, head := range []int{0, 100, HeadRoom, HeadRoom + 1} {
			for _, tail := range []int{0, 1, 4095} {
				data := noise(n)
				buf := start(t, budget, 0)
				if m, full, err := buf.Fill(iotest.HalfReader(bytes.NewReader(data))); m != int64(n) || full != (n == 1<<20) || err != nil {
					t.Fatalf("fill of %d: %d %v %v", n, m, full, err)
				}
				if buf.Checksum() != blob.Checksum(0, data) || !bytes.HasPrefix(data, buf.Head()) || len(buf.Head()) < min(n, blob.HeadSize) {
					t.Errorf("%d bytes: checksum or head", n)
				}
				h := noise(head)
				got := bytes.Join(buf.Append(nil, h, tail), nil)
				if !bytes.Equal(got, slices.Concat(h, data, make([]byte, tail))) {
					t.Errorf("%d bytes, header %d, tail %d: differs", n, head, tail)
				}
				buf.Release()
				buf.Release() // does nothing
			}
		}
	}
	if budget.Used() != 0 {
		t.Errorf("%d bytes still held", budget.Used())
	}
}

// An object that has started never waits; one that wants to start does, and
// gives up with its context.
func TestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget := NewBudget(8 * ChunkSize)
		var started []*Buffer
		for range 6 {
			started = append(started, start(t, budget, ChunkSize))
		}
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() {
			var b Buffer
			given <- b.Start(ctx, budget, ChunkSize, 1<<20)
		}()
		synctest.Wait()
		full := 0
		for _, b := range started {
			if b.Write(make([]byte, 3*ChunkSize)) < 3*ChunkSize {
				full++
			}
		}
		if full != 6 || budget.Used() > budget.Limit() {
			t.Errorf("%d of 6 were told to go elsewhere, %d of %d bytes used", full, budget.Used(), budget.Limit())
		}
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("waiting ended with %v", err)
		}
		go func() {
			var b Buffer
			given <- b.Start(t.Context(), budget, ChunkSize, 1<<20)
			b.Release()
		}()
		synctest.Wait()
		for _, b := range started {
			b.Release()
		}
		if err := <-given; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if budget.Used() != 0 {
			t.Errorf("%d bytes still held", budget.Used())
		}
	})
}

// A few senders of large objects that stand still do not keep others from starting.
func TestManyStart(t *testing.T) {
	t.Parallel()
	budget := NewBudget(64 << 20)
	for range shares {
		start(t, budget, 4<<20)
	}
}

// Readers that misbehave are told off instead of being read for ever.
func TestFillErrors(t *testing.T) {
	t.Parallel()
	budget := NewBudget(1 << 20)
	for want, r := range map[error]io.Reader{
		io.ErrUnexpectedEOF: iotest.ErrReader(io.ErrUnexpectedEOF),
		io.ErrNoProgress:    idle{},
	} {
		buf := start(t, budget, 0)
		if _, _, err := buf.Fill(r); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		buf.Release()
	}
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }
