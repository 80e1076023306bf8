package services_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dimse"
	"gantry/internal/jobkinds"
	"gantry/internal/jobs"
	"gantry/internal/scu"
	"gantry/internal/storage/index"
)

// many are references to instances that nobody has.
func many(n int) []index.Reference {
	refs := make([]index.Reference, n)
	for i := range refs {
		refs[i] = ctRef(dicom.UID(fmt.Sprintf("1.2.3.%d", i)))
	}
	return refs
}

// A request of many PDUs that is kept in parts is like a small one: each reference is reported on once, in order, and a
// repeat, while it is open or later, gets the same report and leaves nothing behind.
func TestLargeRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentRetryDelay = 3600 })
	r := newRequester(t)
	s.know("scu", modality(t, "SCU", "127.0.0.1:1"))
	stored := s.putInto(3)
	refs := append(append(stored[:2:2], many(12_500)...), stored[2])
	c := s.dial("SCU", nil)
	if err := ask(t, c, "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	s.reach(s.commitmentJobs()[0], jobs.Retry)
	s.know("scu", modality(t, "SCU", r.addr))
	if err := ask(t, c, "2.25.1", refs); err != nil { // a repeat of the open request sends the report at once
		t.Fatal(err)
	}
	first := r.next(t)
	if len(first.data.References) != 3 || len(first.data.Failures) != 12_500 {
		t.Fatalf("%d committed, %d failed", len(first.data.References), len(first.data.Failures))
	}
	for i, f := range first.data.Failures {
		if f.Reference != refs[i+2] || f.Reason != jobkinds.ReasonNoSuchInstance {
			t.Fatalf("failure %d: %+v", i, f)
		}
	}
	s.reach(s.commitmentJobs()[0], jobs.Success)
	if err := ask(t, c, "2.25.1", refs); err != nil {
		t.Fatal(err)
	}
	if again := r.next(t); again.bytes != first.bytes {
		t.Error("another report")
	}
	if n := requestRows(t, s, index.CommitReceiving); n != 0 {
		t.Errorf("%d requests are left half received", n)
	}
}

// What is refused after a part of it was kept, or never comes as a whole, leaves nothing.
func TestLargeRequestThatIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *config.Config) { c.StorageCommitmentMaximumReferences = 10_000 })
	s.know("scu", modality(t, "SCU", "127.0.0.1:1"))
	c := s.dial("SCU", nil)
	if err := ask(t, c, "2.25.1", many(10_001)); dimse.StatusOf(err) != dimse.StatusResourceLimitation {
		t.Errorf("too many: %v", err)
	}
	if err := ask(t, c, "2.25.2", append(many(9_000), index.Reference{})); dimse.StatusOf(err) != dimse.StatusInvalidArgument {
		t.Errorf("an empty item at the end: %v", err)
	}
	whole, err := codec.Marshal(request("2.25.3", many(9_000)), dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	broken := errors.New("gone")
	_, err = c.Action(ctx, &scu.ActionRequest{ActionTypeID: 1, SOPClassUID: dicom.StorageCommitmentPushModel,
		SOPInstanceUID: dicom.StorageCommitmentPushModelInstance,
		Encode: func(dicom.UID) (io.Reader, error) {
			return io.MultiReader(bytes.NewReader(whole[:len(whole)*2/3]), failing{broken}), nil
		}})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	c.Abort()
	s.restart() // which waits for what is under way
	if n := requestRows(t, s, ""); n != 0 || len(s.commitmentJobs()) != 0 {
		t.Errorf("%d requests and %d jobs are left", n, len(s.commitmentJobs()))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
