package seglog

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gantry/internal/storage/blob"
	"gantry/internal/storage/blob/blobtest"
)

// contains tells whether any segment holds the bytes.
func (d *simDisk) contains(what []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, i := range d.names {
		if strings.HasSuffix(name, segmentSuffix) && bytes.Contains(i.data, what) {
			return true
		}
	}
	return false
}

func tombstones(t *testing.T, s *Store) int {
	t.Helper()
	n := 0
	for _, e := range blobtest.Entries(t, s, blob.Position{}) {
		if e.Kind == blob.KindTombstone {
			n++
		}
	}
	return n
}

// A deletion interrupted before its bytes were given back is finished in the
// background, once the caller has shown that its index knows the tombstone.
func TestInterruptedReclaimIsFinished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newSimDisk()
		opt := simOptions(t, d)
		opt.CompactRate = 16 << 20
		s := openAt(t, dir, opt)
		secret := blobtest.Bytes(200, 42)
		ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, secret)
		kept := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
		tk, err := s.Delete(t.Context(), ref)
		if err == nil {
			err = tk.Wait(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		d = d.cut(tearNone, rand.New(rand.NewPCG(1, 1)))
		_ = s.Close()

		opt.FS = d
		s = openAt(t, dir, opt)
		time.Sleep(2 * compactPause) // in the bubble's time
		synctest.Wait()
		if !d.contains(secret) {
			t.Error("given back although the index may not know")
		}
		for range s.Replay(t.Context(), blob.Position{Segment: 1 << 40}) {
			t.Error("an entry beyond the end")
		}
		time.Sleep(2 * compactPause)
		synctest.Wait()
		if d.contains(secret) {
			t.Error("the bytes are still there")
		}
		blobtest.Want(t, s, kept, payloadOf(4))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Segments of which half is dead are rewritten in the background, and readers of
// the old ones are not disturbed.
func TestBackgroundCompaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		opt := simOptions(t, newSimDisk())
		opt.CompactRate = 1 << 20
		s := openAt(t, dir, opt)
		var refs []blob.Ref
		for range 60 {
			refs = append(refs, blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(5)))
		}
		before := s.Stats(t.Context())
		reader, err := s.Open(t.Context(), refs[9])
		if err != nil {
			t.Fatal(err)
		}
		for i, ref := range refs {
			if i%10 != 9 {
				blobtest.Remove(t, s, ref)
			}
		}
		time.Sleep(3 * compactPause)
		synctest.Wait()
		after := s.Stats(t.Context())
		if after.Segments >= before.Segments || after.DiskBytes >= before.DiskBytes/2 || after.Objects != 6 {
			t.Errorf("before %+v\nafter %+v", before, after)
		}
		for i := 9; i < 60; i += 10 {
			blobtest.Want(t, s, refs[i], payloadOf(5))
		}
		if err := reader.Verify(t.Context()); err != nil {
			t.Errorf("a reader of a compacted segment: %v", err)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A tombstone lives until no segment holds what it deletes and the caller knows.
func TestTombstoneLifetime(t *testing.T) {
	t.Parallel()
	dir, d := t.TempDir(), newSimDisk()
	s := openAt(t, dir, simOptions(t, d))
	gone := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	kept := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
	blobtest.Remove(t, s, gone)
	for range 24 { // until the next segment begins
		blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(5))
	}
	reopen := func() {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, dir, simOptions(t, d))
	}
	reopen()
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := tombstones(t, s); n != 1 {
		t.Errorf("%d tombstones before the caller knows, want 1", n)
	}
	reopen()
	blobtest.WantGone(t, s, gone)
	for range s.Replay(t.Context(), blob.Position{Segment: 1 << 40}) {
		t.Error("an entry beyond the end")
	}
	if err := s.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := tombstones(t, s); n != 0 {
		t.Errorf("%d tombstones left", n)
	}
	reopen()
	blobtest.WantGone(t, s, gone)
	blobtest.Want(t, s, kept, payloadOf(4))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is reclaimed while a compaction copies it is gone when that has ended.
func TestReclaimDuringCompaction(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newSimDisk()
		opt := simOptions(t, d)
		opt.SegmentSize = 2 << 20
		s := openAt(t, dir, opt)
		secret := blobtest.Bytes(5000, 42)
		dead := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(4))
		ref := blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, secret)
		for range 12 {
			blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, payloadOf(6))
		}
		blobtest.Remove(t, s, dead)
		s.opt.CompactRate = 1
		done := make(chan error)
		go func() {
			done <- s.compact(t.Context(), func(gs []*segment) []*segment { return gs }, 100<<10) // slowly
		}()
		time.Sleep(time.Second) // the secret is copied by now, the rest is not
		blobtest.Remove(t, s, ref)
		if err := <-done; err != nil {
			t.Error(err)
		}
		blobtest.WantGone(t, s, ref)
		if d.contains(secret[:4000]) {
			t.Error("the bytes are in the compacted segment")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A whole object goes to a connection as it is.
func TestWriteToConnection(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), small(t))
	defer func() { _ = s.Close() }()
	data := blobtest.Bytes(700000, 1)
	b, err := s.Open(t.Context(), blobtest.Put(t, s, blob.KindInstance, blob.Meta{}, data))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			close(got)
			return
		}
		all, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		got <- all
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.WriteTo(c); n != int64(len(data)) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(<-got, data) {
		t.Error("other bytes arrived")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
