package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
)

func TestPutKeepsTheBytes(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		small, large, up := ct("A", 1, 1, 1), ct("A", 1, 1, 2), ct("A", 1, 1, 3)
		large.pixels = bytes.Repeat([]byte("pixels.."), 300<<10/8)
		var ids []index.ID
		for _, rq := range []*storage.PutRequest{small.received(t), large.received(t), up.upload(t)} {
			rs := put(t, s, rq)
			if rs.Status != storage.Stored {
				t.Errorf("status %v", rs.Status)
			}
			ids = append(ids, rs.InstanceID)
		}
		check := func(s *storage.Store) {
			for i, want := range [][]byte{small.dataset(t), large.dataset(t), up.file(t)} {
				got := stored(t, s, ids[i])
				if !bytes.HasSuffix(got, want) || i == 2 && len(got) != len(want) {
					t.Errorf("object %d: the stored bytes differ", i)
				}
				checkObject(t, s, ids[i], want, i == 2)
			}
		}
		check(s)
		closeStore(t, s)
		check(open(t, dir, layout))
	})
}

func checkObject(t *testing.T, s *storage.Store, id index.ID, want []byte, upload bool) {
	t.Helper()
	o, err := s.OpenInstance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	r, size, err := o.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != size || !bytes.HasSuffix(want, b) || !upload && len(b) != len(want) {
		t.Errorf("data set of %d bytes differs from what was sent (%v)", len(b), err)
	}
	element := make([]byte, 6)
	if _, err := o.ReadAt(element, o.PixelDataAt); err != nil || string(element) != "\xe0\x7f\x10\x00OW" {
		t.Errorf("pixel data offset %d points at % x, %v", o.PixelDataAt, element, err)
	}
	if o.Syntax().UID != dicom.ExplicitVRLittleEndian || o.PixelDataVR != dicom.VROW || o.IndexInSeries != "7" ||
		o.SOPClassUID != dicom.CTImageStorage || o.Blob.Upload != upload {
		t.Errorf("row %+v", o.InstanceRow)
	}
	if err := o.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// The check value of the rule for public ids.
func TestPublicIDs(t *testing.T) {
	t.Parallel()
	if id := index.NewID("887").String(); id != "ca29faea-b6a0e17f-067743a1-8b778011-a48b2a17" {
		t.Errorf("id of patient 887: %s", id)
	}
	s := open(t, t.TempDir(), storage.LayoutMemory)
	o := ct("887", 1, 1, 1)
	o.patient = "887   "
	rs := put(t, s, o.received(t))
	p, st, se, in := index.IDs("887", o.study, o.series, o.sop)
	if rs.PatientID != p || rs.StudyID != st || rs.SeriesID != se || rs.InstanceID != in {
		t.Errorf("ids %+v", rs)
	}
	if in != index.NewID("887", o.study, o.series, o.sop) || p.String() != "ca29faea-b6a0e17f-067743a1-8b778011-a48b2a17" {
		t.Error("the ids of all levels at once differ from those one by one")
	}
	if back, err := index.ParseID(in.String()); err != nil || back != in {
		t.Errorf("parsed %v, %v", back, err)
	}
	for _, bad := range []string{"", "ca29faea", "ca29faea-b6a0e17f-067743a1-8b778011-a48b2a1g", "ca29faea:b6a0e17f-067743a1-8b778011-a48b2a17"} {
		if _, err := index.ParseID(bad); err == nil {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}

func TestPutRefusesWhatHasNoPlace(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutMemory)
	for name, c := range map[string]struct {
		change func(*object)
		tag    dicom.Tag
	}{
		"StudyInstanceUID":  {func(o *object) { o.study = "" }, dicom.TagStudyInstanceUID},
		"SeriesInstanceUID": {func(o *object) { o.series = " " }, dicom.TagSeriesInstanceUID},
		"SOPInstanceUID":    {func(o *object) { o.sop = "" }, dicom.TagSOPInstanceUID},
	} {
		o := ct("A", 1, 1, 1)
		c.change(&o)
		var bad *storage.BadObjectError
		if _, err := s.Put(t.Context(), o.upload(t)); !errors.As(err, &bad) || bad.Tag != c.tag || bad.Name != name {
			t.Errorf("without %s: %v", name, err)
		}
	}
	var bad *storage.BadObjectError
	_, err := s.Put(t.Context(), &storage.PutRequest{Data: bytes.NewReader([]byte("This is no DICOM file at all, nothing of it"))})
	if !errors.As(err, &bad) {
		t.Errorf("not DICOM: %v", err)
	}
	o := ct("A", 1, 1, 1)
	rq := o.received(t)
	rq.SOPInstanceUID = "1.2.3"
	var mismatch *storage.MismatchError
	if _, err := s.Put(t.Context(), rq); !errors.As(err, &mismatch) || mismatch.Tag != dicom.TagSOPInstanceUID {
		t.Errorf("another instance than announced: %v", err)
	}
	cut := errors.New("connection lost")
	rq = o.received(t)
	rq.Data = io.MultiReader(bytes.NewReader(o.dataset(t)[:700]), iotest.ErrReader(cut))
	if _, err := s.Put(t.Context(), rq); !errors.Is(err, cut) {
		t.Errorf("sender gone: %v", err)
	}
	if st := counts(t, s); st != (index.Statistics{}) {
		t.Errorf("something stayed: %+v", st)
	}
}

// A header longer than what lies in memory is read as the bytes go by.
func TestLongHeader(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), storage.LayoutMemory)
	o := ct("A", 1, 1, 1)
	o.extra = []dicom.Element{{Tag: 0x00091001, VR: dicom.VROB, Value: make([]byte, 200<<10)},
		{Tag: 0x00090010, VR: dicom.VRLO, Value: []byte("SOMEONE ")}}
	for _, rq := range []*storage.PutRequest{o.received(t), ct("B", 1, 1, 1).upload(t)} {
		rq.Data = iotest.HalfReader(rq.Data)
		rs := put(t, s, rq)
		checkPixels(t, s, rs.InstanceID)
	}
	got := stored(t, s, index.NewID("A", o.study, o.series, o.sop))
	if !bytes.HasSuffix(got, o.dataset(t)) {
		t.Error("the stored bytes differ")
	}
}

func checkPixels(t *testing.T, s *storage.Store, id index.ID) {
	t.Helper()
	o, err := s.OpenInstance(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	b := make([]byte, 4)
	if _, err := o.ReadAt(b, o.PixelDataAt); err != nil || string(b) != "\xe0\x7f\x10\x00" {
		t.Errorf("pixel data offset %d points at % x, %v", o.PixelDataAt, b, err)
	}
}

func TestOverwriteModes(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		for _, c := range []struct {
			mode          storage.Overwrite
			same, changed storage.PutStatus
		}{
			{storage.OverwriteNever, storage.AlreadyStored, storage.AlreadyStored},
			{storage.OverwriteAlways, storage.Replaced, storage.Replaced},
			{storage.OverwriteIfChanged, storage.AlreadyStored, storage.Replaced},
		} {
			s := open(t, t.TempDir(), layout, func(o *storage.Options) { o.Overwrite = c.mode })
			first, changed := ct("A", 1, 1, 1), ct("A", 1, 1, 1)
			changed.pixels = bytes.Repeat([]byte{3, 4}, 512)
			id := put(t, s, first.received(t)).InstanceID
			if rs := put(t, s, first.received(t)); rs.Status != c.same {
				t.Errorf("mode %d, same bytes: %v", c.mode, rs.Status)
			}
			if rs := put(t, s, changed.received(t)); rs.Status != c.changed {
				t.Errorf("mode %d, other bytes: %v", c.mode, rs.Status)
			}
			want := first
			if c.changed == storage.Replaced {
				want = changed
			}
			if !bytes.HasSuffix(stored(t, s, id), want.dataset(t)) {
				t.Errorf("mode %d: the wrong copy stayed", c.mode)
			}
			if st := counts(t, s); st.Instances != 1 {
				t.Errorf("mode %d: %d instances", c.mode, st.Instances)
			}
		}
	})
}

// Of racing copies of one instance one is stored, and every answer comes when that one is durable and findable.
func TestRacingCopies(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		s := open(t, t.TempDir(), layout)
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := map[storage.PutStatus]int{}
		rq := make([]*storage.PutRequest, 16)
		for i := range rq {
			rq[i] = ct("A", 1, 1, i%2).received(t)
		}
		for _, rq := range rq {
			wg.Go(func() {
				rs, err := s.Put(context.Background(), rq)
				if err != nil {
					t.Error(err)
					return
				}
				if o, err := s.OpenInstance(context.Background(), rs.InstanceID); err != nil {
					t.Error("answered and not findable:", err)
				} else if err := o.Close(); err != nil {
					t.Error(err)
				}
				mu.Lock()
				won[rs.Status]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if won[storage.Stored] != 2 || won[storage.AlreadyStored] != 14 {
			t.Errorf("outcomes %v", won)
		}
	})
}

func TestConcurrentPuts(t *testing.T) {
	t.Parallel()
	eachLayout(t, func(t *testing.T, layout string) {
		dir := t.TempDir()
		s := open(t, dir, layout)
		told := make(chan index.ID, 1000)
		cancel := s.Subscribe(func(n storage.NewInstance) { told <- n.InstanceID })
		var wg sync.WaitGroup
		for w := range 8 {
			rqs := make([]*storage.PutRequest, 20)
			for i := range rqs {
				rqs[i] = ct(fmt.Sprint("P", w), 1, i%3, i).received(t)
			}
			wg.Go(func() {
				for _, rq := range rqs {
					if _, err := s.Put(context.Background(), rq); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		cancel()
		put(t, s, ct("later", 1, 1, 1).received(t))
		if len(told) != 160 {
			t.Errorf("the feed told of %d instances", len(told))
		}
		want := index.Statistics{Patients: 9, Studies: 9, Series: 25, Instances: 161, Bytes: counts(t, s).Bytes, Plain: counts(t, s).Bytes}
		if st := counts(t, s); st != want {
			t.Errorf("%+v", st)
		}
		closeStore(t, s)
		if st := counts(t, open(t, dir, layout)); st != want {
			t.Errorf("after reopening: %+v", st)
		}
	})
}
