package media_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/media"
	"gantry/internal/storage"

	"pgregory.net/rapid"
)

// object is what names are made of; "-" leaves a value out.
type object struct {
	patientID, patientName, accession, description, modality, seriesNumber, seriesDescription, number string
	study, series                                                                                     string
}

func plainObject() object {
	return object{patientID: "P1", patientName: "Name^A", accession: "-", description: "-", modality: "CT", seriesNumber: "-",
		seriesDescription: "-", number: "12", study: "1", series: "1"}
}

// file makes a DICOM file in UTF-8.
func (o object) file(t testing.TB, instance int) []byte {
	t.Helper()
	ds := &dicom.Dataset{}
	sop := fmt.Sprintf("1.9.%d", instance)
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 192")
	ds.SetUID(dicom.TagSOPClassUID, dicom.CTImageStorage)
	ds.SetString(dicom.TagSOPInstanceUID, dicom.VRUI, sop)
	ds.SetString(dicom.TagStudyInstanceUID, dicom.VRUI, "1.9.100."+o.study)
	ds.SetString(dicom.TagSeriesInstanceUID, dicom.VRUI, "1.9.100."+o.study+"."+o.series)
	for _, v := range []struct {
		tag   dicom.Tag
		vr    dicom.VR
		value string
	}{
		{dicom.TagPatientID, dicom.VRLO, o.patientID}, {dicom.TagPatientName, dicom.VRPN, o.patientName},
		{dicom.TagAccessionNumber, dicom.VRSH, o.accession}, {dicom.TagStudyDescription, dicom.VRLO, o.description},
		{dicom.TagModality, dicom.VRCS, o.modality}, {dicom.TagSeriesNumber, dicom.VRIS, o.seriesNumber},
		{dicom.TagSeriesDescription, dicom.VRLO, o.seriesDescription}, {dicom.TagInstanceNumber, dicom.VRIS, o.number},
	} {
		if v.value != "-" {
			ds.SetString(v.tag, v.vr, v.value)
		}
	}
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: dicom.UID(sop),
		TransferSyntaxUID: dicom.ExplicitVRLittleEndian}), body...)
}

// entryNames are the names in an archive of all that is stored, in order.
func entryNames(t testing.TB, s *storage.Store, utf8 bool) []string {
	t.Helper()
	var b bytes.Buffer
	if _, err := media.Write(t.Context(), &b, s, plan(t, s, utf8, patients(t, s)...), media.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	return names
}

// What Orthanc 1.13.0 answered for the same objects, but where it says so.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what   string
		change func(*object)
		utf8   bool
		want   string
	}{
		{"ids alone", func(o *object) {}, false, "P1 - Name^A/Unknown Study/CT/CT000012.dcm"},
		{"all there", func(o *object) {
			o.accession, o.description, o.seriesNumber, o.seriesDescription = "A1", "Head", "5", "axial"
		}, false, "P1 - Name^A/A1 - Head/5 - CT - axial/CT000012.dcm"},
		{"no name", func(o *object) { o.patientName = "-" }, false, "P1/Unknown Study/CT/CT000012.dcm"},
		{"no id", func(o *object) { o.patientID = "-" }, false, "- Name^A/Unknown Study/CT/CT000012.dcm"},
		{"nothing", func(o *object) { o.patientID, o.patientName, o.modality, o.number = "", "", "", "-" }, false,
			"Unknown Patient/Unknown Study/Unknown Series/00000000.dcm"},
		{"one letter", func(o *object) { o.modality, o.seriesDescription = "M", "desc" }, false, "P1 - Name^A/Unknown Study/M - desc/M0000012.dcm"},
		{"small letters", func(o *object) { o.modality = "ct" }, false, "P1 - Name^A/Unknown Study/ct/CT000012.dcm"},
		{"reserved characters", func(o *object) { o.patientName = `A/B:C*D?E"F<G>H|I` }, false, "P1 - A B C D E F G H I/Unknown Study/CT/CT000012.dcm"},
		{"others stay", func(o *object) { o.patientName = "x!#$%&'()+,-.;@[]_`{}~^=" }, false, "P1 - x!#$%&'()+,-.;@[]_`{}~^=/Unknown Study/CT/CT000012.dcm"},
		{"white space", func(o *object) { o.patientID, o.description = "a  b", "a\tb\nc\x01d  e" }, false, "a b - Name^A/ab cd e/CT/CT000012.dcm"},
		{"white space in UTF-8", func(o *object) { o.description = "a\tb\nc\x01d:e" }, true, "P1 - Name^A/a b c d e/CT/CT000012.dcm"},
		{"dropped", func(o *object) { o.patientName, o.description, o.seriesDescription = "Büc^Jérôme", "é", "éaé b" }, false,
			"P1 - Bc^Jrme/CT - a b/CT000012.dcm"},
		{"kept in UTF-8", func(o *object) { o.patientName, o.description = "Büc^Jérôme", "é" }, true, "P1 - Büc^Jérôme/é/CT/CT000012.dcm"},
		{"signed number", func(o *object) { o.number = "+7" }, false, "P1 - Name^A/Unknown Study/CT/CT000007.dcm"},
		{"no number", func(o *object) { o.number = "2.5" }, false, "P1 - Name^A/Unknown Study/CT/CT000000.dcm"},
		{"long number", func(o *object) { o.number = "1234567" }, false, "P1 - Name^A/Unknown Study/CT/CT1234567.dcm"},
		{"modality of a path", func(o *object) { o.modality = "A/" }, false, "P1 - Name^A/Unknown Study/A/A 000012.dcm"},
		// Orthanc gives names that lead elsewhere or that Windows does not take: ours do not.
		{"dots", func(o *object) { o.patientID, o.patientName, o.description = "..", "", ".." }, false, "_/_/CT/CT000012.dcm"},
		{"dots at the end", func(o *object) { o.seriesDescription = "foo. " }, false, "P1 - Name^A/Unknown Study/CT - foo/CT000012.dcm"},
		{"devices", func(o *object) { o.description, o.modality, o.seriesDescription = "CON", "-", "nul.txt" }, false,
			"P1 - Name^A/_CON/_nul.txt/00000012.dcm"},
		{"folder like a file", func(o *object) { o.description = "CT000012.DCM" }, false, "P1 - Name^A/CT000012.DCM_/CT/CT000012.dcm"},
		{"long", func(o *object) { o.patientName = strings.Repeat("n", 240) }, false, "P1 - " + strings.Repeat("n", 195) + "/Unknown Study/CT/CT000012.dcm"},
	} {
		t.Run(test.what, func(t *testing.T) {
			t.Parallel()
			s := openStore(t)
			o := plainObject()
			test.change(&o)
			put(t, s, o.file(t, 1))
			if got := entryNames(t, s, test.utf8); len(got) != 1 || got[0] != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestNumbersOfASeries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ numbers, want []string }{
		{[]string{"3", "1", "2"}, []string{"1", "2", "3"}},
		{[]string{"1", "1", "2"}, []string{"0", "1", "2"}},
		{[]string{"-", "-", "-"}, []string{"0", "1", "2"}},
		{[]string{"5", "-", "0"}, []string{"0", "1", "2"}},
		{[]string{"-3", "4"}, []string{"0", "4"}},
	} {
		s := openStore(t)
		for i, number := range test.numbers {
			o := plainObject()
			o.number = number
			put(t, s, o.file(t, i))
		}
		for i, name := range entryNames(t, s, false) {
			if want := fmt.Sprintf("CT%06s.dcm", test.want[i]); path.Base(name) != want {
				t.Errorf("numbers %q: file %d is %s, want %s", test.numbers, i, path.Base(name), want)
			}
		}
	}
}

// Names that differ in nothing, or in what a file system folds, are told apart.
func TestNamesThatCollide(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for i, description := range []string{"a", "A", "a", "a-2", "a?", "é", "ü", "CT"} {
		o := plainObject()
		o.description, o.study = description, fmt.Sprint(i)
		put(t, s, o.file(t, i))
	}
	seen := map[string]bool{}
	for _, name := range entryNames(t, s, false) {
		if key := strings.ToLower(name); seen[key] {
			t.Errorf("%q is there twice", name)
		} else {
			seen[key] = true
		}
	}
}

// Whatever the values are, a name has the right number of parts at most, each harmless everywhere.
func TestNoNameLeavesItsFolder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		hostile := rapid.OneOf(rapid.StringMatching(`[./\\: \x00-\x20A-Ca-c]{0,12}`), rapid.String(),
			rapid.SampledFrom([]string{"..", "../..", `..\..`, "/etc/passwd", `C:\x`, "CON", "com1.txt", "a\x00b", "\u202Egpj.exe", "a."}))
		o := plainObject()
		o.patientID, o.patientName, o.description = hostile.Draw(rt, "id"), hostile.Draw(rt, "name"), hostile.Draw(rt, "study")
		o.seriesDescription, o.accession, o.modality = hostile.Draw(rt, "series"), hostile.Draw(rt, "accession"), hostile.Draw(rt, "modality")
		s, err := storage.Open(t.Context(), storage.Options{Layout: storage.LayoutMemory, Dir: t.TempDir(), NoSync: true})
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		put(t, s, o.file(t, 1))
		for _, name := range entryNames(t, s, rapid.Bool().Draw(rt, "utf8")) {
			parts := strings.Split(name, "/")
			if !fs.ValidPath(name) || len(parts) > 4 || strings.ContainsAny(name, "\\:*?\"<>|\u202E") || !utf8.ValidString(name) {
				rt.Fatalf("%q", name)
			}
			for _, part := range parts {
				if strings.TrimRight(part, ". ") != part || len(part) > 255 || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' }) {
					rt.Fatalf("%q in %q", part, name)
				}
			}
		}
	})
}
