package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gantry/internal/storage/blob"
)

func deleteObjects(t *testing.T, s Suite) {
	st := s.open(t)
	a, b, c := Bytes(3000, 1), Bytes(600000, 2), Bytes(s.Large, 3)
	ra, rb, rc := Put(t, st, blob.KindInstance, meta(), a), Put(t, st, blob.KindInstance, meta(), b), Put(t, st, blob.KindInstance, meta(), c)
	Remove(t, st, ra, rc)
	WantGone(t, st, ra)
	WantGone(t, st, rc)
	Want(t, st, rb, b)
	Remove(t, st, ra)                           // again
	Remove(t, st, blob.Ref{Key: blob.NewKey()}) // what never was
	if err := st.Reclaim(t.Context(), rb); err != nil {
		t.Fatal(err)
	}
	Want(t, st, rb, b) // was not deleted, so is not reclaimed
	if err := st.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
		t.Error(err)
	}
	living := Rebuild(t, st)
	if _, ok := living[rb]; len(living) != 1 || !ok {
		t.Errorf("rebuilt: %v", living)
	}
}

// deleteStoreAgain: the same bytes stored again are another object.
func deleteStoreAgain(t *testing.T, s Suite) {
	dir := t.TempDir()
	st := s.Open(t, dir)
	data := Bytes(5000, 1)
	first := Put(t, st, blob.KindInstance, meta(), data)
	Remove(t, st, first)
	second := Put(t, st, blob.KindInstance, meta(), data)
	if second.Seq <= first.Seq {
		t.Errorf("sequence %d after %d", second.Seq, first.Seq)
	}
	if !s.Volatile {
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		st = s.Open(t, dir)
	}
	defer func() { _ = st.Close() }()
	WantGone(t, st, first)
	Want(t, st, second, data)
	if living := Rebuild(t, st); len(living) != 1 {
		t.Errorf("rebuilt %v, want the second alone", living)
	}
	if err := st.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	Want(t, st, second, data)
	if living := Rebuild(t, st); len(living) != 1 {
		t.Errorf("after compaction: rebuilt %v", living)
	}
}

func replay(t *testing.T, s Suite) {
	st := s.open(t)
	var refs []blob.Ref
	var tickets []blob.Ticket
	for i := range 20 {
		tk, err := Commit(t.Context(), st, blob.KindInstance, blob.Meta{CallingAET: fmt.Sprint(i)}, Bytes(i*1000, 5))
		if err != nil {
			t.Fatal(err)
		}
		tickets, refs = append(tickets, tk), append(refs, tk.Ref())
	}
	if err := st.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	Remove(t, st, refs[3])
	all := Entries(t, st, blob.Position{})
	if len(all) != 20 { // 19 objects and a tombstone
		t.Fatalf("%d entries, want 20", len(all))
	}
	last := all[len(all)-1]
	if last.Kind != blob.KindTombstone || !slices.Equal(last.Deleted, refs[3:4]) {
		t.Errorf("last entry %+v, want the tombstone", last)
	}
	for i, e := range all[:19] {
		n := i
		if i >= 3 {
			n++
		}
		if e.Ref != refs[n] || e.Meta.CallingAET != fmt.Sprint(n) || e.Size != int64(n*1000) || e.Position != tickets[n].Position() || e.Next != tickets[n].Next() {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if tail := Entries(t, st, tickets[9].Next()); len(tail) != 11 || tail[0].Ref != refs[10] {
		t.Errorf("from the middle: %d entries", len(tail))
	}
	for range st.Replay(t.Context(), blob.Position{}) {
		break // stopping early is allowed
	}
}

func replayTwice(t *testing.T, s Suite) {
	st := s.open(t)
	for i := range 10 {
		Put(t, st, blob.KindUpload, meta(), Bytes(i*5000, 1))
	}
	one, two := Entries(t, st, blob.Position{}), Entries(t, st, blob.Position{})
	if fmt.Sprint(one) != fmt.Sprint(two) {
		t.Errorf("two replays differ:\n%v\n%v", one, two)
	}
}

func reopen(t *testing.T, s Suite) {
	if s.Volatile {
		t.Skip("this store keeps nothing")
	}
	dir := t.TempDir()
	want := map[blob.Ref][]byte{}
	var gone []blob.Ref
	var seq uint64
	for round := range 4 {
		st := s.Open(t, dir)
		for ref, data := range want {
			Want(t, st, ref, data)
		}
		for _, ref := range gone {
			WantGone(t, st, ref)
		}
		for i, n := range []int{10, 50000, s.Large} {
			data := Bytes(n, uint64(round*10+i))
			ref := Put(t, st, blob.KindInstance, meta(), data)
			if ref.Seq <= seq {
				t.Errorf("sequence %d after %d", ref.Seq, seq)
			}
			seq, want[ref] = ref.Seq, data
		}
		for ref := range want {
			Remove(t, st, ref)
			delete(want, ref)
			gone = append(gone, ref)
			break
		}
		if living := Rebuild(t, st); len(living) != len(want) {
			t.Errorf("round %d: rebuilt %d, want %d", round, len(living), len(want))
		}
		if got := st.Stats(t.Context()).Objects; got != int64(len(want)) {
			t.Errorf("round %d: %d objects, want %d", round, got, len(want))
		}
		if err := st.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func closed(t *testing.T, s Suite) {
	st := s.open(t)
	w, err := st.Create(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = w.Commit(t.Context(), blob.KindInstance, blob.Meta{})
	w.Discard()
	_, err1 := st.Create(t.Context(), 0)
	_, err2 := st.Delete(t.Context(), blob.Ref{})
	_, err3 := st.Open(t.Context(), blob.Ref{})
	for i, err := range []error{err, err1, err2, err3, st.Barrier(t.Context()), st.Reclaim(t.Context()), st.Compact(t.Context()), st.Close()} {
		if !errors.Is(err, blob.ErrClosed) {
			t.Errorf("call %d after Close: %v, want blob.ErrClosed", i, err)
		}
	}
}

func cancelled(t *testing.T, s Suite) {
	st := s.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	w, err := st.Create(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Commit(ctx, blob.KindInstance, blob.Meta{}); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
	w.Discard()
	if _, err := st.Create(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	if _, err := st.Delete(ctx, blob.Ref{}); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
	if n := len(Entries(t, st, blob.Position{})); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func compact(t *testing.T, s Suite) {
	dir := t.TempDir()
	st := s.Open(t, dir)
	want := map[blob.Ref][]byte{}
	for i := range 60 {
		data := Bytes(20000, uint64(i))
		ref := Put(t, st, blob.KindInstance, meta(), data)
		if i%3 == 0 {
			want[ref] = data
		} else {
			Remove(t, st, ref)
		}
	}
	check := func() {
		t.Helper()
		for ref, data := range want {
			Want(t, st, ref, data)
		}
		living := Rebuild(t, st)
		for ref := range want {
			if living[ref].Ref != ref {
				t.Errorf("%s is not replayed", ref)
			}
		}
		if len(living) != len(want) {
			t.Errorf("%d replayed, want %d", len(living), len(want))
		}
		if got := st.Stats(t.Context()); got.Objects != int64(len(want)) || got.LiveBytes != int64(len(want)*20000) {
			t.Errorf("stats %+v, want %d objects", got, len(want))
		}
	}
	check()
	if err := st.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	if !s.Volatile {
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		st = s.Open(t, dir)
		check()
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// compactRaces: readers and deletes do not notice a compaction.
func compactRaces(t *testing.T, s Suite) {
	st := s.open(t)
	const n = 120
	refs := make([]blob.Ref, n)
	for i := range refs {
		refs[i] = Put(t, st, blob.KindInstance, meta(), Bytes(9000, uint64(i)))
	}
	open, err := st.Open(t.Context(), refs[1])
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // deletes the even ones
		for i := 0; i < n; i += 2 {
			Remove(t, st, refs[i])
		}
	})
	wg.Go(func() { // reads the odd ones
		for range 3 {
			for i := 1; i < n; i += 2 {
				if err := Same(t.Context(), st, refs[i], Bytes(9000, uint64(i))); err != nil {
					t.Error(err)
				}
			}
		}
	})
	wg.Go(func() { // replays
		for range 3 {
			seen := map[blob.Ref]bool{}
			for e, err := range st.Replay(t.Context(), blob.Position{}) {
				if err != nil {
					t.Error(err)
				}
				seen[e.Ref] = true
			}
			for i := 1; i < n; i += 2 {
				if !seen[refs[i]] {
					t.Errorf("object %d is missing in a replay", i)
				}
			}
		}
	})
	for range 5 {
		if err := st.Compact(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	var got bytes.Buffer
	if _, err := open.WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), Bytes(9000, 1)) {
		t.Errorf("a blob opened before compaction: %v", err)
	}
	if err := open.Close(); err != nil {
		t.Error(err)
	}
	if err := st.Compact(t.Context()); err != nil {
		t.Error(err)
	}
	if living := Rebuild(t, st); len(living) != n/2 {
		t.Errorf("%d living, want %d", len(living), n/2)
	}
}

func concurrent(t *testing.T, s Suite) {
	st := s.open(t)
	var mu sync.Mutex
	seqs := map[uint64]bool{}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 25 {
				data := Bytes(1+(g*25+i)*700, uint64(g))
				tk, err := Commit(t.Context(), st, blob.KindInstance, meta(), data)
				if err == nil {
					err = tk.Wait(t.Context())
				}
				if err == nil {
					err = Same(t.Context(), st, tk.Ref(), data)
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seqs[tk.Ref().Seq] {
					t.Errorf("sequence %d given twice", tk.Ref().Seq)
				}
				seqs[tk.Ref().Seq] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := len(Rebuild(t, st)); n != 200 {
		t.Errorf("%d objects, want 200", n)
	}
}

// backup: a copy made while the store is written to and deleted from is whole.
func backup(t *testing.T, s Suite) {
	st := s.open(t)
	want := map[blob.Ref][]byte{}
	for i, n := range []int{100, 30000, 500000, s.Large} {
		data := Bytes(n, uint64(i))
		want[Put(t, st, blob.KindInstance, meta(), data)] = data
	}
	early := Put(t, st, blob.KindInstance, meta(), Bytes(1000, 1))
	Remove(t, st, early)
	dir := t.TempDir()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 50 {
			ref := Put(t, st, blob.KindInstance, meta(), Bytes(2000, uint64(i)))
			Remove(t, st, ref)
		}
	})
	err := st.Backup(t.Context(), dir)
	wg.Wait()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Backup(t.Context(), dir); err == nil {
		t.Error("a second backup into the same folder was not refused")
	}
	restored := s.Open(t, dir)
	defer func() { _ = restored.Close() }()
	for ref, data := range want {
		Want(t, restored, ref, data)
	}
	WantGone(t, restored, early)
	if err := restored.Check(t.Context(), false, func(f blob.Finding) { t.Errorf("finding %+v", f) }); err != nil {
		t.Error(err)
	}
}

// clock: times are kept as they are, and order comes from sequence alone.
func clock(t *testing.T, s Suite) {
	st := s.open(t)
	now := time.Now()
	first := Put(t, st, blob.KindInstance, blob.Meta{Time: now}, []byte("1"))
	second := Put(t, st, blob.KindInstance, blob.Meta{Time: now.Add(-time.Hour)}, []byte("2"))
	third := Put(t, st, blob.KindInstance, blob.Meta{}, []byte("3"))
	if first.Seq >= second.Seq || second.Seq >= third.Seq {
		t.Errorf("sequences %d %d %d", first.Seq, second.Seq, third.Seq)
	}
	all := Entries(t, st, blob.Position{})
	if len(all) != 3 || !all[0].Meta.Time.Equal(now) || !all[1].Meta.Time.Equal(now.Add(-time.Hour)) || all[2].Meta.Time.Before(now.Add(-time.Minute)) {
		t.Errorf("entries %+v", all)
	}
}
