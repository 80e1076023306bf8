package jobkinds

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"net"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/jobs"
	"gantry/internal/modalities"
	"gantry/internal/scp"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

// newClaims returns a store, and what looks at a request for storage commitment of SCU.
func newClaims(t *testing.T) (deps *Deps, claimed func(refs ...index.Reference) *claim) {
	t.Helper()
	store, err := storage.Open(t.Context(), storage.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	deps = &Deps{Config: config.Default(), Store: store, Modalities: modalities.New(nil, false)}
	in := &Incoming{Peer: &scp.Peer{CallingAET: "SCU", CalledAET: "GANTRY", RemoteAddr: &net.TCPAddr{}}}
	k := &intake{deps: deps, digest: sha256.New(), count: 1, uid: "2.25.1"}
	return deps, func(refs ...index.Reference) *claim {
		t.Helper()
		k.rest = refs
		c := &claim{deps: deps, in: in, intake: k, digest: k.sum(), jobID: jobs.NewID()}
		if err := c.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.early = c.decideEarly(t.Context())
		c.job = deps.newCommitmentJob(&c.row)
		return c
	}
}

// Instances that go away between being looked up and being promised are not promised: the request is looked at again, and
// then left to its job.
func TestInstancesThatGoWhileTheRequestIsKept(t *testing.T) {
	t.Parallel()
	deps, claimed := newClaims(t)
	image := phantom.Image{Study: dicom.NewUID(), Series: dicom.NewUID(), Instance: dicom.NewUID(), Number: 1, Side: 4}
	data, err := image.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	put, err := deps.Store.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader(data), Received: true,
		SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: image.Instance, TransferSyntax: dicom.ExplicitVRLittleEndian})
	if err != nil {
		t.Fatal(err)
	}
	ref := index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: image.Instance}
	first := claimed(ref)
	if first.early == nil {
		t.Fatal("an instance that is there is not decided on")
	}
	if _, err := deps.Store.Delete(t.Context(), index.Instance, put.InstanceID); err != nil {
		t.Fatal(err)
	}
	if err := first.keep(t.Context(), jobs.Record{ID: first.jobID}); !errors.Is(err, errOvertaken) {
		t.Fatalf("an instance that is gone was promised: %v", err)
	}
	again := claimed(ref)
	if again.early != nil {
		t.Error("decided on again")
	}
	if err := again.keep(t.Context(), jobs.Record{ID: again.jobID}); err != nil || again.row.State != index.CommitOpen {
		t.Errorf("state %q, %v", again.row.State, err)
	}
}

// The repeat of a request whose report was given up while the queue was full is not answered with success: nobody would
// send it.
func TestRepeatOfARequestThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	deps, claimed := newClaims(t)
	ref := index.Reference{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3"}
	first := claimed(ref)
	if err := first.keep(t.Context(), jobs.Record{ID: first.jobID}); err != nil {
		t.Fatal(err)
	}
	again := claimed(ref)
	if err := again.withoutRoom(t.Context(), jobs.ErrQueueFull); !errors.Is(err, errRepeat) {
		t.Errorf("while it is open: %v", err)
	}
	err := deps.updateRequest(t.Context(), again.id(), func(row *index.CommitRequest) { row.State = index.CommitFailed })
	if err != nil {
		t.Fatal(err)
	}
	if err := again.withoutRoom(t.Context(), jobs.ErrQueueFull); !errors.Is(err, jobs.ErrQueueFull) {
		t.Errorf("once it is given up: %v", err)
	}
}
