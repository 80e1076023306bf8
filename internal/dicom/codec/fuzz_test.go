package codec_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// fuzzLimits keep a single input cheap.
var fuzzLimits = codec.Limits{MaxValue: 1 << 20, MaxDepth: 32, MaxElements: 1 << 16, MaxInflated: 1 << 20, MaxMemory: 16 << 20}

var fuzzSyntaxes = []dicom.TransferSyntax{implicitLE, explicitLE, explicitBE, deflated, jpeg, {ImplicitVR: true, BigEndian: true}}

// seeds are data sets of every shape, valid and broken.
func seeds(tb testing.TB) map[string]dicom.TransferSyntax {
	tb.Helper()
	uid := short(0x00081155, "UI", "1.2\x00")
	all := map[string]dicom.TransferSyntax{
		head(0x00081140, "SQ", u) + itemOpen(uid) + item(uid) + seqEnd + short(0x00100020, "LO", "1"):            explicitLE,
		long(0x00081140, "SQ", item(uid+itemEnd)+seqEnd):                                                         explicitLE,
		head(0x00091001, "UN", u) + itemOpen(implicit(0x00081155, "1.2\x00")) + seqEnd:                           explicitLE,
		headBE(0x00091001, "UN", u) + item(implicit(0x00081155, "1.2\x00")) + seqEnd:                             explicitBE,
		head(0x7FE00010, "OB", u) + item("") + item("\xff\xd8") + seqEnd + long(0xFFFCFFFC, "OB", "\x00"):        jpeg,
		head(0x7FE00010, "OW", 8) + "abcde":                                                                      explicitLE,
		short(0x00091001, "??", "ab") + short(0x00091001, "OB", "abcd\xff\xff") + implicit(0x00080060, "CT"):     explicitLE,
		short(0x00080005, "CS", "ISO_IR 192") + strings.Repeat("\x00", 20):                                       explicitLE,
		bare(0x00091001, u) + itemOpen(bare(0x00091002, u)+itemOpen(implicit(0x00100020, "a"))+seqEnd) + seqEnd:  implicitLE,
		long(0x00081140, "SQ", item(uid+"abc")+"de") + seqEnd + itemEnd:                                          explicitLE,
		head(0x00081140, "SQ", 12) + item(uid) + head(0x00081140, "SQ", u) + bare(0xFFFEE000, 10) + uid + seqEnd: explicitLE,
		implicit(0x00081140, item(implicit(0x00081155, "1.2\x00"))) + short(0x00100020, "LO", "1"):               explicitLE,
		deflate(tb, inExplicit): deflated,
	}
	for _, ts := range fuzzSyntaxes[:5] {
		b, err := codec.Marshal(sampleSet(ts.Encapsulated), ts)
		if err != nil {
			tb.Fatal(err)
		}
		all[string(b)] = ts
	}
	return all
}

func syntaxIndex(ts dicom.TransferSyntax) uint8 {
	for i, s := range fuzzSyntaxes {
		if s == ts {
			return uint8(i)
		}
	}
	return 0
}

// No input makes the Reader panic, loop, or go beyond its limits; the ways to read agree.
func FuzzReader(f *testing.F) {
	for in, ts := range seeds(f) {
		f.Add([]byte(in), syntaxIndex(ts))
	}
	f.Fuzz(func(t *testing.T, in []byte, syntax uint8) {
		ts := fuzzSyntaxes[int(syntax)%len(fuzzSyntaxes)]
		memory := trace(codec.NewReaderBytes(in, ts, fuzzLimits))
		stream := trace(codec.NewReader(bytes.NewReader(in), ts, fuzzLimits))
		if memory != stream {
			t.Errorf("from memory\n%sfrom a stream\n%s", memory, stream)
		}
		if lines := strings.Count(memory, "\n"); lines > 2*len(in)+1<<16 && !ts.Deflated {
			t.Errorf("%d headers from %d bytes", lines, len(in))
		}
		ds, err := codec.Unmarshal(in, ts, fuzzLimits)
		if (err != nil) != strings.Contains(memory, "\nerror: ") && (err != nil) != strings.HasPrefix(memory, "error: ") {
			t.Errorf("Unmarshal: %v, walking\n%s", err, memory)
		}
		if err == nil {
			if _, err := codec.Marshal(ds, ts); err != nil {
				t.Errorf("what was read is not written: %v", err)
			}
		}
		skipAll(t, codec.NewReaderBytes(in, ts, fuzzLimits))
	})
}

func skipAll(t *testing.T, d *codec.Reader) {
	t.Helper()
	for {
		h, err := d.Next()
		if err != nil {
			return
		}
		if h.Depth != 0 {
			t.Fatalf("skipping everything leads to %+v", h)
		}
		if d.Skip() != nil {
			return
		}
	}
}

// What parses is written back as the same bytes.
func FuzzRoundTrip(f *testing.F) {
	for in, ts := range seeds(f) {
		f.Add([]byte(in), syntaxIndex(ts))
	}
	f.Fuzz(func(t *testing.T, in []byte, syntax uint8) {
		ts := fuzzSyntaxes[int(syntax)%len(fuzzSyntaxes)]
		if ts.Deflated {
			ts = explicitLE
		}
		var out bytes.Buffer
		w := codec.NewWriter(&out, ts)
		d := codec.NewReader(bytes.NewReader(in), ts, fuzzLimits)
		if err := codec.Copy(w, d); err != nil {
			if _, err := d.Next(); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("what the Reader takes the Writer refuses")
			}
			return
		}
		if err := w.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		if !bytes.Equal(out.Bytes(), in) {
			t.Errorf("read\n%x, written\n%x", in, out.Bytes())
		}
	})
}

// Any file is opened or refused, and what is opened is read to an end.
func FuzzOpenFile(f *testing.F) {
	for in, ts := range seeds(f) {
		f.Add([]byte(preamble + metaFor(ts.UID) + in))
		f.Add([]byte(in))
	}
	f.Add([]byte(preamble + withGroupLength(metaFor(dicom.ExplicitVRLittleEndian), 0) + inImplicit))
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := codec.OpenFile(bytes.NewReader(in), fuzzLimits)
		same, err2 := codec.OpenFileBytes(in, fuzzLimits)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("from a stream %v, from memory %v", err, err2)
		}
		codec.SniffDICOM(in)
		if err != nil {
			return
		}
		if file.TransferSyntax != same.TransferSyntax || file.DatasetOffset > int64(len(in)) {
			t.Errorf("%v at %d, from memory %v", file.TransferSyntax, file.DatasetOffset, same.TransferSyntax)
		}
		trace(file.Reader)
	})
}
