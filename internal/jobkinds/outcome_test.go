package jobkinds

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
)

func outcomeOf(reasons []uint16) *outcome {
	o := &outcome{}
	for _, r := range reasons {
		o.add(r)
	}
	return o
}

// An outcome is kept and read again as it was, and a request whose instances all fare alike takes a few bytes.
func TestOutcome(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.SampledFrom([]uint16{0, 0, ReasonNoSuchInstance, ReasonResourceLimitation})).Draw(t, "reasons")
		o := outcomeOf(want)
		kept := o.encode()
		r := reasons{rest: kept}
		for i := range want {
			if got, err := r.next(); err != nil || got != want[i] {
				t.Fatalf("reference %d: %04XH %v, want %04XH", i, got, err, want[i])
			}
		}
		if _, err := r.next(); !errors.Is(err, errOutcome) {
			t.Fatalf("behind the last: %v", err)
		}
		counts, err := countReasons(kept)
		if err != nil || counts[0] != o.committed || o.committed+o.failed != len(want) {
			t.Fatalf("counted %v, %v", counts, err)
		}
	})
	if kept := outcomeOf(make([]uint16, 100_000)).encode(); len(kept) > 8 {
		t.Errorf("%d bytes", len(kept))
	}
	if a := outcomeOf([]uint16{0, 0}); a.eventType() != 1 || outcomeOf([]uint16{0, 1}).eventType() != 2 {
		t.Error("event type")
	}
}

func TestDamagedOutcome(t *testing.T) {
	t.Parallel()
	for _, kept := range [][]byte{{0xff}, {0, 0, 0}, {3, 1}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if counts, err := countReasons(kept); !errors.Is(err, errOutcome) {
			t.Errorf("%x: %v %v", kept, counts, err)
		}
	}
}

// A report written in chunks is what it would be in one piece, in each transfer syntax and each time; a sequence without
// items stands there only for the references (see encodeReport).
func TestReportReader(t *testing.T) {
	t.Parallel()
	const size = 2*chunkSize + 7
	refs := make([]index.Reference, size)
	for i := range refs {
		refs[i] = ref(string(dicom.NewUID()))
	}
	for name, failing := range map[string]func(i int) bool{
		"all committed": func(int) bool { return false },
		"none":          func(int) bool { return true },
		"some":          func(i int) bool { return i%3 == 0 },
		"the last":      func(i int) bool { return i == size-1 },
	} {
		var success []index.Reference
		var failed []index.CommitFailureItem
		o := &outcome{}
		for i, r := range refs {
			if failing(i) {
				failed = append(failed, index.CommitFailureItem{Reference: r, Reason: ReasonNoSuchInstance})
				o.add(ReasonNoSuchInstance)
			} else {
				success = append(success, r)
				o.add(0)
			}
		}
		row := &index.CommitRequest{TransactionUID: "2.25.7", Count: size, Outcome: o.encode()}
		for _, syntax := range []dicom.UID{dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian} {
			want, err := encode(syntax, "2.25.7", success, failed)
			if err != nil {
				t.Fatal(err)
			}
			r, err := newReportReader(row, syntax)
			if err != nil {
				t.Fatal(err)
			}
			r.references = chunksOf(refs)
			if got, err := io.ReadAll(iotest.HalfReader(r)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: %d bytes, want %d, %v", name, syntax, len(got), len(want), err)
			}
		}
	}
}

func chunksOf(refs []index.Reference) func(int) ([]index.Reference, error) {
	chunks := slices.Collect(slices.Chunk(refs, chunkSize))
	return func(i int) ([]index.Reference, error) {
		if i >= len(chunks) {
			return nil, index.ErrNotFound
		}
		return chunks[i], nil
	}
}

// An index that fails in the middle ends the report with its error, never with less than the whole.
func TestReportReaderFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	row := &index.CommitRequest{TransactionUID: "2.25.7", Count: 5, Outcome: outcomeOf(make([]uint16, 5)).encode()}
	r, err := newReportReader(row, dicom.ExplicitVRLittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	r.references = func(int) ([]index.Reference, error) { return nil, broken }
	if _, err := io.ReadAll(r); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
