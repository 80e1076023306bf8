package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/testkit"
)

func TestFindTellsFilesByContent(t *testing.T) {
	t.Parallel()
	samples := testkit.Samples(t)
	dir := t.TempDir()
	copyFile(t, filepath.Join(samples, "CT_small.dcm"), filepath.Join(dir, "sub", "image.txt"))
	copyFile(t, filepath.Join(samples, "ExplVR_LitEndNoMeta.dcm"), filepath.Join(dir, "nometa"))
	copyFile(t, filepath.Join(samples, "MR_truncated.dcm"), filepath.Join(dir, "cut.dcm"))
	copyFile(t, filepath.Join(samples, "dicomdirtests", "DICOMDIR"), filepath.Join(dir, "DICOMDIR"))
	for name, text := range map[string]string{"note.dcm": "not DICOM at all", "empty.dcm": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := find(context.Background(), new(clientOptions), []string{dir, filepath.Join(dir, "note.dcm"), filepath.Join(dir, "none")})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.objects) != 2 || len(f.foreign) != 3 || len(f.damaged) != 1 || len(f.unusable) != 2 {
		t.Fatalf("objects %v\nforeign %v\ndamaged %v\nunusable %v", f.objects, f.foreign, f.damaged, f.unusable)
	}
	if !strings.Contains(f.damaged[0].Reason, "truncated") {
		t.Errorf("damaged: %s", f.damaged[0].Reason)
	}
	ct := f.objects[1]
	if ct.class != dicom.CTImageStorage || ct.instance != "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322" || ct.study == "" || ct.series == "" {
		t.Errorf("%+v", ct)
	}
}

// Every sample that can be sent gives the bytes of its data set.
func TestObjectsOfSamples(t *testing.T) {
	t.Parallel()
	f, err := find(context.Background(), new(clientOptions), []string{testkit.Samples(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.objects) < 120 {
		t.Errorf("%d objects only; damaged %v", len(f.objects), f.damaged)
	}
	for i := range f.objects {
		o := &f.objects[i]
		whole, err := os.ReadFile(o.path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := o.open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil || int64(len(body)) != o.size || !bytes.HasSuffix(whole, body) {
			t.Errorf("%s: %v", o.path, err)
		}
	}
}

// What is converted to implicit VR says the same as before.
func TestConversionToImplicitVR(t *testing.T) {
	t.Parallel()
	f, err := find(context.Background(), new(clientOptions), []string{testkit.Samples(t)})
	if err != nil {
		t.Fatal(err)
	}
	converted := 0
	for i := range f.objects {
		o := &f.objects[i]
		if !o.convertible() || o.syntax.ImplicitVR || o.syntax.BigEndian || o.size > 1<<20 {
			continue
		}
		converted++
		r, err := o.open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(convert(r, o.syntax))
		if err != nil {
			t.Errorf("%s: %v", o.path, err)
			continue
		}
		r, err = o.open()
		if err != nil {
			t.Fatal(err)
		}
		before, after := values(t, r, o.syntax), values(t, bytes.NewReader(got), dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian))
		if before != after {
			t.Errorf("%s differs after conversion\n%.2000s\n%.2000s", o.path, before, after)
		}
		_ = r.Close()
	}
	if converted < 20 {
		t.Errorf("%d files converted", converted)
	}
}

// values lists tags and values of a data set.
func values(t *testing.T, r io.Reader, ts dicom.TransferSyntax) string {
	t.Helper()
	var b strings.Builder
	reader := codec.NewReader(r, ts, codec.DefaultLimits())
	for {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Error(err)
			return b.String()
		}
		if h.Kind == codec.KindPadding || h.Kind == codec.KindElement && h.Tag.Element() == 0 { // group lengths change
			continue
		}
		b.WriteString(h.Kind.String() + " " + h.Tag.String())
		if h.Kind == codec.KindElement {
			v, err := reader.Value()
			if err != nil {
				t.Error(err)
			}
			b.Write(v)
		}
		b.WriteByte('\n')
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		testkit.Missing(t, from)
	}
	if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o777), os.WriteFile(to, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}
