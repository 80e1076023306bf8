package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// damageIndex makes a store of 60 instances, with rows that only the index knows, and damages its index.
func damageIndex(t *testing.T, dir string, damage func([]byte) []byte) {
	t.Helper()
	s := open(t, dir, storage.LayoutLog)
	var last *storage.PutResult
	for i := range 60 {
		last = put(t, s, ct("A", 1, i%3, i).received(t))
	}
	err := s.Update(t.Context(), func(tx index.Tx) error {
		errs := []error{tx.AddLabel(index.Study, last.StudyID, "mine"),
			tx.PutModality(index.ModalityRow{Name: "pacs", JSON: []byte(`{}`)}),
			tx.PutCommitRequest(&index.CommitRequest{PeerAET: "CT01", TransactionUID: "1.2.3", State: index.CommitOpen})}
		for i := range 40 {
			errs = append(errs, tx.PutJob(index.JobRow{ID: fmt.Sprintf("job-%03d", i), Kind: fmt.Sprintf("kind-%03d", i), Data: bytes.Repeat([]byte{'d'}, 900)}))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	file := filepath.Join(dir, "index.db")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, damage(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

// keptRows counts the rows that only the index knows.
func keptRows(t *testing.T, s *storage.Store) (jobs, others int) {
	t.Helper()
	err := s.View(t.Context(), func(r index.ReadTx) error {
		j, err1 := r.Jobs()
		m, err2 := r.Modalities()
		c, err3 := r.CommitRequests("")
		study, err4 := r.List(index.Study, 0, 10)
		if len(study) != 1 {
			t.Fatalf("studies %v", study)
		}
		l, err5 := r.Labels(study[0].ID)
		jobs, others = len(j), len(m)+len(c)+len(l)
		return errors.Join(err1, err2, err3, err4, err5)
	})
	if err != nil {
		t.Fatal(err)
	}
	return jobs, others
}

// A damaged index is set aside and made anew, and what can still be read of its own rows is carried over.
func TestDamagedIndexIsMadeAnew(t *testing.T) {
	t.Parallel()
	page := func(b []byte, text string) int { return bytes.Index(b, []byte(text)) / 4096 * 4096 }
	for name, c := range map[string]struct {
		damage               func([]byte) []byte
		leastJobs, mostJobs  int
		others, leastChanges int
	}{
		"no database at all": {func(b []byte) []byte { return bytes.Repeat([]byte("damaged "), 1000) }, 0, 0, 0, 0},
		"first page":         {func(b []byte) []byte { clear(b[:4096]); return b }, 0, 0, 0, 0},
		"cut in the middle":  {func(b []byte) []byte { return b[:len(b)/8192*4096] }, 0, 40, 0, 0},
		"cut to a page":      {func(b []byte) []byte { return b[:4096] }, 0, 0, 0, 0},
		"page of instances": {func(b []byte) []byte {
			for i := page(b, "1.2.826.0.1.3680043.1.A.1.2.5"); bytes.Contains(b[i:], []byte("1.2.826.0.1.3680043.1.A.1.2.")); {
				j := i + page(b[i:], "1.2.826.0.1.3680043.1.A.1.2.")
				copy(b[j:], bytes.Repeat([]byte{0xff}, 4096))
			}
			return b
		}, 40, 40, 3, 60},
		"page of jobs": {func(b []byte) []byte {
			copy(b[page(b, "kind-020"):], bytes.Repeat([]byte{0xff}, 4096))
			return b
		}, 25, 39, 3, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			damageIndex(t, dir, c.damage)
			s := open(t, dir, storage.LayoutLog, func(o *storage.Options) { o.Salvage = true })
			checkAgrees(t, s, storage.CheckOptions{Checksums: true, Rebuild: true})
			if st := counts(t, s); st.Instances != 60 {
				t.Errorf("%+v", st)
			}
			if jobs, others := keptRows(t, s); jobs < c.leastJobs || jobs > c.mostJobs || others < c.others {
				t.Errorf("carried over: %d jobs, %d others; %+v", jobs, others, s.Salvaged())
			}
			if n, err := s.LastChange(t.Context()); err != nil || n < int64(c.leastChanges) {
				t.Errorf("last change %d, %v", n, err)
			}
			aside := s.Salvaged().Aside
			if _, err := os.Stat(aside); err != nil || !strings.Contains(aside, "index.db.damaged-") {
				t.Errorf("moved aside: %v", err)
			}
			closeStore(t, s)
			checkAgrees(t, open(t, dir, storage.LayoutLog), storage.CheckOptions{Checksums: true})
		})
	}
}

// Damage is told with what to do about it, when the store is opened or when it is met.
func TestDamagedIndexIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	damageIndex(t, dir, func(b []byte) []byte { return b[:len(b)/8192*4096] })
	var damaged *storage.DamagedIndexError
	if _, err := storage.Open(t.Context(), storage.Options{Dir: dir}); !errors.As(err, &damaged) || !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("opened a damaged index: %v", err)
	}
	dir = t.TempDir()
	damageIndex(t, dir, func(b []byte) []byte {
		copy(b[bytes.Index(b, []byte("kind-020"))/4096*4096:], bytes.Repeat([]byte{0xff}, 4096))
		return b
	})
	s := open(t, dir, storage.LayoutLog)
	err := s.View(t.Context(), func(r index.ReadTx) error { _, err := r.Jobs(); return err })
	if !errors.As(err, &damaged) || damaged.Dir != dir {
		t.Errorf("read a damaged page: %v", err)
	}
	n := 0
	_, err = s.Check(t.Context(), storage.CheckOptions{}, func(f storage.Finding) {
		if f.Kind == storage.FoundIndex {
			n++
		}
	})
	if err != nil || n == 0 {
		t.Errorf("check: %d findings, %v", n, err)
	}
}

// An index that is empty is made from the objects at the next start.
func TestEmptyIndexIsFilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	damageIndex(t, dir, func([]byte) []byte { return nil })
	s := open(t, dir, storage.LayoutLog)
	checkAgrees(t, s, storage.CheckOptions{Checksums: true})
	if st := counts(t, s); st.Instances != 60 {
		t.Errorf("%+v", st)
	}
}
