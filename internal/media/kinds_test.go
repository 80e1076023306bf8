package media_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
	"gantry/internal/media"
	"gantry/internal/testkit"
)

// describedObject is an object of a class that has what records of any kind take.
func describedObject(t *testing.T, class dicom.UID, number int) []byte {
	t.Helper()
	ds := &dicom.Dataset{}
	uid := dicom.UID(fmt.Sprintf("1.8.%d", number))
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 100")
	ds.SetUID(dicom.TagSOPClassUID, class)
	ds.SetUID(dicom.TagSOPInstanceUID, uid)
	ds.SetString(dicom.TagStudyInstanceUID, dicom.VRUI, "1.8.1000")
	ds.SetString(dicom.TagSeriesInstanceUID, dicom.VRUI, fmt.Sprintf("1.8.1000.%d", number))
	for _, text := range []struct {
		tag   dicom.Tag
		vr    dicom.VR
		value string
	}{
		{dicom.TagPatientName, dicom.VRPN, "B\xfcc^J\xe9r\xf4me"}, {dicom.TagPatientID, dicom.VRLO, "1"}, {dicom.TagStudyDate, dicom.VRDA, "20200101"},
		{dicom.TagStudyTime, dicom.VRTM, "101010"}, {dicom.TagStudyID, dicom.VRSH, "1"}, {dicom.TagModality, dicom.VRCS, "OT"},
		{dicom.TagSeriesNumber, dicom.VRIS, "1"}, {dicom.TagInstanceNumber, dicom.VRIS, "7"}, {dicom.TagContentDate, dicom.VRDA, "20200102"},
		{dicom.TagContentTime, dicom.VRTM, "111111"}, {0x00080012, dicom.VRDA, "20200103"}, {0x00080013, dicom.VRTM, "121212"},
		{0x00700080, dicom.VRCS, "LABEL"}, {0x00700081, dicom.VRLO, "d\xe9scription"}, {0x00700084, dicom.VRPN, "C^D"},
		{0x00700082, dicom.VRDA, "20200104"}, {0x00700083, dicom.VRTM, "131313"}, {0x3004000A, dicom.VRCS, "PLAN"},
		{0x30060002, dicom.VRSH, "S"}, {0x300A0002, dicom.VRSH, "P"}, {0x30100033, dicom.VRSH, "U"}, {0x30100034, dicom.VRLO, "u"},
		{0x00420012, dicom.VRLO, "text/XML"}, {0x0040A491, dicom.VRCS, "COMPLETE"}, {0x0040A493, dicom.VRCS, "UNVERIFIED"},
	} {
		ds.SetString(text.tag, text.vr, text.value)
	}
	code := &dicom.Dataset{}
	code.SetString(0x00080100, dicom.VRSH, "1")
	code.SetString(0x00080102, dicom.VRSH, "99X")
	code.SetString(0x00080104, dicom.VRLO, "One")
	ds.SetItems(0x0040A043, code)
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: class, SOPInstanceUID: uid,
		TransferSyntaxUID: dicom.ExplicitVRLittleEndian}), body...)
}

// A record of every kind that dcmmkdir knows has the attributes that it has there.
func TestEveryKindIsThatOfDCMTK(t *testing.T) {
	t.Parallel()
	program := testkit.Program(t, "dcmmkdir")
	s := openStore(t)
	for i, class := range dict.StorageSOPClasses() {
		put(t, s, describedObject(t, class, i+1))
	}
	dir := writeMedium(t, s, media.Options{})
	theirs := filepath.Join(t.TempDir(), "DICOMDIR")
	out, err := exec.CommandContext(t.Context(), program, "-Nec", "-Nrc", "-q", "+I", "+id", dir, "+r", "+D", theirs, "IMAGES").CombinedOutput()
	if _, missing := os.Stat(theirs); missing != nil {
		t.Fatalf("dcmmkdir: %v\n%s", err, out)
	}
	ours := map[string]bool{}
	for _, line := range directoryTree(t, filepath.Join(dir, "DICOMDIR")) {
		ours[line] = true
	}
	want := directoryTree(t, theirs)
	for _, line := range want {
		if !ours[line] {
			t.Errorf("no such record:\n%s", line[strings.LastIndex(line, " / "):])
		}
	}
	if len(want) < 300 {
		t.Errorf("dcmmkdir knows %d records only", len(want))
	}
}
