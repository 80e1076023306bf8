package codec_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/testkit"
)

// notOurs are the samples that OpenFile refuses, with the reason. DCMTK refuses them as well.
var notOurs = map[string]string{
	"no_meta.dcm":          "a byte too many stands before the first element",
	"rtplan_truncated.dcm": "ends inside a value that is not pixel data",
}

// forSamples calls fn in parallel for each DICOM file among the samples that we read.
func forSamples(t *testing.T, fn func(t *testing.T, path string, data []byte)) {
	t.Helper()
	root := testkit.Samples(t)
	gate := make(chan struct{}, 4)
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil || notOurs[d.Name()] != "" || !codec.SniffDICOM(data[:min(len(data), 1024)]) {
			return err
		}
		n++
		name, _ := filepath.Rel(root, path)
		t.Run(filepath.ToSlash(name), func(t *testing.T) {
			t.Parallel()
			gate <- struct{}{}
			defer func() { <-gate }()
			fn(t, path, data)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 180 {
		t.Errorf("only %d samples recognised as DICOM", n)
	}
}

// inflate returns a data set as it is read: inflated if it is deflated.
func inflate(t *testing.T, dataset []byte, ts dicom.TransferSyntax) []byte {
	t.Helper()
	if !ts.Deflated {
		return dataset
	}
	plain := rewrite(t, codec.NewReaderBytes(dataset, ts, codec.Limits{}), dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	return plain
}

// rewrite copies all of a Reader through a Writer.
func rewrite(t *testing.T, d *codec.Reader, ts dicom.TransferSyntax) []byte {
	t.Helper()
	var out bytes.Buffer
	w := codec.NewWriter(&out, ts)
	if err := codec.Copy(w, d); err != nil {
		t.Fatalf("copy: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	return out.Bytes()
}

// What is rewritten unchanged is byte-identical, read from memory or from a stream in small pieces.
func TestSamplesRewriteIdentically(t *testing.T) {
	t.Parallel()
	forSamples(t, func(t *testing.T, _ string, data []byte) {
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		want := data[f.DatasetOffset:]
		got := rewrite(t, f.Reader, f.TransferSyntax)
		if f.TransferSyntax.Deflated {
			got, want = inflate(t, got, f.TransferSyntax), inflate(t, want, f.TransferSyntax)
			if len(want) < 1000 {
				t.Fatalf("inflated to %d bytes only", len(want))
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("rewritten data set differs: %d bytes, read %d", len(got), len(want))
		}

		s, err := codec.OpenFile(iotest.HalfReader(bytes.NewReader(data)), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if s.TransferSyntax != f.TransferSyntax || s.DatasetOffset != f.DatasetOffset || s.Preamble != f.Preamble {
			t.Errorf("from a stream %v at %d, from memory %v at %d", s.TransferSyntax, s.DatasetOffset, f.TransferSyntax, f.DatasetOffset)
		}
		again := inflate(t, rewrite(t, s.Reader, s.TransferSyntax), s.TransferSyntax)
		if !bytes.Equal(again, want) {
			t.Errorf("rewritten from a stream the data set differs")
		}
	})
}

// The headers from memory and from a stream are the same, and skipping containers leads to the same elements.
func TestSamplesSkip(t *testing.T) {
	t.Parallel()
	forSamples(t, func(t *testing.T, _ string, data []byte) {
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := codec.OpenFile(iotest.OneByteReader(bytes.NewReader(data)), codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			want := nextTop(t, f.Reader)
			got, err := s.Next()
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if got != want {
				t.Fatalf("after Skip %+v, walking %+v", got, want)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err := s.Skip(); err != nil {
				t.Fatal(err)
			}
		}
		if s.Truncated() && !f.Truncated() { // what is skipped is not looked into
			t.Error("truncated by skipping, not by walking")
		}
	})
}

// nextTop walks to the next header that lies in no sequence and is no end; the zero Header at the end.
func nextTop(t *testing.T, d *codec.Reader) codec.Header {
	t.Helper()
	for {
		h, err := d.Next()
		if errors.Is(err, io.EOF) {
			return codec.Header{}
		}
		if err != nil {
			t.Fatal(err)
		}
		switch h.Kind {
		case codec.KindSequenceEnd, codec.KindFragmentsEnd:
			continue
		}
		if h.Depth == 0 {
			return h
		}
	}
}

func TestSamplesThatAreRefused(t *testing.T) {
	t.Parallel()
	root := testkit.Samples(t)
	for name, why := range notOurs {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err == nil {
			_, err = f.Dataset()
		}
		if err == nil {
			t.Errorf("%s is read, though it %s", name, why)
		}
	}
}
