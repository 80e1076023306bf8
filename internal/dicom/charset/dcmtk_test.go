package charset_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/charset"
	"gantry/internal/dicom/codec"
	"gantry/internal/testkit"
)

// TestSamplesAgreeWithDCMTK has dcmconv turn the samples into UTF-8 and compares all text.
func TestSamplesAgreeWithDCMTK(t *testing.T) {
	t.Parallel()
	dcmtk := testkit.NewestDCMTK(t)
	files, err := filepath.Glob(filepath.Join(testkit.Samples(t), "charset", "*.dcm"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	dir := testkit.SharedDir(t)
	compared := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file)
		theirs, err := toUTF8(t, dcmtk, dir, name, b)
		if strings.HasPrefix(name, "chrSQEncoding") {
			if err == nil {
				t.Errorf("%s: dcmconv reads it now: compare it too", name)
			}
			continue // ESC ( B is not declared there; TestNestedCharacterSets has it
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want, got := texts(t, theirs), texts(t, b)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s:\n%q, dcmconv has\n%q", name, got, want)
		}
		compared += len(want)
	}
	t.Logf("%d texts of %d files compared", compared, len(files))
}

// TestNestedCharacterSets reads items that have a Specific Character Set of their own, or their data set's (PS3.3 C.12.1.1.2).
func TestNestedCharacterSets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"chrSQEncoding.dcm", "chrSQEncoding1.dcm"} {
		b, err := os.ReadFile(filepath.Join(testkit.Samples(t), "charset", name))
		if err != nil {
			t.Fatal(err)
		}
		const want = "(0010,0010) ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"
		if got := texts(t, b); !slices.Contains(got, want) {
			t.Errorf("%s: %q, want %q among them", name, got, want)
		}
	}
}

// TestCodesAgreeWithDCMTK compares every code of every set that DCMTK knows.
func TestCodesAgreeWithDCMTK(t *testing.T) {
	t.Parallel()
	dcmtk := testkit.NewestDCMTK(t)
	dir := testkit.SharedDir(t)
	for _, c := range []struct{ specific, prefix string }{
		{"ISO_IR 100", ""}, {"ISO_IR 101", ""}, {"ISO_IR 109", ""}, {"ISO_IR 110", ""}, {"ISO_IR 144", ""}, {"ISO_IR 127", ""},
		{"ISO_IR 126", ""}, {"ISO_IR 138", ""}, {"ISO_IR 148", ""}, {"ISO_IR 13", ""}, {"ISO_IR 166", ""},
		{"ISO_IR 203", ""},
		{`ISO 2022 IR 6\ISO 2022 IR 100`, "\x1b-A"}, {`ISO 2022 IR 6\ISO 2022 IR 101`, "\x1b-B"}, {`ISO 2022 IR 6\ISO 2022 IR 109`, "\x1b-C"},
		{`ISO 2022 IR 6\ISO 2022 IR 110`, "\x1b-D"}, {`ISO 2022 IR 6\ISO 2022 IR 144`, "\x1b-L"}, {`ISO 2022 IR 6\ISO 2022 IR 127`, "\x1b-G"},
		{`ISO 2022 IR 6\ISO 2022 IR 126`, "\x1b-F"}, {`ISO 2022 IR 6\ISO 2022 IR 138`, "\x1b-H"}, {`ISO 2022 IR 6\ISO 2022 IR 148`, "\x1b-M"},
		{`ISO 2022 IR 6\ISO 2022 IR 166`, "\x1b-T"}, {`ISO 2022 IR 6\ISO 2022 IR 13`, "\x1b)I"}, {`ISO 2022 IR 6\ISO 2022 IR 203`, "\x1b-b"},
	} {
		d, err := charset.New(strings.Split(c.specific, `\`))
		if err != nil {
			t.Fatal(err)
		}
		text := []byte(c.prefix)
		for code := 0xA1; code <= 0xFF; code++ {
			if !strings.Contains(d.Decode(append([]byte(c.prefix), byte(code)), dicom.VRLT), "\uFFFD") {
				text = append(text, byte(code))
			}
		}
		sameText(t, dcmtk, dir, c.specific, text)
	}
}

// TestTwoByteCodesAgreeWithDCMTK compares every tenth row of the sets with two bytes to a character.
func TestTwoByteCodesAgreeWithDCMTK(t *testing.T) {
	t.Parallel()
	dcmtk := testkit.NewestDCMTK(t)
	dir := testkit.SharedDir(t)
	for _, c := range []struct {
		specific, prefix string
		high             byte
		rows             []byte // without those where one table has more codes than the other
	}{
		{`ISO 2022 IR 6\ISO 2022 IR 87`, "\x1b$B", 0, []byte{0x21, 0x25, 0x30, 0x3D, 0x5C, 0x5E, 0x73}},
		{`ISO 2022 IR 6\ISO 2022 IR 159`, "\x1b$(D", 0, []byte{0x30, 0x3D, 0x5C, 0x5E, 0x6C}},
		{`ISO 2022 IR 6\ISO 2022 IR 149`, "\x1b$)C", 0x80, []byte{0x21, 0x30, 0x48, 0x4A, 0x7D}},
		{`ISO 2022 IR 6\ISO 2022 IR 58`, "\x1b$)A", 0x80, []byte{0x23, 0x30, 0x55, 0x76}},
		{"GB18030", "", 0x80, []byte{0x23, 0x30, 0x55, 0x76}},
		{"GBK", "", 0x80, []byte{0x23, 0x30, 0x55, 0x76}},
	} {
		d, err := charset.New(strings.Split(c.specific, `\`))
		if err != nil {
			t.Fatal(err)
		}
		text := []byte(c.prefix)
		for _, row := range c.rows {
			for cell := byte(0x21); cell <= 0x7E; cell++ {
				if row == 0x21 && cell == 0x3D {
					continue // JIS X 0208: a dash, U+2015 for the Unicode Consortium and us, U+2014 for others
				}
				pair := []byte{row | c.high, cell | c.high}
				if !strings.Contains(d.Decode(append([]byte(c.prefix), pair...), dicom.VRLT), "\uFFFD") {
					text = append(text, pair...)
				}
			}
		}
		if c.high == 0 {
			text = append(text, "\x1b(B"...)
		}
		sameText(t, dcmtk, dir, c.specific, text)
	}
}

// sameText lets DCMTK convert a text and compares.
func sameText(t *testing.T, dcmtk, dir, specific string, text []byte) {
	t.Helper()
	var ds dicom.Dataset
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, specific)
	ds.SetString(dicom.TagPatientComments, dicom.VRLT, string(text))
	var file bytes.Buffer
	file.Write(codec.EncodeFileMeta(codec.MetaInfo{
		SOPClassUID: dicom.RawDataStorage, SOPInstanceUID: "1.2.3", TransferSyntaxUID: dicom.ExplicitVRLittleEndian,
	}))
	if err := codec.WriteDataset(&file, &ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)); err != nil {
		t.Fatal(err)
	}
	name := strings.NewReplacer(`\`, "-", " ", "-").Replace(specific) + ".dcm"
	converted, err := toUTF8(t, dcmtk, dir, name, file.Bytes())
	if err != nil {
		t.Errorf("%s: %v", specific, err)
		return
	}
	got, want := texts(t, file.Bytes()), texts(t, converted)
	if len(want) != 1 || !slices.Equal(got, want) {
		t.Errorf("%s:\n%q, dcmconv has\n%q", specific, got, want)
	}
}

// toUTF8 returns a file as DCMTK converts it.
func toUTF8(t *testing.T, dcmtk, dir, name string, file []byte) ([]byte, error) {
	t.Helper()
	in, out := filepath.Join(dir, name), filepath.Join(dir, "utf8-"+name)
	if err := os.WriteFile(in, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(dcmtk, "dcmconv", "+U8", in, out).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("dcmconv: %w: %s", err, text)
	}
	return os.ReadFile(out)
}

// texts returns all text of a file that is not ASCII, in UTF-8, with its tags.
func texts(t *testing.T, file []byte) []string {
	t.Helper()
	f, err := codec.OpenFileBytes(file, codec.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ds, err := f.Dataset()
	if err != nil {
		t.Fatal(err)
	}
	return textsOf(t, ds, nil)
}

func textsOf(t *testing.T, ds *dicom.Dataset, specific []string) []string {
	t.Helper()
	if own := ds.Strings(dicom.TagSpecificCharacterSet); own != nil {
		specific = own
	}
	d, err := charset.New(specific)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range ds.Elements {
		if e.VR.IsText() && bytes.ContainsFunc(e.Value, func(r rune) bool { return r >= 0x80 || r == 0x1B }) {
			out = append(out, e.Tag.String()+" "+strings.Join(d.Values(e.Value, e.VR), `\`))
		}
		for _, item := range e.Items {
			out = append(out, textsOf(t, item, specific)...)
		}
	}
	return out
}
