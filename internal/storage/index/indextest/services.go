package indextest

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"gantry/internal/storage/index"
)

func testChanges(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	put(t, x, n, Make("P", "1", "1", "2"))
	view(t, x, func(r index.ReadTx) error {
		all, err := r.Changes(0, 100)
		var types []index.ChangeType
		for i, c := range all {
			types = append(types, c.Type)
			if c.Seq != int64(i+1) || !c.Time.Equal(n.Received) {
				t.Errorf("change %+v", c)
			}
		}
		if want := []index.ChangeType{index.ChangeNewInstance, index.ChangeNewSeries, index.ChangeNewStudy,
			index.ChangeNewPatient, index.ChangeNewInstance}; !reflect.DeepEqual(types, want) {
			t.Errorf("changes %v, want %v", types, want)
		}
		if page, err := r.Changes(2, 2); err != nil || len(page) != 2 || page[0].Seq != 3 || page[0].ID != n.Study {
			t.Errorf("page %+v, %v", page, err)
		}
		return err
	})
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.ClearChanges(), tx.PutChange(index.Change{Type: index.ChangeStableStudy,
			Resource: index.Resource{Level: index.Study, ID: n.Study}, Time: n.Received}))
	})
	view(t, x, func(r index.ReadTx) error {
		all, err := r.Changes(0, 10)
		if len(all) != 1 || all[0].Seq != 6 {
			t.Errorf("numbers begin anew after clearing: %+v", all)
		}
		return err
	})
}

func testAnnotations(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	n := Make("P", "1", "1", "1")
	put(t, x, n)
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.AddLabel(index.Study, n.Study, "b"), tx.AddLabel(index.Study, n.Study, "a"),
			tx.AddLabel(index.Study, n.Study, "a"), tx.PutMetadata(index.Study, n.Study, index.Metadata{Number: 1024, Value: "v", Revision: 2}))
	})
	view(t, x, func(r index.ReadTx) error {
		labels, err1 := r.Labels(n.Study)
		meta, err2 := r.Metadata(n.Study)
		if !reflect.DeepEqual(labels, []string{"a", "b"}) || !reflect.DeepEqual(meta, []index.Metadata{{Number: 1024, Value: "v", Revision: 2}}) {
			t.Errorf("%v %v", labels, meta)
		}
		return errors.Join(err1, err2)
	})
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.RemoveLabel(n.Study, "b"), tx.DeleteMetadata(n.Study, 1024))
	})
	update(t, x, func(tx index.Tx) error { _, err := tx.DeleteInstance(n.ID); return err })
	view(t, x, func(r index.ReadTx) error {
		labels, err := r.Labels(n.Study)
		if len(labels) != 0 {
			t.Errorf("labels outlive their study: %v", labels)
		}
		return err
	})
}

// The mark of a patient with committed instances outlives a rebuild, and goes with the patient.
func testCommitted(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	a, b, other := Make("P", "1", "1", "1"), Make("P", "1", "1", "2"), Make("Q", "1", "1", "1")
	put(t, x, a, b, other)
	expect := func(when string, p, q bool) {
		t.Helper()
		view(t, x, func(r index.ReadTx) error {
			gotP, err1 := r.Committed(a.Patient)
			gotQ, err2 := r.Committed(other.Patient)
			if gotP != p || gotQ != q {
				t.Errorf("%s: %t and %t, want %t and %t", when, gotP, gotQ, p, q)
			}
			return errors.Join(err1, err2)
		})
	}
	remove := func(n *index.NewInstance) {
		update(t, x, func(tx index.Tx) error { _, err := tx.DeleteInstance(n.ID); return err })
	}
	expect("new", false, false)
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.MarkCommitted(a.Patient), tx.MarkCommitted(a.Patient)) })
	expect("marked", true, false)
	remove(a)
	expect("an instance deleted", true, false)
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.ClearDerived(), tx.PutInstance(b, true), tx.PutInstance(other, true), tx.PruneOrphans())
	})
	expect("rebuilt", true, false)
	remove(b)
	expect("the patient deleted", false, false)
	err := x.Update(t.Context(), func(tx index.Tx) error { return tx.MarkCommitted(a.Patient) })
	if !errors.Is(err, index.ErrNotFound) {
		t.Errorf("no such patient: %v", err)
	}
	put(t, x, a)
	expect("the patient stored again", false, false)
}

func testReclaims(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	b := index.Blob{Key: [16]byte{1, 2}, Seq: 9}
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.PutReclaim(b), tx.PutReclaim(b)) })
	view(t, x, func(r index.ReadTx) error {
		got, err := r.Reclaims(10)
		if len(got) != 1 || got[0] != b {
			t.Errorf("%+v", got)
		}
		return err
	})
	update(t, x, func(tx index.Tx) error { return tx.DeleteReclaim(b) })
	view(t, x, func(r index.ReadTx) error {
		got, err := r.Reclaims(10)
		if len(got) != 0 {
			t.Errorf("%+v", got)
		}
		return err
	})
}

func testJobs(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	j := index.JobRow{ID: "a", Kind: "StorageCommitmentScp", State: "Retry", Priority: -3, Seq: 2, Number: 7, Created: made,
		Changed: made.Add(time.Second), NextAttempt: made.Add(time.Minute), Runtime: time.Millisecond, Attempt: 4, Progress: 50,
		ErrorCode: 9, ErrorText: "t", ErrorDetails: "d", Version: 1, Data: []byte{0, 1}, Content: []byte("{}"), UserData: []byte("[]")}
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.PutJob(j), tx.PutJob(index.JobRow{ID: "b", Seq: 1})) })
	view(t, x, func(r index.ReadTx) error {
		got, err := r.Jobs()
		if len(got) != 2 || !reflect.DeepEqual(got[1], j) || got[0].ID != "b" || !got[0].Created.IsZero() {
			t.Errorf("got %+v", got)
		}
		if one, err := r.Job("a"); err != nil || !reflect.DeepEqual(*one, j) {
			t.Errorf("got %+v, %v", one, err)
		}
		if _, err := r.Job("c"); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("a job that is not there: %v", err)
		}
		return err
	})
	kept := j
	kept.State, kept.Data, kept.DataKept = "Pending", nil, true
	update(t, x, func(tx index.Tx) error { return tx.PutJob(kept) })
	view(t, x, func(r index.ReadTx) error {
		got, err := r.Job("a")
		if err != nil || got.State != "Pending" || !bytes.Equal(got.Data, j.Data) || got.Version != j.Version {
			t.Errorf("got %+v, %v", got, err)
		}
		return err
	})
	update(t, x, func(tx index.Tx) error {
		older := kept
		older.Number, older.State = 6, "Running"
		whole := older
		whole.DataKept = false
		return errors.Join(tx.PutJob(older), tx.PutJob(whole))
	})
	view(t, x, func(r index.ReadTx) error {
		got, err := r.Job("a")
		if err != nil || got.State != "Pending" || !bytes.Equal(got.Data, j.Data) || got.Number != 7 {
			t.Errorf("overwritten by an older one: %+v, %v", got, err)
		}
		return err
	})
	update(t, x, func(tx index.Tx) error { j.State = "Success"; return errors.Join(tx.PutJob(j), tx.DeleteJob("b")) })
	view(t, x, func(r index.ReadTx) error {
		got, err := r.Jobs()
		if len(got) != 1 || got[0].State != "Success" {
			t.Errorf("got %+v", got)
		}
		return err
	})
}

func testCommitRequests(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	rq := index.CommitRequest{PeerAET: "PEER", TransactionUID: "1.2.3", CalledAET: "GANTRY", PeerAddr: "192.0.2.7:104",
		State: index.CommitOpen, Count: 3, Digest: [32]byte{1, 31: 2}, JobID: "j", Created: made}
	chunks := [][]index.Reference{{{SOPClassUID: "1.2", SOPInstanceUID: "1.2.3.4"}, {SOPClassUID: "1.2", SOPInstanceUID: "1\n2"}},
		{{SOPClassUID: "", SOPInstanceUID: "5"}}}
	update(t, x, func(tx index.Tx) error {
		err := errors.Join(tx.PutCommitRequest(&rq), tx.PutCommitRequest(&index.CommitRequest{PeerAET: "OTHER",
			TransactionUID: "1.2.3", State: index.CommitReported}))
		for i, c := range chunks {
			err = errors.Join(err, tx.PutCommitReferences("PEER", "1.2.3", i, c))
		}
		return err
	})
	rq.State, rq.Outcome, rq.EventTypeID, rq.Decided, rq.Attempts, rq.LastError = index.CommitDecided, []byte{1}, 2, made, 1, "no route"
	update(t, x, func(tx index.Tx) error { return tx.PutCommitRequest(&rq) })
	view(t, x, func(r index.ReadTx) error {
		got, err := r.CommitRequest("PEER", "1.2.3")
		if err != nil || !reflect.DeepEqual(*got, rq) {
			t.Errorf("got %+v, %v", got, err)
		}
		for i, c := range chunks {
			if refs, err := r.CommitReferences("PEER", "1.2.3", i); err != nil || !reflect.DeepEqual(refs, c) {
				t.Errorf("chunk %d: %v, %v", i, refs, err)
			}
		}
		if _, err := r.CommitReferences("PEER", "1.2.3", 2); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("after the last chunk: %v", err)
		}
		both, err1 := r.CommitRequestsOf("1.2.3")
		decided, err2 := r.CommitRequests(index.CommitDecided)
		all, err3 := r.CommitRequests("")
		if len(both) != 2 || len(decided) != 1 || len(all) != 2 {
			t.Errorf("lists of %d, %d, %d", len(both), len(decided), len(all))
		}
		return errors.Join(err1, err2, err3)
	})
	update(t, x, func(tx index.Tx) error { return tx.RenameCommitRequest("PEER", "1.2.3", "RENAMED", "1.2.4") })
	view(t, x, func(r index.ReadTx) error {
		got, err1 := r.CommitRequest("RENAMED", "1.2.4")
		refs, err2 := r.CommitReferences("RENAMED", "1.2.4", 1)
		if err1 != nil || got.Count != rq.Count || !reflect.DeepEqual(refs, chunks[1]) {
			t.Errorf("renamed: %+v, %v", got, refs)
		}
		return errors.Join(err1, err2)
	})
	err := x.Update(t.Context(), func(tx index.Tx) error { return tx.RenameCommitRequest("PEER", "1.2.3", "RENAMED", "1.2.5") })
	if !errors.Is(err, index.ErrNotFound) {
		t.Errorf("renamed twice: %v", err)
	}
	update(t, x, func(tx index.Tx) error { return tx.RenameCommitRequest("RENAMED", "1.2.4", "PEER", "1.2.3") })
	update(t, x, func(tx index.Tx) error { return tx.DeleteCommitRequest("PEER", "1.2.3") })
	view(t, x, func(r index.ReadTx) error {
		if _, err := r.CommitRequest("PEER", "1.2.3"); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		_, err := r.CommitRequest("OTHER", "1.2.3")
		return err
	})
}

func testCommitReports(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	refs := []index.Reference{{SOPClassUID: "1.2", SOPInstanceUID: "1"}, {SOPClassUID: "1.2", SOPInstanceUID: "2"}}
	rp := index.CommitReport{TransactionUID: "2.25.1", RemoteAET: "PEER", Modality: "peer", LocalAET: "GANTRY",
		Status: index.CommitFailure, Requested: refs, Success: refs[:1],
		Failures: []index.CommitFailureItem{{Reference: refs[1], Reason: 0x0112}}, Created: made, Finished: made, LastUsed: made}
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.PutCommitReport(&rp), tx.PutCommitReport(&index.CommitReport{TransactionUID: "2.25.2",
			Status: index.CommitPending, LastUsed: made.Add(-time.Hour)}))
	})
	view(t, x, func(r index.ReadTx) error {
		got, err := r.CommitReport("2.25.1")
		if err != nil || !reflect.DeepEqual(*got, rp) {
			t.Errorf("got %+v, %v", got, err)
		}
		all, err := r.CommitReports()
		if len(all) != 2 || all[0].TransactionUID != "2.25.2" || all[1].Requested != nil {
			t.Errorf("all %+v", all)
		}
		return err
	})
	update(t, x, func(tx index.Tx) error { return tx.DeleteCommitReport("2.25.1") })
	view(t, x, func(r index.ReadTx) error {
		if _, err := r.CommitReport("2.25.1"); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("deleted: %v", err)
		}
		return nil
	})
}

func testProperties(t *testing.T, open Opener) {
	x := open(t, t.TempDir())
	update(t, x, func(tx index.Tx) error {
		return errors.Join(tx.SetProperty("a", nil), tx.SetProperty("b", []byte{0, 255}), tx.SetProperty("b", []byte{1}),
			tx.PutModality(index.ModalityRow{Name: "zeta", JSON: []byte("{}")}), tx.PutModality(index.ModalityRow{Name: "Alpha", JSON: []byte("[]")}),
			tx.DeleteModality("never there"))
	})
	view(t, x, func(r index.ReadTx) error {
		a, err1 := r.Property("a")
		b, err2 := r.Property("b")
		m, err3 := r.Modalities()
		if len(a) != 0 || !reflect.DeepEqual(b, []byte{1}) || len(m) != 2 || m[0].Name != "Alpha" || string(m[0].JSON) != "[]" {
			t.Errorf("%v %v %+v", a, b, m)
		}
		if _, err := r.Property("c"); !errors.Is(err, index.ErrNotFound) {
			t.Errorf("never set: %v", err)
		}
		return errors.Join(err1, err2, err3)
	})
	update(t, x, func(tx index.Tx) error { return errors.Join(tx.DeleteProperty("b"), tx.DeleteModality("zeta")) })
}
