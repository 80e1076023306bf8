package daemon_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
	"gantry/internal/testkit"
)

// synthetic are objects in which searches find what the samples have not: accents, lists, spaces, wildcards as text,
// sequences, values that differ within a series.
var synthetic = []map[string]string{
	{"SOPInstanceUID": "1.2.3.9.1", "StudyDate": "20200105", "StudyTime": "101530.5", "AccessionNumber": "ACC1",
		"Modality": "CT", "InstitutionName": "Hôpital Général", "ReferringPhysicianName": "Müller^Hans",
		"StudyDescription": "Thorax à jeun", "SeriesDescription": "Série Un", "PatientName": "Éric^Dupont",
		"PatientID": "P1", "PatientBirthDate": "19700101", "PatientSex": "M", "PatientAge": "050Y",
		"BodyPartExamined": "CHEST", "StudyInstanceUID": "1.2.3.1.1", "SeriesInstanceUID": "1.2.3.1.1.1",
		"SeriesNumber": "1", "InstanceNumber": "1", "ImagePositionPatient": `0\0\5`,
		"ImageOrientationPatient": `1\0\0\0\1\0`, "CardiacNumberOfImages": "2"},
	{"SOPInstanceUID": "1.2.3.9.2", "StudyDate": "20200105", "AccessionNumber": "ACC1", "Modality": "CT",
		"PatientName": "Éric^Dupont", "PatientID": "P1", "ProtocolName": "Proto", "StudyInstanceUID": "1.2.3.1.1",
		"SeriesInstanceUID": "1.2.3.1.1.1", "SeriesNumber": "1", "InstanceNumber": "2", "ImageComments": "Some comment",
		"ImagePositionPatient": `0\0\3`, "ImageOrientationPatient": `1\0\0\0\1\0`},
	{"SOPInstanceUID": "1.2.3.9.3", "StudyDate": "20210315", "StudyTime": "235959", "AccessionNumber": "acc2",
		"Modality": "MR", "StudyDescription": "Kopf", "PatientName": "ERIC^DUPONT", "PatientID": "P5",
		"StudyInstanceUID": "1.2.3.1.2", "SeriesInstanceUID": "1.2.3.1.2.1", "SeriesNumber": "2", "InstanceNumber": "1",
		"CardiacNumberOfImages": "2"},
	{"SOPInstanceUID": "1.2.3.9.4", "StudyDate": "20210315", "AccessionNumber": "A*C?3", "Modality": "SR",
		"StudyDescription": "a_b%c", "PatientName": "eric^dupont=山田^太郎=やまだ^たろう", "PatientID": "p1",
		"OtherPatientIDs": `X1\X2`, "StudyInstanceUID": "1.2.3.2.1", "SeriesInstanceUID": "1.2.3.2.1.1",
		"InstanceNumber": "10", "CardiacNumberOfImages": "2"},
	{"SOPInstanceUID": "1.2.3.9.5", "AccessionNumber": "", "Modality": "MR", "PatientName": "", "PatientID": "P 3 ",
		"StudyInstanceUID": "1.2.3.3.1", "SeriesInstanceUID": "1.2.3.3.1.1", "InstanceNumber": "9"},
	{"SOPInstanceUID": "1.2.3.9.6", "StudyDate": "20191231", "Modality": "CT", "StudyDescription": "ACCENTS çñß ÆØ",
		"PatientName": "Øl^Åse", "StudyInstanceUID": "1.2.3.4.1", "SeriesInstanceUID": "1.2.3.4.1.1",
		"InstanceNumber": "x", "PatientID": "P4"},
	{"SOPInstanceUID": "1.2.3.9.7", "Modality": "CT", "PatientName": "Øl^Åse", "StudyInstanceUID": "1.2.3.4.1",
		"SeriesInstanceUID": "1.2.3.4.1.2", "PatientID": "P4", "NumberOfFrames": "3"},
	{"SOPInstanceUID": "1.2.3.9.8", "Modality": "CT", "PatientName": "Øl^Åse", "StudyInstanceUID": "1.2.3.4.1",
		"SeriesInstanceUID": "1.2.3.4.1.3", "PatientID": "P4"},
	{"SOPInstanceUID": "1.2.3.9.9", "Modality": "CT", "PatientName": "Øl^Åse", "StudyInstanceUID": "1.2.3.4.1",
		"SeriesInstanceUID": "1.2.3.4.1.3", "PatientID": "P4", "InstanceNumber": "1"},
}

// syntheticFile makes a file of one of them. The last but third has a sequence.
func syntheticFile(t testing.TB, tags map[string]string) []byte {
	t.Helper()
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 192")
	ds.SetUID(dicom.TagSOPClassUID, "1.2.840.10008.5.1.4.1.1.7")
	for name, value := range tags {
		entry, ok := dict.LookupKeyword(name)
		if !ok {
			t.Fatalf("no tag %s", name)
		}
		ds.SetString(entry.Tag, entry.VR, strings.Split(value, `\`)...)
	}
	if tags["SOPInstanceUID"] == "1.2.3.9.6" {
		item := &dicom.Dataset{}
		item.SetUID(0x00081150, "1.2.840.10008.5.1.4.1.1.2")
		item.SetUID(0x00081155, "1.2.3.4.5.6")
		ds.SetItems(0x00081140, item)
	}
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: "1.2.840.10008.5.1.4.1.1.7",
		SOPInstanceUID: dicom.UID(tags["SOPInstanceUID"]), TransferSyntaxUID: dicom.ExplicitVRLittleEndian}), body...)
}

// loadBoth stores the samples and the synthetic objects that both servers accept in both.
func loadBoth(t *testing.T, ours, theirs string) {
	t.Helper()
	var files [][]byte
	err := filepath.WalkDir(testkit.Samples(t), func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".dcm" && filepath.Ext(file) != "" {
			return err
		}
		if filepath.Base(file) == "chrH32.dcm" {
			return nil // Orthanc decodes its PatientName wrongly
		}
		body, err := os.ReadFile(file)
		files = append(files, body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tags := range synthetic {
		files = append(files, syntheticFile(t, tags))
	}
	for _, body := range files {
		var theirsSays struct{ ID, Status string }
		status, text := do(t, "POST", theirs+"/instances", body)
		if status != 200 {
			continue
		}
		if err := json.Unmarshal(text, &theirsSays); err != nil {
			t.Fatal(err)
		}
		if theirsSays.Status != "Success" {
			continue
		}
		if status, text := do(t, "POST", ours+"/instances", body); status != 200 {
			t.Logf("gantry does not take %s: %s", theirsSays.ID, text)
			do(t, "DELETE", theirs+"/instances/"+theirsSays.ID, nil)
		}
	}
}

// TestFindsLikeOrthanc asks both servers to search the same objects.
func TestFindsLikeOrthanc(t *testing.T) {
	t.Parallel()
	program := testkit.NewestOrthanc(t)
	s := start(t, func(cfg *config.Config) { cfg.DicomAet = "ORTHANC" })
	o := startOrthanc(t, program, s.dicomPort())
	var system struct{ Version string }
	ask(t, "GET", o.url+"/system", nil, &system)
	complain := t.Errorf
	if !strings.HasPrefix(system.Version, "1.13.") {
		t.Logf("WARNING: compared with Orthanc %s, not 1.13; differences do not fail", system.Version)
		complain = t.Logf
	}
	loadBoth(t, s.url, o.url)
	for _, base := range []string{s.url, o.url} {
		for _, label := range []string{"/studies/" + ctStudy + "/labels/one", "/studies/" + ctStudy + "/labels/two",
			"/patients/" + mrPatient + "/labels/one"} {
			ask(t, "PUT", base+label, nil, nil)
		}
	}
	for _, q := range append(findQuestions(), listQuestions(t, o.url)...) {
		compareLists(t, complain, s.url, o.url, q)
	}
	for _, q := range ordered {
		compareOrder(t, complain, s.url, o.url, q)
	}
}

// compareLists is compareAnswers that shows of two lists only the elements that are not in both.
func compareLists(t *testing.T, complain func(string, ...any), ours, theirs string, q question) {
	t.Helper()
	status1, body1 := do(t, q.method, ours+q.path, []byte(q.body))
	status2, body2 := do(t, q.method, theirs+q.path, []byte(q.body))
	what := fmt.Sprintf("%s %s %s", q.method, q.path, q.body)
	list1, isList1 := normal(body1).([]any)
	list2, isList2 := normal(body2).([]any)
	switch {
	case q.differs != "" && status1 >= 500:
		complain("%s: status %d: %s", what, status1, body1)
	case q.differs != "":
	case status1 != status2 || !isList1 || !isList2:
		compareBodies(complain, what, status1, status2, body1, body2)
	default:
		if a, b := without(list1, list2), without(list2, list1); len(a)+len(b) > 0 {
			complain("%s: of %d and %d elements, only here:\n%s\nonly in Orthanc's answer:\n%s", what, len(list1), len(list2),
				show(a), show(b))
		}
	}
}

// without gives what is in one list and not in another.
func without(list, other []any) []any {
	there := map[string]bool{}
	for _, v := range other {
		there[show(v)] = true
	}
	return slices.DeleteFunc(slices.Clone(list), func(v any) bool { return there[show(v)] })
}

// ordered are searches whose results come in a certain order: the values of the tag are compared one by one.
var ordered = []struct{ level, kind, key, direction string }{
	{"Study", "DicomTag", "StudyDate", "ASC"}, {"Study", "DicomTag", "StudyDate", "DESC"},
	{"Instance", "DicomTagAsInt", "InstanceNumber", "ASC"}, {"Instance", "DicomTagAsInt", "InstanceNumber", "DESC"},
	{"Series", "DicomTag", "Modality", "ASC"}, {"Study", "DicomTag", "StudyInstanceUID", "desc"},
	{"Instance", "Metadata", "TransferSyntax", "ASC"}, {"Instance", "MetadataAsInt", "IndexInSeries", "DESC"},
	{"Study", "DicomTagAsFloat", "StudyTime", "DESC"},
}

func compareOrder(t *testing.T, complain func(string, ...any), ours, theirs string, q struct{ level, kind, key, direction string }) {
	t.Helper()
	body := fmt.Sprintf(`{"Level": %q, "Query": {}, "ResponseContent": ["MainDicomTags", "Metadata"],
		"OrderBy": [{"Type": %q, "Key": %q, "Direction": %q}]}`, q.level, q.kind, q.key, q.direction)
	values := func(base string) (list []string) {
		var found []struct{ MainDicomTags, Metadata map[string]any }
		ask(t, "POST", base+"/tools/find", []byte(body), &found)
		for _, f := range found {
			value, ok := f.MainDicomTags[q.key]
			if strings.HasPrefix(q.kind, "Metadata") {
				value, ok = f.Metadata[q.key]
			}
			text := fmt.Sprint(value)
			switch {
			case strings.HasPrefix(q.kind, "Metadata") && strings.Trim(text, "0123456789.") != "", text == "":
				text = "0" // text that is no number counts as 0; what is missing follows in any order
			case strings.HasSuffix(q.kind, "AsInt") && strings.Trim(text, "0123456789") != "":
				text = "0"
			case !ok:
				text = "missing"
			}
			list = append(list, text)
		}
		return list
	}
	if a, b := values(ours), values(theirs); !reflect.DeepEqual(a, b) {
		complain("%s:\n%q\nOrthanc answers:\n%q", body, a, b)
	}
}
