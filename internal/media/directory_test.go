package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
	"gantry/internal/media"
	"gantry/internal/storage"
	"gantry/internal/testkit"
)

// writeMedium writes a medium of all that is stored into a folder.
func writeMedium(t *testing.T, s *storage.Store, o media.Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "IMAGES"), 0o755); err != nil {
		t.Fatal(err)
	}
	o.Media = true
	for name, b := range testkit.Unzip(t, write(t, s, o)) {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// directoryRecords reads a DICOMDIR: its records by their offsets, and the offset of the first.
func directoryRecords(t *testing.T, file string) (records map[uint32]*dicom.Dataset, root uint32) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := codec.OpenFileBytes(b, codec.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	records = map[uint32]*dicom.Dataset{}
	for {
		h, err := f.Next()
		if errors.Is(err, io.EOF) {
			return records, root
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Tag == 0x00041200:
			e, _ := f.Element()
			root, _ = (&dicom.Dataset{Elements: []dicom.Element{e}}).Uint32(h.Tag)
		case h.Kind == codec.KindItem:
			ds, err := f.Dataset()
			if err != nil {
				t.Fatal(err)
			}
			records[uint32(h.Offset)] = ds
		}
	}
}

// directoryTree walks a DICOMDIR by its offsets and describes every record with all above it, offsets and file ids aside.
func directoryTree(t *testing.T, file string) []string {
	t.Helper()
	records, root := directoryRecords(t, file)
	var lines []string
	reached := map[uint32]bool{}
	var walk func(at uint32, above string)
	walk = func(at uint32, above string) {
		for at != 0 {
			r := records[at]
			if r == nil || reached[at] {
				t.Fatalf("%s: offset %d leads to no record, or to one a second time", file, at)
			}
			reached[at] = true
			line := above + " / " + describeRecord(r)
			lines = append(lines, line)
			lower, _ := r.Uint32(0x00041420)
			walk(lower, line)
			at, _ = r.Uint32(0x00041400)
		}
	}
	walk(root, "")
	if len(reached) != len(records) {
		t.Errorf("%s: %d of %d records are reached", file, len(reached), len(records))
	}
	slices.Sort(lines)
	return lines
}

func describeRecord(r *dicom.Dataset) string {
	var b strings.Builder
	for i := range r.Elements {
		e := &r.Elements[i]
		switch e.Tag {
		case 0x00041400, 0x00041410, 0x00041420, 0x00041500:
			continue
		case dicom.TagSpecificCharacterSet: // dcmmkdir has it where there is no use for it, too
			continue
		}
		fmt.Fprintf(&b, "%s=%s", e.Tag, strings.TrimRight(string(e.Value), " \x00"))
		for _, item := range e.Items {
			fmt.Fprintf(&b, "[%s]", describeRecord(item))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// The directory of a medium holds what dcmmkdir puts into one for the same files.
func TestDirectoryIsThatOfDCMTK(t *testing.T) {
	t.Parallel()
	program := testkit.Program(t, "dcmmkdir")
	s := openStore(t)
	for _, part := range []string{"dicomdirtests", "CT_small.dcm", "MR_small.dcm"} {
		putFolder(t, s, filepath.Join(testkit.Samples(t), part))
	}
	dir := writeMedium(t, s, media.Options{})
	cmd := exec.Command(program, "-q", "+I", "-Nxc", "+r", "+id", ".", "+D", "THEIRS", "IMAGES")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if _, e := os.Stat(filepath.Join(dir, "THEIRS")); e != nil {
		t.Fatalf("dcmmkdir: %v\n%s", err, out)
	}
	ours, theirs := directoryTree(t, filepath.Join(dir, "DICOMDIR")), directoryTree(t, filepath.Join(dir, "THEIRS"))
	for _, line := range theirs {
		if _, found := slices.BinarySearch(ours, line); !found {
			t.Errorf("only in dcmmkdir's: %s", line)
		}
	}
	for _, line := range ours {
		if _, found := slices.BinarySearch(theirs, line); !found {
			t.Errorf("only in ours: %s", line)
		}
	}
	if len(ours) < 90 {
		t.Errorf("only %d records", len(ours))
	}
}

// dicom3tools finds nothing missing in the directory, and the files consistent.
func TestMediumSatisfiesDicom3tools(t *testing.T) {
	t.Parallel()
	verify, entities := testkit.Program(t, "dciodvfy"), testkit.Program(t, "dcentvfy")
	s := openStore(t)
	putFolder(t, s, filepath.Join(testkit.Samples(t), "dicomdirtests"))
	dir := writeMedium(t, s, media.Options{Extended: true})
	out, _ := exec.Command(verify, filepath.Join(dir, "DICOMDIR")).CombinedOutput() // it may end with 1 for a value
	if !strings.Contains(string(out), "BasicDirectory") || strings.Contains(string(out), "Error - ") {
		t.Errorf("dciodvfy: %s", out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "IMAGES", "*"))
	if err != nil || len(files) != 81 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	if out, err := exec.Command(entities, append(files, filepath.Join(dir, "DICOMDIR"))...).CombinedOutput(); err != nil {
		t.Errorf("dcentvfy: %v\n%s", err, out)
	}
	described := 0
	records, _ := directoryRecords(t, filepath.Join(dir, "DICOMDIR"))
	for _, r := range records {
		if r.String(dicom.TagSeriesDescription) != "" {
			described++
		}
	}
	if described == 0 {
		t.Error("an extended directory has no series descriptions")
	}
}

// Objects without a PatientID are one patient in the index, and different persons on a medium.
func TestNamesTellPersonsApart(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for i, name := range []string{"One", "Two", "One", "Two"} {
		o := plainObject()
		o.patientID, o.patientName, o.study = "", name, fmt.Sprint(i)
		put(t, s, o.file(t, i))
	}
	records, _ := directoryRecords(t, filepath.Join(writeMedium(t, s, media.Options{}), "DICOMDIR"))
	ids := map[string]string{}
	for _, r := range records {
		if r.String(dicom.TagDirectoryRecordType) == "PATIENT" {
			ids[r.String(dicom.TagPatientName)] = r.String(dicom.TagPatientID)
		}
	}
	if len(ids) != 2 || ids["One"] == ids["Two"] || ids["One"] == "" {
		t.Errorf("persons and their ids: %v", ids)
	}
	if lines := directoryTree(t, filepath.Join(writeMedium(t, s, media.Options{}), "DICOMDIR")); len(lines) != 2+4+4+4 {
		t.Errorf("%d records", len(lines))
	}
}

// Every record of a medium of all samples can be walked to, has its type 1 attributes, and names a file that is there.
func TestMediumOfEverything(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	putFolder(t, s, testkit.Samples(t))
	dir := writeMedium(t, s, media.Options{})
	_ = directoryTree(t, filepath.Join(dir, "DICOMDIR"))
	records, _ := directoryRecords(t, filepath.Join(dir, "DICOMDIR"))
	kinds := map[string]int{}
	for _, r := range records {
		kind := r.String(dicom.TagDirectoryRecordType)
		kinds[kind]++
		file := r.Strings(0x00041500)
		switch kind {
		case "PATIENT", "STUDY", "SERIES":
			if file != nil {
				t.Errorf("a %s record with a file", kind)
			}
			continue
		}
		object, err := os.ReadFile(filepath.Join(dir, filepath.Join(file...)))
		if err != nil {
			t.Fatal(err)
		}
		checkFile(t, r, file, object)
	}
	for _, kind := range []string{"PATIENT", "STUDY", "SERIES", "IMAGE", "RT DOSE", "RT PLAN", "RT STRUCTURE SET", "SR DOCUMENT", "WAVEFORM"} {
		if kinds[kind] == 0 {
			t.Errorf("no %s record", kind)
		}
	}
}

// checkFile wants a file that is what PS3.10 7 says, and what its record says of it.
func checkFile(t *testing.T, record *dicom.Dataset, name []string, object []byte) {
	t.Helper()
	f, err := codec.OpenFileBytes(object, codec.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	syntax := f.Meta.UID(dicom.TagTransferSyntaxUID)
	if !f.Preamble || syntax == "" || syntax != record.UID(0x00041512) || syntax != f.TransferSyntax.UID {
		t.Errorf("%s: prefix %v, transfer syntax %q, that of its data set %q, of its record %q", name, f.Preamble, syntax,
			f.TransferSyntax.UID, record.UID(0x00041512))
	}
}

// Uploads are kept as they came; on a medium they are files with file meta information, whatever they came as.
func TestMediumHoldsFiles(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	whole := plainObject().file(t, 1)
	f, err := codec.OpenFileBytes(whole, codec.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, whole[f.DatasetOffset:])
	wrong := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: "1.2.3", SOPInstanceUID: "1.2.3.4", TransferSyntaxUID: dicom.ExplicitVRBigEndian})
	other := plainObject().file(t, 2)
	put(t, s, append(wrong, other[f.DatasetOffset:]...))
	dir := writeMedium(t, s, media.Options{})
	records, _ := directoryRecords(t, filepath.Join(dir, "DICOMDIR"))
	files := 0
	for _, r := range records {
		if name := r.Strings(0x00041500); name != nil {
			object, err := os.ReadFile(filepath.Join(dir, filepath.Join(name...)))
			if err != nil {
				t.Fatal(err)
			}
			checkFile(t, r, name, object)
			if !bytes.HasSuffix(object, whole[f.DatasetOffset:]) && !bytes.HasSuffix(object, other[f.DatasetOffset:]) {
				t.Errorf("%s: another data set", name)
			}
			files++
		}
	}
	if files != 2 {
		t.Errorf("%d files", files)
	}
}

// A record of each kind there is comes out readable, with its own attributes.
func TestRecordKinds(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	classes := append(dict.StorageSOPClasses(), "1.2.3.4") // and one that nobody knows
	for i, class := range classes {
		ds := &dicom.Dataset{}
		ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 100")
		ds.SetUID(dicom.TagSOPClassUID, class)
		ds.SetString(dicom.TagSOPInstanceUID, dicom.VRUI, fmt.Sprintf("1.8.%d", i+1))
		ds.SetString(dicom.TagPatientName, dicom.VRPN, "B\xfcc^J\xe9r\xf4me")
		ds.SetString(dicom.TagStudyInstanceUID, dicom.VRUI, "1.8.1000")
		ds.SetString(dicom.TagSeriesInstanceUID, dicom.VRUI, fmt.Sprintf("1.8.1000.%d", i%7))
		body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: class, SOPInstanceUID: dicom.UID(fmt.Sprintf("1.8.%d", i+1)),
			TransferSyntaxUID: dicom.ExplicitVRLittleEndian}), body...))
	}
	file := filepath.Join(writeMedium(t, s, media.Options{}), "DICOMDIR")
	if lines := directoryTree(t, file); len(lines) != len(classes)+3+7-1 && len(lines) < len(classes) {
		t.Errorf("%d records of %d objects", len(lines), len(classes))
	}
	records, _ := directoryRecords(t, file)
	kinds := map[string]string{}
	for _, r := range records {
		kinds[r.String(0x00041511)] = r.String(dicom.TagDirectoryRecordType)
		if name := r.Get(dicom.TagPatientName); name != nil && r.String(dicom.TagSpecificCharacterSet) != "ISO_IR 100" {
			t.Error("the character set of a name is lost")
		}
	}
	for i, class := range classes {
		e, _ := dict.LookupUID(class)
		if want := kindByName(e.Keyword); want != "" && kinds[fmt.Sprintf("1.8.%d", i+1)] != want {
			t.Errorf("%s is a %s record, want %s", e.Keyword, kinds[fmt.Sprintf("1.8.%d", i+1)], want)
		}
	}
}

// kindByName tells from the keyword of a SOP class what PS3.3 F.4 makes of it, "" where the name does not say.
func kindByName(keyword string) string {
	for _, k := range []struct{ part, kind string }{
		{"WaveformAnnotationSR", "SR DOCUMENT"}, {"PresentationState", "PRESENTATION"}, {"KeyObjectSelection", "KEY OBJECT DOC"},
		{"RTDose", "RT DOSE"}, {"RTStructureSet", "RT STRUCTURE SET"}, {"RTPlan", "RT PLAN"}, {"RTIonPlan", "RT PLAN"},
		{"TreatmentRecord", "RT TREAT RECORD"}, {"Encapsulated", "ENCAP DOC"}, {"Waveform", "WAVEFORM"}, {"ECG", "WAVEFORM"},
		{"SpatialRegistration", "REGISTRATION"}, {"SpatialFiducials", "FIDUCIAL"}, {"RealWorldValueMapping", "VALUE MAP"},
		{"SurfaceSegmentation", "SURFACE"}, {"SurfaceScan", "SURFACE SCAN"}, {"Tractography", "TRACT"}, {"MRSpectroscopy", "SPECTROSCOPY"},
		{"HangingProtocol", "HANGING PROTOCOL"}, {"ColorPalette", "PALETTE"}, {"CTImage", "IMAGE"}, {"RTImage", "IMAGE"},
	} {
		if strings.Contains(keyword, k.part) {
			return k.kind
		}
	}
	return ""
}
