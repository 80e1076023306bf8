package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// failing is a blob store on a disk with a fault.
type failing struct {
	blob.Store
	create, commit, wait error
}

func (f *failing) Create(ctx context.Context, hint int64) (blob.Writer, error) {
	if f.create != nil {
		return nil, f.create
	}
	w, err := f.Store.Create(ctx, hint)
	return &failingWriter{w, f}, err
}

type failingWriter struct {
	blob.Writer
	f *failing
}

func (w *failingWriter) Commit(ctx context.Context, k blob.Kind, m blob.Meta) (blob.Ticket, error) {
	if w.f.commit != nil {
		return nil, w.f.commit
	}
	t, err := w.Writer.Commit(ctx, k, m)
	return &failingTicket{t, w.f}, err
}

type failingTicket struct {
	blob.Ticket
	f *failing
}

func (t *failingTicket) Wait(ctx context.Context) error {
	if t.f.wait != nil {
		return t.f.wait
	}
	return t.Ticket.Wait(ctx)
}

// A disk that fails shows as the errors from which statuses are made, and nothing of the object is findable.
func TestFaultsOfTheDisk(t *testing.T) {
	t.Parallel()
	full, readOnly := fmt.Errorf("write: %w", blob.ErrFull), fmt.Errorf("write: %w", blob.ErrReadOnly)
	stopped := fmt.Errorf("sync: %w", blob.ErrWriteStopped)
	for name, c := range map[string]struct {
		fault failing
		want  error
	}{
		"full when it begins":       {failing{create: full}, ErrFull},
		"full when it is committed": {failing{commit: full}, ErrFull},
		"read-only":                 {failing{commit: readOnly}, ErrReadOnly},
		"failed sync":               {failing{wait: stopped}, ErrWriteStopped},
		"something else":            {failing{commit: errors.New("input/output error")}, ErrUnavailable},
		"nobody waits any more":     {failing{create: context.Canceled}, context.Canceled},
	} {
		s, err := Open(t.Context(), Options{Layout: LayoutMemory})
		if err != nil {
			t.Fatal(err)
		}
		sound := s.blobs
		c.fault.Store = sound
		s.blobs = &c.fault
		if _, err := s.Put(t.Context(), request(t)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if st, err := s.Statistics(t.Context()); err != nil || st.Instances != 0 {
			t.Errorf("%s: %+v, %v", name, st, err)
		}
		s.blobs = sound
		if _, err := s.Put(t.Context(), request(t)); err != nil {
			t.Errorf("%s: after the fault: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func request(t *testing.T) *PutRequest {
	t.Helper()
	ds := &dicom.Dataset{}
	ds.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
	for i, tag := range []dicom.Tag{dicom.TagSOPInstanceUID, dicom.TagStudyInstanceUID, dicom.TagSeriesInstanceUID} {
		ds.SetUID(tag, dicom.UID(fmt.Sprint("1.2.", i)))
	}
	b, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return &PutRequest{Data: bytes.NewReader(b), Received: true, TransferSyntax: dicom.ExplicitVRLittleEndian,
		SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.0"}
}

// The noted position never passes a record that is not in the index, whatever the order in which writers finish.
func TestFlights(t *testing.T) {
	t.Parallel()
	at := func(n int64) blob.Position { return blob.Position{Segment: 1, Offset: n} }
	var f flights
	f.saw(at(10))
	a, b, c := &arrival{}, &arrival{}, &arrival{}
	f.begin(&a.flight)
	f.begin(&b.flight)
	f.saw(at(30)) // b ends before a
	f.begin(&c.flight)
	f.saw(at(20))
	if got := f.landing([]*arrival{b}); got != at(10) {
		t.Errorf("a is under way since %v: %v", at(10), got)
	}
	f.done(&b.flight)
	if got := f.landing([]*arrival{a}); got != at(30) {
		t.Errorf("c is under way since %v: %v", at(30), got)
	}
	f.done(&a.flight)
	f.saw(at(50))
	f.done(&c.flight)
	if got := f.landing(nil); got != at(50) {
		t.Errorf("nothing is under way: %v", got)
	}
}

func TestIdentityWaitsAreCancelled(t *testing.T) {
	t.Parallel()
	var i identities
	id := index.NewID("A")
	if err := i.lock(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := i.lock(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with a cancelled context: %v", err)
	}
	i.unlock(id)
	if err := i.lock(t.Context(), id); err != nil {
		t.Error(err)
	}
}
