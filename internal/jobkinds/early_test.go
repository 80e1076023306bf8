package jobkinds

import (
	"bytes"
	"context"
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

// Instances that go away between being looked up and being promised are not promised: the request is looked at again, and
// then left to its job.
func TestInstancesThatGoWhileTheRequestIsKept(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	store, err := storage.Open(ctx, storage.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	image := phantom.Image{Study: dicom.NewUID(), Series: dicom.NewUID(), Instance: dicom.NewUID(), Number: 1, Side: 4}
	data, err := image.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	put, err := store.Put(ctx, &storage.PutRequest{Data: bytes.NewReader(data), Received: true, SOPClassUID: dicom.CTImageStorage,
		SOPInstanceUID: image.Instance, TransferSyntax: dicom.ExplicitVRLittleEndian})
	if err != nil {
		t.Fatal(err)
	}
	deps := &Deps{Config: config.Default(), Store: store, Modalities: modalities.New(nil, false)}
	refs := []index.Reference{{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: image.Instance}}
	k := &intake{deps: deps, digest: sha256.New(), count: 1, rest: refs, uid: "2.25.1"}
	in := &Incoming{Peer: &scp.Peer{CallingAET: "SCU", CalledAET: "GANTRY", RemoteAddr: &net.TCPAddr{}}}
	claimed := func() *claim {
		c := &claim{deps: deps, in: in, intake: k, digest: k.sum(), jobID: jobs.NewID()}
		if err := c.look(ctx); err != nil {
			t.Fatal(err)
		}
		c.early = c.decideEarly(ctx)
		c.job = deps.newCommitmentJob(&c.row)
		return c
	}
	first := claimed()
	if first.early == nil {
		t.Fatal("an instance that is there is not decided on")
	}
	if _, err := store.Delete(ctx, index.Instance, put.InstanceID); err != nil {
		t.Fatal(err)
	}
	if err := first.keep(ctx, jobs.Record{ID: first.jobID}); !errors.Is(err, errOvertaken) {
		t.Fatalf("an instance that is gone was promised: %v", err)
	}
	again := claimed()
	if again.early != nil {
		t.Error("decided on again")
	}
	if err := again.keep(ctx, jobs.Record{ID: again.jobID}); err != nil || again.row.State != index.CommitOpen {
		t.Errorf("state %q, %v", again.row.State, err)
	}
}
