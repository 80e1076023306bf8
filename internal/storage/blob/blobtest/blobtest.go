// Package blobtest is the conformance suite of package blob: what every
// implementation must do. Only tests import it.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"gantry/internal/storage/blob"
)

// Suite runs the tests. Open opens the store in dir; it is called again for a
// folder closed before. Volatile stores forget everything when closed.
type Suite struct {
	Open     func(t *testing.T, dir string) blob.Store
	Volatile bool
	Large    int // a size that does not stay in memory while it is written
}

// Run runs the whole suite.
func (s Suite) Run(t *testing.T) {
	for name, test := range map[string]func(*testing.T, Suite){
		"StoreAndRead":     storeAndRead,
		"Head":             head,
		"ReadRanges":       readRanges,
		"Discard":          discard,
		"Commit":           commit,
		"Delete":           deleteObjects,
		"DeleteStoreAgain": deleteStoreAgain,
		"Replay":           replay,
		"ReplayTwice":      replayTwice,
		"Reopen":           reopen,
		"Closed":           closed,
		"Cancelled":        cancelled,
		"Compact":          compact,
		"CompactRaces":     compactRaces,
		"Concurrent":       concurrent,
		"Backup":           backup,
		"Clock":            clock,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

func (s Suite) open(t *testing.T) blob.Store {
	t.Helper()
	st := s.Open(t, t.TempDir())
	t.Cleanup(func() {
		if err := st.Close(); err != nil && !errors.Is(err, blob.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return st
}

// Bytes returns n bytes that depend on n and seed alone.
func Bytes(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(b)
	return b
}

// Put stores data and waits until it is durable.
func Put(t testing.TB, st blob.Store, kind blob.Kind, meta blob.Meta, data []byte) blob.Ref {
	t.Helper()
	tk, err := Commit(t.Context(), st, kind, meta, data)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	if err := tk.Wait(t.Context()); err != nil {
		t.Fatalf("wait: %v", err)
	}
	return tk.Ref()
}

// Commit stores data.
func Commit(ctx context.Context, st blob.Store, kind blob.Kind, meta blob.Meta, data []byte) (blob.Ticket, error) {
	w, err := st.Create(ctx, int64(len(data)))
	if err != nil {
		return nil, err
	}
	defer w.Discard()
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	return w.Commit(ctx, kind, meta)
}

// Remove deletes and reclaims.
func Remove(t testing.TB, st blob.Store, refs ...blob.Ref) {
	t.Helper()
	tk, err := st.Delete(t.Context(), refs...)
	if err != nil {
		t.Fatalf("delete: %v", err)
	}
	if err := tk.Wait(t.Context()); err != nil {
		t.Fatalf("wait for delete: %v", err)
	}
	if err := st.Reclaim(t.Context(), refs...); err != nil {
		t.Fatalf("reclaim: %v", err)
	}
}

// Want fails unless the object holds data.
func Want(t testing.TB, st blob.Store, ref blob.Ref, data []byte) {
	t.Helper()
	if err := Same(t.Context(), st, ref, data); err != nil {
		t.Fatal(err)
	}
}

// Same tells how the object differs from data.
func Same(ctx context.Context, st blob.Store, ref blob.Ref, data []byte) error {
	b, err := st.Open(ctx, ref)
	if err != nil {
		return fmt.Errorf("open %s: %w", ref, err)
	}
	var got bytes.Buffer
	_, err = b.WriteTo(&got)
	if err == nil {
		err = b.Verify(ctx)
	}
	if err := errors.Join(err, b.Close()); err != nil {
		return fmt.Errorf("read %s: %w", ref, err)
	}
	if !bytes.Equal(got.Bytes(), data) || b.Size() != int64(len(data)) || b.Checksum() != blob.Checksum(0, data) {
		return fmt.Errorf("object %s: got %d bytes that are not the %d stored", ref, got.Len(), len(data))
	}
	return nil
}

// WantGone fails unless the object cannot be found.
func WantGone(t testing.TB, st blob.Store, ref blob.Ref) {
	t.Helper()
	if _, err := st.Open(t.Context(), ref); !errors.Is(err, blob.ErrNotFound) {
		t.Fatalf("open of a deleted object: got %v, want blob.ErrNotFound", err)
	}
}

// Entries replays from and fails on any error.
func Entries(t testing.TB, st blob.Store, from blob.Position) []blob.Entry {
	t.Helper()
	var all []blob.Entry
	for e, err := range st.Replay(t.Context(), from) {
		if err != nil {
			t.Fatalf("replay: %v", err)
		}
		all = append(all, e)
	}
	return all
}

// Rebuild replays everything as an index would, by key and sequence, and
// returns the objects that live.
func Rebuild(t testing.TB, st blob.Store) map[blob.Ref]blob.Entry {
	t.Helper()
	living, dead := map[blob.Ref]blob.Entry{}, map[blob.Ref]bool{}
	for _, e := range Entries(t, st, blob.Position{}) {
		if e.Kind != blob.KindTombstone {
			living[e.Ref] = e
		}
		for _, r := range e.Deleted {
			dead[r] = true
		}
	}
	for r := range dead {
		delete(living, r)
	}
	return living
}

func meta() blob.Meta {
	return blob.Meta{
		Time: time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC), CallingAET: "SCANNER", CalledAET: "GANTRY",
		RemoteAddr: "192.0.2.7:11112", User: "alice", Origin: "DicomProtocol", TransferSyntax: "1.2.840.10008.1.2.1",
		Replaces: blob.Ref{Key: blob.NewKey(), Seq: 7}, Extra: []byte("extra"),
	}
}

func sizes(s Suite) []int {
	return []int{0, 1, 100, 3000, 4023, 4024, 4025, 4096, 65535, 131072, 131073, 528384, 3 * 131072, s.Large}
}

func storeAndRead(t *testing.T, s Suite) {
	st := s.open(t)
	for i, n := range sizes(s) {
		data, m := Bytes(n, uint64(i)), meta()
		ref := Put(t, st, blob.KindInstance, m, data)
		Want(t, st, ref, data)
		b, err := st.Open(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		got := b.Meta()
		if !got.Time.Equal(m.Time) {
			t.Errorf("time: got %v, want %v", got.Time, m.Time)
		}
		got.Time = m.Time
		if fmt.Sprint(got) != fmt.Sprint(m) || b.Kind() != blob.KindInstance || b.Ref() != ref {
			t.Errorf("got %v %v %v, want %v", got, b.Kind(), b.Ref(), m)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	if st := st.Stats(t.Context()); st.Objects != int64(len(sizes(s))) {
		t.Errorf("stats: got %d objects, want %d", st.Objects, len(sizes(s)))
	}
}

// head: the beginning is at hand for a parser, also of what has gone to disk.
func head(t *testing.T, s Suite) {
	st := s.open(t)
	for _, n := range sizes(s) {
		data := Bytes(n, 3)
		w, err := st.Create(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := io.Copy(w, iotestOneByteThenAll(data)); err != nil || m != int64(n) {
			t.Fatalf("copy: %d, %v", m, err)
		}
		h := w.Head()
		if len(h) < min(n, blob.HeadSize) || !bytes.Equal(h, data[:len(h)]) {
			t.Errorf("%d bytes: head of %d is not their beginning", n, len(h))
		}
		if w.Size() != int64(n) || w.Checksum() != blob.Checksum(0, data) {
			t.Errorf("%d bytes: size %d, checksum %08x", n, w.Size(), w.Checksum())
		}
		tk, err := w.Commit(t.Context(), blob.KindUpload, blob.Meta{})
		if err != nil {
			t.Fatal(err)
		}
		Want(t, st, tk.Ref(), data)
	}
}

func iotestOneByteThenAll(b []byte) io.Reader {
	n := min(1, len(b))
	return io.MultiReader(bytes.NewReader(b[:n]), bytes.NewReader(b[n:]))
}

func readRanges(t *testing.T, s Suite) {
	st := s.open(t)
	for _, n := range []int{10000, s.Large} {
		data := Bytes(n, 9)
		b, err := st.Open(t.Context(), Put(t, st, blob.KindAttachment, blob.Meta{}, data))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 100)
		if m, err := b.ReadAt(p, 5000); m != 100 || err != nil || !bytes.Equal(p, data[5000:5100]) {
			t.Errorf("in the middle: %d, %v", m, err)
		}
		if m, err := b.ReadAt(p, int64(n)-40); m != 40 || !errors.Is(err, io.EOF) || !bytes.Equal(p[:40], data[n-40:]) {
			t.Errorf("over the end: %d, %v", m, err)
		}
		if m, err := b.ReadAt(p, int64(n)+1); m != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("beyond the end: %d, %v", m, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func discard(t *testing.T, s Suite) {
	st := s.open(t)
	for _, n := range []int{0, 5000, s.Large} {
		w, err := st.Create(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(Bytes(n, 1)); err != nil {
			t.Fatal(err)
		}
		w.Discard()
		w.Discard()
		if _, err := w.Write([]byte("x")); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("write after discard: %v", err)
		}
		if _, err := w.Commit(t.Context(), blob.KindInstance, blob.Meta{}); !errors.Is(err, blob.ErrClosed) {
			t.Errorf("commit after discard: %v", err)
		}
	}
	if got := Entries(t, st, blob.Position{}); len(got) != 0 {
		t.Errorf("discarded objects are replayed: %v", got)
	}
	if used := st.Stats(t.Context()).Memory; used != 0 {
		t.Errorf("%d bytes of memory still held", used)
	}
}

func commit(t *testing.T, s Suite) {
	st := s.open(t)
	w, err := st.Create(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context(), blob.KindTombstone, blob.Meta{}); err == nil {
		t.Error("a tombstone could be committed as an object")
	}
	if _, err := w.Commit(t.Context(), blob.KindNote, blob.Meta{Extra: make([]byte, blob.MaxMeta)}); !errors.Is(err, blob.ErrMetaTooLong) {
		t.Errorf("too much metadata: %v", err)
	}
	tk, err := w.Commit(t.Context(), blob.KindNote, blob.Meta{Extra: make([]byte, blob.MaxMeta-50)})
	if err != nil {
		t.Fatal(err)
	}
	w.Discard() // does nothing any more
	Want(t, st, tk.Ref(), nil)
	if !tk.Position().Less(tk.Next()) {
		t.Errorf("position %v is not before %v", tk.Position(), tk.Next())
	}
	if err := st.Barrier(t.Context()); err != nil {
		t.Error(err)
	}
}
