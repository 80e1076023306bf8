package codec_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/testkit"
)

// natives are the transfer syntaxes that Convert knows beside Deflated, with dcmconv's options for them.
var natives = []struct {
	uid    dicom.UID
	option string
}{
	{dicom.ImplicitVRLittleEndian, "+ti"},
	{dicom.ExplicitVRLittleEndian, "+te"},
	{dicom.ExplicitVRBigEndian, "+tb"},
}

// DCMTK's dcmconv makes the same elements and values of the native samples.
func TestConvertAgainstDCMTK(t *testing.T) {
	t.Parallel()
	dcmconv, dcmdump := testkit.Program(t, "dcmconv"), testkit.Program(t, "dcmdump")
	forNatives(t, func(t *testing.T, path string, dataset []byte, from dicom.TransferSyntax) {
		if why := dcmdumpRefuses[filepath.Base(path)]; why != "" {
			return // dcmconv, too
		}
		for _, to := range natives {
			theirs, ours := filepath.Join(t.TempDir(), "theirs"), filepath.Join(t.TempDir(), "ours")
			if out, err := exec.CommandContext(t.Context(), dcmconv, "-q", "-g", "-e", to.option, path, theirs).CombinedOutput(); err != nil {
				t.Fatalf("dcmconv %s: %s", to.option, out)
			}
			meta := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: "1.2", SOPInstanceUID: "1.2.3", TransferSyntaxUID: to.uid})
			if err := os.WriteFile(ours, append(meta, convert(t, dataset, from, to.uid)...), 0o600); err != nil {
				t.Fatal(err)
			}
			compareLines(t, to.option, elements(t, dcmdump, ours), elements(t, dcmdump, theirs))
		}
	})
}

// forNatives calls fn for each sample, but for those in folders of their own, whose pixel data, if any, is not compressed.
func forNatives(t *testing.T, fn func(t *testing.T, path string, dataset []byte, from dicom.TransferSyntax)) {
	t.Helper()
	forSamples(t, func(t *testing.T, path string, data []byte) {
		f, err := codec.OpenFileBytes(data, codec.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		explicit := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
		whole := filepath.Base(path) != "MR_truncated.dcm"
		if whole && codec.Convertible(f.TransferSyntax, explicit) && filepath.Dir(path) == testkit.Samples(t) {
			fn(t, path, data[f.DatasetOffset:], f.TransferSyntax)
		}
	})
}

func convert(t *testing.T, dataset []byte, from dicom.TransferSyntax, to dicom.UID) []byte {
	t.Helper()
	r := codec.Convert(iotest.HalfReader(bytes.NewReader(dataset)), from, dicom.LookupTransferSyntax(to), codec.Limits{})
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s to %s: %v", from.UID, to, err)
	}
	return b
}

// What is known of an element in Explicit VR Little Endian survives the way through the other explicit ones.
func TestConvertThereAndBack(t *testing.T) {
	t.Parallel()
	forNatives(t, func(t *testing.T, _ string, dataset []byte, from dicom.TransferSyntax) {
		want := convert(t, dataset, from, dicom.ExplicitVRLittleEndian)
		for _, by := range []dicom.UID{dicom.ExplicitVRBigEndian, dicom.DeflatedExplicitVRLittleEndian} {
			there := convert(t, dataset, from, by)
			if back := convert(t, there, dicom.LookupTransferSyntax(by), dicom.ExplicitVRLittleEndian); !bytes.Equal(back, want) {
				t.Errorf("by %s: %d bytes, want %d", by, len(back), len(want))
			}
		}
	})
}

func TestConvert(t *testing.T) {
	t.Parallel()
	const (
		implicit = dicom.ImplicitVRLittleEndian
		explicit = dicom.ExplicitVRLittleEndian
		big      = dicom.ExplicitVRBigEndian
	)
	for name, x := range map[string]struct {
		from, to dicom.UID
		in, out  string
	}{
		"group lengths go": {explicit, implicit, "\x08\x00\x00\x00UL\x04\x00\x01\x00\x00\x00", ""},
		"padding at the end goes": {explicit, explicit,
			"\x10\x00\x10\x00PN\x02\x00A " + strings.Repeat("\x00", 12), "\x10\x00\x10\x00PN\x02\x00A "},
		"odd lengths (PS3.5 6.2)": {implicit, explicit, "\x10\x00\x10\x00\x03\x00\x00\x00A^B", "\x10\x00\x10\x00PN\x04\x00A^B "},
		"US or SS, unsigned (PS3.3 C.7.6.3.1)": {implicit, big,
			"\x28\x00\x03\x01\x02\x00\x00\x00\x00\x00\x28\x00\x06\x01\x02\x00\x00\x00\x01\x02", "\x00\x28\x01\x03US\x00\x02\x00\x00\x00\x28\x01\x06US\x00\x02\x02\x01"},
		"US or SS, signed": {implicit, explicit,
			"\x28\x00\x03\x01\x02\x00\x00\x00\x01\x00\x28\x00\x06\x01\x02\x00\x00\x00\x01\x02", "\x28\x00\x03\x01US\x02\x00\x01\x00\x28\x00\x06\x01SS\x02\x00\x01\x02"},
		"pixel data of bytes has no byte order": {big, implicit,
			"\x7f\xe0\x00\x10OB\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04", "\xe0\x7f\x10\x00\x04\x00\x00\x00\x01\x02\x03\x04"},
		"pixel data of words has one": {big, implicit,
			"\x7f\xe0\x00\x10OW\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04", "\xe0\x7f\x10\x00\x04\x00\x00\x00\x02\x01\x04\x03"},
		"UN stays (PS3.5 6.2.2)": {big, explicit,
			"\x00\x09\x10\x01UN\x00\x00\x00\x00\x00\x02\x01\x02", "\x09\x00\x01\x10UN\x00\x00\x02\x00\x00\x00\x01\x02"},
		"a sequence in UN stays implicit": {big, explicit,
			"\x00\x09\x10\x01UN\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x0a\x00\x00\x00\x28\x00\x03\x01\x02\x00\x00\x00\x01\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00",
			"\x09\x00\x01\x10UN\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff\x28\x00\x03\x01\x02\x00\x00\x00\x01\x00" +
				"\xfe\xff\x0d\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := convert(t, []byte(x.in), dicom.LookupTransferSyntax(x.from), x.to); string(got) != x.out {
				t.Errorf("got  %q\nwant %q", got, x.out)
			}
		})
	}
}

// Compressed pixel data, whether the transfer syntax tells or not, and data that break off are refused.
func TestConvertRefuses(t *testing.T) {
	t.Parallel()
	fragments := "\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x00\x00\x00\x00\xfe\xff\xdd\xe0\x00\x00\x00\x00"
	for _, from := range []dicom.UID{dicom.JPEGBaseline8Bit, dicom.ExplicitVRLittleEndian} {
		r := codec.Convert(strings.NewReader(fragments), dicom.LookupTransferSyntax(from), dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian), codec.Limits{})
		if _, err := io.ReadAll(r); !errors.Is(err, codec.ErrEncapsulated) {
			t.Errorf("%s: %v", from, err)
		}
	}
	r := codec.Convert(strings.NewReader("\x10\x00\x10\x00PN\x08\x00A^B"), dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian),
		dicom.LookupTransferSyntax(dicom.ImplicitVRLittleEndian), codec.Limits{})
	var syntax *codec.SyntaxError
	if _, err := io.ReadAll(r); !errors.As(err, &syntax) {
		t.Errorf("cut off: %v", err)
	}
	r = codec.Convert(strings.NewReader("\xe0\x7f\x10\x00OW\x00\x00\x08\x00\x00\x00^B"), dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian),
		dicom.LookupTransferSyntax(dicom.ExplicitVRBigEndian), codec.Limits{})
	if _, err := io.ReadAll(r); !errors.As(err, &syntax) {
		t.Errorf("pixel data cut off: %v", err)
	}
}

// elements are the lines of dcmdump about the data set.
func elements(t *testing.T, dcmdump, path string) (lines []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), dcmdump, "-q", "+L", "+Qo", path).Output()
	if err != nil {
		t.Fatalf("dcmdump %s: %v", path, err)
	}
	for line := range strings.Lines(string(out)) {
		if text := strings.TrimSpace(line); strings.HasPrefix(text, "(") && !strings.HasPrefix(text, "(0002,") {
			lines = append(lines, text)
		}
	}
	return lines
}

func compareLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: line %d is\n%.300s, by dcmconv it is\n%.300s", what, i, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d lines, by dcmconv %d", what, len(got), len(want))
	}
}
