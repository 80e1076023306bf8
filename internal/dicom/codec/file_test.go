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

var preamble = strings.Repeat("\x00", 128) + "DICM"

// metaFor is file meta information without a group length.
func metaFor(ts dicom.UID) string {
	uid := string(ts)
	if len(uid)%2 == 1 {
		uid += "\x00"
	}
	return long(0x00020001, "OB", "\x00\x01") + short(0x00020010, "UI", uid)
}

func withGroupLength(meta string, off int) string {
	return short(0x00020000, "UL", u32LE(len(meta)+off)) + meta
}

// some data set, in three encodings
var (
	inExplicit = short(0x00080005, "CS", "ISO_IR 100") + short(0x00080016, "UI", "1.2.3\x00") + short(0x00100020, "LO", "1 ")
	inImplicit = implicit(0x00080005, "ISO_IR 100") + implicit(0x00080016, "1.2.3\x00") + implicit(0x00100020, "1 ")
	inBig      = shortBE(0x00080005, "CS", "ISO_IR 100") + shortBE(0x00080016, "UI", "1.2.3\x00") + shortBE(0x00100020, "LO", "1 ")
)

func deflate(tb testing.TB, in string) string {
	tb.Helper()
	var out bytes.Buffer
	w := codec.NewWriter(&out, deflated)
	if err := codec.Copy(w, codec.NewReaderBytes([]byte(in), explicitLE, codec.Limits{})); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// Files as PS3.10 7.1 has them, and as they are.
func TestOpenFile(t *testing.T) {
	t.Parallel()
	explicit, implicitVR, big := dicom.ExplicitVRLittleEndian, dicom.ImplicitVRLittleEndian, dicom.ExplicitVRBigEndian
	private := dicom.UID("1.2.3.4")
	for _, c := range []struct {
		name, before, dataset string
		want                  dicom.TransferSyntax
	}{
		{"explicit VR", preamble + withGroupLength(metaFor(explicit), 0), inExplicit, explicitLE},
		{"implicit VR", preamble + withGroupLength(metaFor(implicitVR), 0), inImplicit, implicitLE},
		{"big endian", preamble + withGroupLength(metaFor(big), 0), inBig, explicitBE},
		{"deflated", preamble + withGroupLength(metaFor(deflated.UID), 0), deflate(t, inExplicit), deflated},
		{"encapsulated", preamble + withGroupLength(metaFor(jpeg.UID), 0), inExplicit, jpeg},
		{"unknown transfer syntax", preamble + withGroupLength(metaFor(private), 0), inExplicit, dicom.LookupTransferSyntax(private)},
		{"no group length", preamble + metaFor(explicit), inExplicit, explicitLE},
		{"group length too small", preamble + withGroupLength(metaFor(explicit), -10), inExplicit, explicitLE},
		{"group length too large", preamble + withGroupLength(metaFor(explicit), 100), inExplicit, explicitLE},
		{"no preamble but DICM", "DICM" + metaFor(explicit), inExplicit, explicitLE},
		{"no preamble", metaFor(implicitVR), inImplicit, implicitLE},
		{"file meta information in implicit VR", preamble + implicit(0x00020010, "1.2.840.10008.1.2\x00"), inImplicit, implicitLE},
		{"no file meta information", preamble, inExplicit, explicitLE},
		{"nothing but explicit VR", "", inExplicit, explicitLE},
		{"nothing but implicit VR", "", inImplicit, implicitLE},
		{"nothing but big endian", "", inBig, explicitBE},
		{"no transfer syntax, deflated", preamble + long(0x00020001, "OB", "\x00\x01"), deflate(t, inExplicit), deflated},
		{"no transfer syntax, implicit VR", preamble + long(0x00020001, "OB", "\x00\x01"), inImplicit, implicitLE},
		{"explicit declared, is implicit", preamble + metaFor(explicit), inImplicit, implicitLE},
		{"implicit declared, is explicit", preamble + metaFor(implicitVR), inExplicit, explicitLE},
		{"little endian declared, is big", preamble + metaFor(explicit), inBig, explicitBE},
		{"big endian declared, is little", preamble + metaFor(big), inExplicit, explicitLE},
		{"deflated declared, is not", preamble + metaFor(deflated.UID), inExplicit, explicitLE},
		{"explicit declared, is deflated", preamble + metaFor(explicit), deflate(t, inExplicit), deflated},
		{"JPEG declared, is implicit", preamble + metaFor(jpeg.UID), inImplicit,
			dicom.TransferSyntax{UID: jpeg.UID, ImplicitVR: true, Encapsulated: true}},
		{"an unknown VR first is no contradiction", preamble + metaFor(explicit), short(0x00080016, "??", "1.2.3\x00") + short(0x00100020, "LO", "1 "), explicitLE},
		{"empty data set", preamble + metaFor(explicit), "", explicitLE},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := codec.OpenFile(strings.NewReader(c.before+c.dataset), codec.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if f.TransferSyntax != c.want || f.DatasetOffset != int64(len(c.before)) || f.Preamble != strings.HasPrefix(c.before, preamble) {
				t.Errorf("%+v at %d, preamble %v; want %+v at %d", f.TransferSyntax, f.DatasetOffset, f.Preamble, c.want, len(c.before))
			}
			ds, err := f.Dataset()
			if err != nil || c.dataset != "" && ds.String(dicom.TagPatientID) != "1" {
				t.Errorf("patient id %q, %v", ds.String(dicom.TagPatientID), err)
			}
		})
	}
}

func TestOpenFileRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "x", "PK\x03\x04 some archive or other", strings.Repeat("text ", 100), "\x1f\x8b\x08\x08gzip......"} {
		if _, err := codec.OpenFile(strings.NewReader(in), codec.Limits{}); !errors.Is(err, codec.ErrNotDICOM) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
	large := preamble + head(0x00020102, "OB", 5<<20)
	if _, err := codec.OpenFile(io.MultiReader(strings.NewReader(large), io.LimitReader(zeroReader{}, 5<<20)), codec.Limits{}); err == nil {
		t.Error("file meta information of 5 MiB is read")
	} else if _, ok := errors.AsType[*codec.LimitError](err); !ok {
		t.Errorf("file meta information of 5 MiB: %v", err)
	}
	cut := preamble + metaFor(dicom.ExplicitVRLittleEndian)
	if _, err := codec.OpenFile(strings.NewReader(cut[:len(cut)-5]), codec.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("file meta information cut off: %v", err)
	}
}

func TestSniffDICOM(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, head string
		want       bool
	}{
		{"preamble", preamble, true},
		{"preamble of another format", "II*\x00" + preamble[4:], true},
		{"no preamble, file meta information", metaFor(dicom.ExplicitVRLittleEndian) + inExplicit, true},
		{"no preamble, explicit VR", inExplicit, true},
		{"no preamble, implicit VR", inImplicit, true},
		{"no preamble, big endian", inBig, true},
		{"nothing", "", false},
		{"zeros", strings.Repeat("\x00", 1024), false},
		{"text", strings.Repeat("Lorem ipsum ", 80), false},
		{"JSON", `{"00080018": {"vr": "UI"}}`, false},
		{"PNG", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00\x00\x00\x01\x00", false},
		{"ELF", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x3e\x00", false},
		{"small numbers", "\x08\x00\x05\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00", false},
	} {
		if got := codec.SniffDICOM([]byte(c.head)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestEncodeFileMeta(t *testing.T) {
	t.Parallel()
	b := codec.EncodeFileMeta(codec.MetaInfo{
		SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: "1.2.3", TransferSyntaxUID: dicom.ExplicitVRLittleEndian, SourceAET: "STORESCU",
	})
	content := long(0x00020001, "OB", "\x00\x01") + short(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.2\x00") + short(0x00020003, "UI", "1.2.3\x00") +
		short(0x00020010, "UI", "1.2.840.10008.1.2.1\x00") + short(0x00020012, "UI", string(codec.ImplementationClassUID)) +
		short(0x00020013, "SH", "GANTRY_0_1") + short(0x00020016, "AE", "STORESCU")
	if want := preamble + withGroupLength(content, 0); string(b) != want {
		t.Fatalf("got\n%x, want\n%x", b[132:], want[132:])
	}
	f, err := codec.OpenFileBytes(append(b, inExplicit...), codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Meta.UID(dicom.TagMediaStorageSOPInstanceUID) != "1.2.3" || f.TransferSyntax != explicitLE || f.DatasetOffset != int64(len(b)) {
		t.Errorf("read back %v at %d", f.TransferSyntax, f.DatasetOffset)
	}
	if !codec.ImplementationClassUID.Valid() || len(codec.ImplementationVersionName) > 16 {
		t.Error("our own implementation names break PS3.7 D.3.3.2")
	}
	other := codec.EncodeFileMeta(codec.MetaInfo{ImplementationClassUID: "1.2", TransferSyntaxUID: dicom.ImplicitVRLittleEndian})
	if strings.Contains(string(other), codec.ImplementationVersionName) {
		t.Error("our version name goes with another's class UID")
	}
}
