package indextest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"gantry/internal/storage/index"
)

var errStop = errors.New("stop")

func testRollback(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	for range 2 {
		err := x.Derive(t.Context(), func(tx index.Tx) error { return errors.Join(tx.PutInstance(n, false), errStop) })
		if !errors.Is(err, errStop) {
			t.Fatalf("error of the function: %v", err)
		}
	}
	if st := statistics(t, x); st != (index.Statistics{}) {
		t.Errorf("left behind: %+v", st)
	}
	func() {
		defer func() { _ = recover() }()
		_ = x.Update(t.Context(), func(tx index.Tx) error { _ = tx.PutInstance(n, false); panic("stop") })
	}()
	put(t, x, n, Make("P", "1", "1", "2"))
	view(t, x, func(r index.ReadTx) error {
		in, err := r.Instances(index.Patient, n.Patient, 0, 10)
		if len(in) != 2 {
			t.Errorf("instances after rolled-back attempts: %d", len(in))
		}
		return err
	})
}

func testIsolation(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	derive(t, x, func(tx index.Tx) error {
		if err := tx.PutInstance(n, false); err != nil {
			return err
		}
		if st := statistics(t, x); st.Instances != 0 {
			t.Error("a reader sees what is not committed")
		}
		_, err := tx.Instance(n.ID)
		return err
	})
	view(t, x, func(r index.ReadTx) error {
		_, err := r.Instance(n.ID)
		put(t, x, Make("P", "1", "1", "2"))
		if st, err := r.Statistics(); err != nil || st.Instances != 1 {
			t.Errorf("a reader's state changes under it: %+v, %v", st, err)
		}
		return err
	})
	ctx, cancel := context.WithCancel(t.Context())
	derive(t, x, func(index.Tx) error {
		cancel()
		err := x.Update(ctx, func(index.Tx) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("waiting for the writer with a cancelled context: %v", err)
		}
		return nil
	})
}

func testReopen(t *testing.T, open Opener) {
	dir := t.TempDir()
	x := open(t, dir)
	n := Make("P", "1", "1", "1")
	put(t, x, n)
	derive(t, x, func(tx index.Tx) error { return tx.SetPosition("0:1:2") })
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir)
	put(t, x, Make("P", "1", "1", "2"))
	if st := statistics(t, x); st.Instances != 2 || st.Series != 1 {
		t.Errorf("after reopening: %+v", st)
	}
	view(t, x, func(r index.ReadTx) error {
		pos, err := r.Position()
		if pos != "0:1:2" {
			t.Errorf("position %q", pos)
		}
		return err
	})
	if lines, err := x.Check(t.Context()); err != nil || len(lines) != 0 {
		t.Errorf("check: %v, %v", lines, err)
	}
}

func testRebuild(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	a, b := Make("P", "1", "1", "1"), Make("P", "2", "1", "1")
	put(t, x, a, b)
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.AddLabel(index.Study, a.Study, "seen"), tx.AddLabel(index.Study, b.Study, "lost"),
			tx.SetProtected(a.Patient, true), tx.PutJob(index.JobRow{ID: "j", Kind: "k", State: "Pending"}),
			tx.SetProperty("p", []byte("v")), tx.PutMetadata(index.Patient, a.Patient, index.Metadata{Number: 1024, Value: "x"}))
	})
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.ClearDerived(), tx.PutInstance(a, true), tx.PruneOrphans())
	})
	if st := statistics(t, x); st != (index.Statistics{Patients: 1, Studies: 1, Series: 1, Instances: 1, Bytes: 1000, Plain: 1000}) {
		t.Errorf("statistics: %+v", st)
	}
	view(t, x, func(r index.ReadTx) error {
		kept, err1 := r.Labels(a.Study)
		lost, err2 := r.Labels(b.Study)
		p, err3 := r.Patient(a.Patient)
		jobs, err4 := r.Jobs()
		v, err5 := r.Property("p")
		m, err6 := r.Metadata(a.Patient)
		if len(kept) != 1 || len(lost) != 0 || !p.Protected || len(jobs) != 1 || string(v) != "v" || len(m) != 1 {
			t.Errorf("kept through a rebuild: %v %v %+v %v %q %v", kept, lost, p, jobs, v, m)
		}
		last, err7 := r.LastChange()
		if last != 7 {
			t.Errorf("a rebuild notes changes: last %d", last)
		}
		return errors.Join(err1, err2, err3, err4, err5, err6, err7)
	})
}

func testBackup(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	put(t, x, Make("P", "1", "1", "1"))
	dir := t.TempDir()
	file := filepath.Join(dir, "index.db")
	if err := x.Backup(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if err := x.Backup(t.Context(), file); err == nil {
		t.Error("a backup overwrites a file")
	}
	put(t, x, Make("P", "1", "1", "2"))
	if st := statistics(t, open(t, dir)); st.Instances != 1 {
		t.Errorf("backup holds %+v", st)
	}
}

func testClosed(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	if err := errors.Join(x.Close(), x.Close()); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"view":   x.View(t.Context(), func(index.ReadTx) error { return nil }),
		"update": x.Update(t.Context(), func(index.Tx) error { return nil }),
	} {
		if !errors.Is(err, index.ErrClosed) {
			t.Errorf("%s after close: %v", name, err)
		}
	}
}

func testConcurrent(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 25 {
				n := Make("P", fmt.Sprint(w+1), "1", fmt.Sprint(i+1))
				if err := x.Derive(t.Context(), func(tx index.Tx) error { return tx.PutInstance(n, false) }); err != nil {
					t.Error(err)
				}
				if err := x.View(t.Context(), func(r index.ReadTx) error { _, err := r.Instance(n.ID); return err }); err != nil {
					t.Error("written and not found:", err)
				}
			}
		})
	}
	wg.Wait()
	if st := statistics(t, x); st.Instances != 100 || st.Studies != 4 {
		t.Errorf("statistics: %+v", st)
	}
	if err := x.Checkpoint(t.Context()); err != nil {
		t.Error("checkpoint:", err)
	}
}
