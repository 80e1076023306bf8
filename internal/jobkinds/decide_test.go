package jobkinds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

// shelf is a store as far as a decision sees it.
type shelf struct {
	has             map[index.Reference]error // what Verify says
	err, barrierErr error
}

func (s *shelf) Err() error                    { return s.err }
func (s *shelf) Barrier(context.Context) error { return s.barrierErr }

func (s *shelf) Doomed(context.Context) (map[index.ID]bool, error) {
	return nil, nil
}

func (s *shelf) Lookup(_ context.Context, refs []index.Reference) ([]index.Found, error) {
	found := make([]index.Found, len(refs))
	for i, r := range refs {
		for stored := range s.has {
			switch {
			case stored == r:
				found[i].Present, found[i].Blob.Size = true, int64(len(r.SOPInstanceUID))
				found[i].Patient[0] = byte(len(r.SOPInstanceUID))
			case stored.SOPInstanceUID == r.SOPInstanceUID:
				found[i].Classes = append(found[i].Classes, stored.SOPClassUID)
			}
		}
		if found[i].Present {
			found[i].Classes = nil
		}
	}
	return found, nil
}

func (s *shelf) Verify(_ context.Context, b index.Blob, digest bool) error {
	for r, err := range s.has {
		if int64(len(r.SOPInstanceUID)) == b.Size && (digest || !errors.Is(err, errDamaged)) {
			return err
		}
	}
	return nil
}

var errDamaged = errors.New("checksum differs")

// Each failure reason where it applies (PS3.3 C.14.1.1). An instance counts as present if any copy matches the class.
func TestReasons(t *testing.T) {
	t.Parallel()
	good, lost, damaged := ref("1.2"), ref("1.23"), ref("1.234")
	under := func(class dicom.UID, r index.Reference) index.Reference { r.SOPClassUID = class; return r }
	full := fmt.Errorf("put: %w", storage.ErrFull)
	going := ref("1.2345")
	recycled := index.ID{byte(len(going.SOPInstanceUID))}
	for name, x := range map[string]struct {
		ref      index.Reference
		mode     string
		storeErr error
		want     uint16
	}{
		"stored":                          {good, "exists", nil, 0},
		"stored, in a full store":         {good, "exists", full, 0},
		"its bytes are missing":           {lost, "exists", nil, ReasonProcessingFailure},
		"not looked at":                   {lost, "index", nil, 0},
		"damaged, not read":               {damaged, "exists", nil, 0},
		"damaged":                         {damaged, "digest", nil, ReasonProcessingFailure},
		"not stored":                      {ref("9.9"), "exists", nil, ReasonNoSuchInstance},
		"not stored for lack of space":    {ref("9.9"), "exists", full, ReasonResourceLimitation},
		"not stored, writing has stopped": {ref("9.9"), "exists", storage.ErrWriteStopped, ReasonResourceLimitation},
		"under another class":             {under(dicom.MRImageStorage, good), "exists", nil, ReasonClassInstanceConflict},
		"about to be recycled":            {going, "exists", nil, ReasonResourceLimitation},
		"of a class that is not taken":    {under(dicom.VerificationSOPClass, ref("9.9")), "exists", nil, ReasonClassNotSupported},
	} {
		d := &decision{
			store:  &shelf{has: map[index.Reference]error{good: nil, lost: storage.ErrNotFound, damaged: errDamaged, going: nil}, err: x.storeErr},
			accept: NewAcceptance(config.Default()), mode: x.mode, log: slog.New(slog.DiscardHandler), doomed: map[index.ID]bool{recycled: true},
			patients: map[index.ID]bool{},
		}
		if err := d.take(t.Context(), []index.Reference{x.ref}); err != nil {
			t.Fatal(err)
		}
		if got := reasonsOf(t, d); !slices.Equal(got, []uint16{x.want}) {
			t.Errorf("%s: %04XH, want %04XH", name, got, x.want)
		}
		if want := map[index.ID]bool{{byte(len(x.ref.SOPInstanceUID))}: true}; x.want == 0 != maps.Equal(d.patients, want) {
			t.Errorf("%s: marked %v", name, d.patients)
		}
	}
}

// A store that can make nothing durable commits to nothing.
func TestBarrierFails(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]uint16{
		nil: 0, storage.ErrFull: ReasonResourceLimitation, storage.ErrWriteStopped: ReasonResourceLimitation, errDamaged: ReasonProcessingFailure,
	} {
		d := &decision{store: &shelf{has: map[index.Reference]error{ref("1.2"): nil}, barrierErr: err}, log: slog.New(slog.DiscardHandler), patients: map[index.ID]bool{}}
		d.all = d.barrier(t.Context())
		if err := d.take(t.Context(), []index.Reference{ref("1.2")}); err != nil {
			t.Fatal(err)
		}
		if got := reasonsOf(t, d); !slices.Equal(got, []uint16{want}) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// reasonsOf gives what was decided on each reference.
func reasonsOf(t *testing.T, d *decision) (got []uint16) {
	t.Helper()
	kept := reasons{rest: d.outcome.encode()}
	for range d.outcome.committed + d.outcome.failed {
		reason, err := kept.next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, reason)
	}
	return got
}
