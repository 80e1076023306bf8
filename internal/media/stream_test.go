package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/media"
	"gantry/internal/storage"
	"gantry/internal/storage/index"
	"gantry/internal/testkit"
	"gantry/internal/tools/phantom"
)

// putSeries stores n images of an edge and returns the resource of their study.
func putSeries(t *testing.T, s *storage.Store, n, side int) (study index.Resource, instances []index.ID) {
	t.Helper()
	for i := range n {
		r := putImage(t, s, phantom.Image{Study: "1.7", Series: "1.7.1", Instance: uid(fmt.Sprintf("1.7.1.%d", i)), Number: i + 1, Side: side})
		study, instances = index.Resource{Level: index.Study, ID: r.StudyID}, append(instances, r.InstanceID)
	}
	return study, instances
}

// An instance that is deleted before its turn is left out, as if it had been deleted before the archive was asked for.
func TestDeletedBeforeItsTurn(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	study, instances := putSeries(t, s, 3, 64)
	p := plan(t, s, false, study)
	if _, err := s.Delete(t.Context(), index.Instance, instances[1]); err != nil {
		t.Fatal(err)
	}
	for _, medium := range []bool{false, true} {
		var b bytes.Buffer
		progress, err := media.Write(t.Context(), &b, s, p, media.Options{Media: medium})
		files := testkit.Unzip(t, b.Bytes())
		delete(files, "DICOMDIR")
		if err != nil || progress.Skipped != 1 || len(files) != 2 {
			t.Errorf("medium %v: %+v, %d files, %v", medium, progress, len(files), err)
		}
	}
}

func TestUnknownResource(t *testing.T) {
	t.Parallel()
	if _, err := media.NewPlan(t.Context(), openStore(t), []index.Resource{{ID: index.NewID("nobody")}}, false); !errors.Is(err, index.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestInstanceNamedTwiceIsThereOnce(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	study, instances := putSeries(t, s, 2, 16)
	p := plan(t, s, false, study, study, index.Resource{Level: index.Instance, ID: instances[0]})
	if p.Instances != 2 {
		t.Errorf("%d instances", p.Instances)
	}
	if p := plan(t, s, false, index.Resource{Level: index.Instance, ID: instances[0]}); p.Instances != 1 {
		t.Errorf("one instance alone: %d", p.Instances)
	}
}

func TestTranscodeToAnotherNativeSyntax(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	study, instances := putSeries(t, s, 2, 700) // more than a block
	for _, to := range []dicom.UID{dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian, dicom.DeflatedExplicitVRLittleEndian,
		dicom.ExplicitVRLittleEndian} {
		var b bytes.Buffer
		p := plan(t, s, false, study)
		if err := p.CheckTranscode(t.Context(), s, to); err != nil {
			t.Fatal(err)
		}
		if _, err := media.Write(t.Context(), &b, s, p, media.Options{Transcode: to}); err != nil {
			t.Fatal(err)
		}
		for name, file := range testkit.Unzip(t, b.Bytes()) {
			f, err := codec.OpenFileBytes(file, codec.DefaultLimits())
			if err != nil || f.TransferSyntax.UID != to {
				t.Fatalf("%s: %v, %v", name, f, err)
			}
			ds, err := f.Dataset()
			if err != nil || ds.String(dicom.TagStudyInstanceUID) != "1.7" || len(ds.Get(dicom.TagPixelData).Value) != 700*700*2 {
				t.Errorf("%s in %s: %v", name, to, err)
			}
		}
	}
	var refused *media.TranscodeError
	if err := plan(t, s, false, study).CheckTranscode(t.Context(), s, dicom.JPEG2000); !errors.As(err, &refused) || refused.From != dicom.ExplicitVRLittleEndian {
		t.Errorf("JPEG 2000: %v", err)
	}
	_ = instances
}

// Compressed objects are stored as they are where compressing them again does not pay.
func TestCompressedObjectsAreStored(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	putFolder(t, s, testkit.Samples(t)+"/examples_jpeg2k.dcm")
	archive := write(t, s, media.Options{})
	if method := archive[8]; method != 0 {
		t.Errorf("method %d of a JPEG 2000 object", method)
	}
}

// stuck is a receiver that takes nothing until it is let go.
type stuck struct{ began, leave chan struct{} }

func (w *stuck) Write(p []byte) (int, error) {
	select {
	case <-w.began:
	default:
		close(w.began)
	}
	<-w.leave
	return 0, io.ErrClosedPipe
}

// A receiver that stands still holds few blocks, and lets others have the budget's.
func TestReceiverThatStandsStill(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	study, _ := putSeries(t, s, 40, 512)
	budget := media.NewBudget(1)
	var all []chan error
	receivers := make([]*stuck, 3)
	for i := range receivers {
		receivers[i] = &stuck{make(chan struct{}), make(chan struct{})}
		done := make(chan error, 1)
		all = append(all, done)
		go func() {
			_, err := media.Write(context.Background(), receivers[i], s, plan(t, s, false, study), media.Options{Budget: budget})
			done <- err
		}()
		<-receivers[i].began
	}
	var b bytes.Buffer
	if _, err := media.Write(t.Context(), &b, s, plan(t, s, false, study), media.Options{Budget: budget}); err != nil {
		t.Fatal(err)
	}
	if n := len(testkit.Unzip(t, b.Bytes())); n != 40 {
		t.Errorf("%d files beside receivers that stand still", n)
	}
	for i, r := range receivers {
		close(r.leave)
		if err := <-all[i]; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the receiver that gave up: %v", err)
		}
	}
}

func TestCancelEndsAnArchive(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	study, _ := putSeries(t, s, 20, 512)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	var b bytes.Buffer
	_, err := media.Write(ctx, &b, s, plan(t, s, false, study), media.Options{Progress: func(media.Progress) { cancel(reason) }})
	if !errors.Is(err, reason) || strings.Contains(b.String(), "PK\x05\x06") {
		t.Errorf("%v; the end is there: %v", err, strings.Contains(b.String(), "PK\x05\x06"))
	}
}
