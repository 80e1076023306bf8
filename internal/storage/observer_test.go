package storage_test

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// account is what an observer was told.
type account struct {
	mu                       sync.Mutex
	puts                     []storage.PutStatus
	failed                   int
	kept, rows, updates      int
	keptBytes, readBytes     int64
	reads, deletions, buried int
	deletedBytes             int64
	took                     time.Duration
}

func (a *account) observer() *storage.Observer {
	note := func(fn func()) {
		a.mu.Lock()
		defer a.mu.Unlock()
		fn()
	}
	return &storage.Observer{
		Put: func(status storage.PutStatus, err error) {
			note(func() {
				if err != nil {
					a.failed++
				} else {
					a.puts = append(a.puts, status)
				}
			})
		},
		Kept: func(appended, waited time.Duration, bytes int64) {
			note(func() { a.kept++; a.keptBytes += bytes; a.took += appended + waited })
		},
		Indexed: func(took time.Duration, rows int) { note(func() { a.rows += rows; a.took += took }) },
		Updated: func(took time.Duration) { note(func() { a.updates++; a.took += took }) },
		Read: func(took time.Duration, bytes int64) {
			note(func() { a.reads++; a.readBytes += bytes; a.took += took })
		},
		Deleted: func(took time.Duration, instances int, bytes int64) {
			note(func() { a.deletions++; a.buried += instances; a.deletedBytes += bytes; a.took += took })
		},
	}
}

// An observer hears of everything once, with the bytes that went to the disk or came from it.
func TestObserver(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		var a account
		s := open(t, t.TempDir(), layout, func(o *storage.Options) { o.Observer = a.observer() })
		first, second := ct("P", 1, 1, 1), ct("P", 1, 1, 2)
		rs := put(t, s, first.received(t))
		put(t, s, second.upload(t))
		put(t, s, first.received(t))
		if _, err := s.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader([]byte("nonsense"))}); err == nil {
			t.Error("nonsense was stored")
		}
		total := counts(t, s).Bytes
		whole := int64(len(stored(t, s, rs.InstanceID)))
		o, err := s.OpenInstance(t.Context(), rs.InstanceID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, o.Reader(), 100); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second Close is not another read
			_ = o.Close()
		}
		if err := s.Update(t.Context(), func(tx index.Tx) error { return tx.SetProperty("x", []byte("y")) }); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Delete(t.Context(), index.Series, rs.SeriesID); err != nil {
			t.Fatal(err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if want := []storage.PutStatus{storage.Stored, storage.Stored, storage.AlreadyStored}; !slices.Equal(a.puts, want) || a.failed != 1 {
			t.Errorf("puts %v and %d failures", a.puts, a.failed)
		}
		if a.kept != 2 || a.keptBytes != total || a.rows != 2 || a.took <= 0 {
			t.Errorf("kept %d with %d bytes of %d, %d rows, %v", a.kept, a.keptBytes, total, a.rows, a.took)
		}
		if a.reads != 2 || a.readBytes < whole+100 || a.readBytes > whole+100+64<<10 {
			t.Errorf("%d reads of %d bytes", a.reads, a.readBytes)
		}
		if a.updates != 1 || a.deletions != 1 || a.buried != 2 || a.deletedBytes != total {
			t.Errorf("%d updates, %d deletions of %d instances, %d bytes", a.updates, a.deletions, a.buried, a.deletedBytes)
		}
	})
}

// The gauges are those of the statistics, a moment later.
func TestGauges(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutLog)
	put(t, s, ct("P", 1, 1, 1).received(t))
	put(t, s, ct("Q", 1, 1, 1).received(t))
	want := counts(t, s) // brings the index up to date
	last, err := s.LastChange(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Gauges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if g.Statistics != want || g.LastChange != last || g.Pending != 0 || g.Records != 2 || g.MemoryMax == 0 || g.Findings != 0 {
		t.Errorf("%+v, want %+v and change %d", g, want, last)
	}
}
