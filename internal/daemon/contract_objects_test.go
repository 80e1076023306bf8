package daemon_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dict"
	"gantry/internal/testkit"
)

// library is a pair that holds the samples and the synthetic objects that both take, some of them annotated.
func (c *contract) library(t *testing.T) *pair {
	t.Helper()
	p := c.pair(t, func(cfg *config.Config) {
		cfg.UserMetadata, cfg.StableAge = map[string]int{"Foo": 1100}, 3600 // nothing becomes stable between two answers
	}, `"UserMetadata": {"Foo": 1100}`, `"StableAge": 3600`)
	stored := 0
	samples := testkit.Samples(t)
	err := filepath.WalkDir(samples, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.ReadFile(path)
		if err == nil && p.upload(filepath.ToSlash(strings.TrimPrefix(path, samples)), file) != "" {
			stored++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if stored < 100 {
		t.Fatalf("only %d samples are taken by both", stored)
	}
	p.synthetic()
	p.requests("PUT {S}/labels/one", "PUT {S}/labels/two", "PUT /patients/"+mrPatient+"/labels/one", "PUT {I}/labels/Deep-1_x",
		"PUT {S}/metadata/Foo a study", "PUT {I}/metadata/1500 Ünï\ncode", "PUT /series/"+mrSeries+"/metadata/Foo b*",
		"PUT {I}/attachments/1200 hello", "PUT {S}/attachments/1300 world", "PUT {P}/protected 1")
	return p
}

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
	// One PatientID, several patients; the same SOP Instance UID under two of them.
	{"SOPInstanceUID": "1.2.3.9.20", "Modality": "CT", "PatientName": "First^One", "PatientID": "DUP", "PatientSex": "F",
		"StudyInstanceUID": "1.2.3.5.1", "SeriesInstanceUID": "1.2.3.5.1.1", "InstanceNumber": "1"},
	{"SOPInstanceUID": "1.2.3.9.21", "Modality": "CT", "PatientName": "Second^One", "PatientID": "DUP", "PatientSex": "M",
		"StudyInstanceUID": "1.2.3.5.2", "SeriesInstanceUID": "1.2.3.5.2.1", "InstanceNumber": "2"},
	{"SOPInstanceUID": "1.2.3.9.20", "Modality": "CT", "PatientName": "Third^One", "PatientID": "dup",
		"StudyInstanceUID": "1.2.3.5.1", "SeriesInstanceUID": "1.2.3.5.1.1", "InstanceNumber": "1"},
	// A study in which the same tags differ from series to series, in other character sets, with spaces at the ends.
	{"SOPInstanceUID": "1.2.3.9.30", "SpecificCharacterSet": "ISO_IR 100", "Modality": "MR", "PatientName": "M\xfcller^J\xf6rg",
		"PatientID": "P6", "StudyDescription": " Sch\xe4del ", "SeriesDescription": "T1 axial ", "StudyInstanceUID": "1.2.3.6.1",
		"SeriesInstanceUID": "1.2.3.6.1.1", "InstanceNumber": "1 ", "SeriesNumber": " 1"},
	{"SOPInstanceUID": "1.2.3.9.31", "SpecificCharacterSet": `\ISO 2022 IR 87`, "Modality": "MR",
		"PatientName": "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B", "PatientID": "P6",
		"StudyDescription": "Head", "SeriesDescription": "\x1b$B;3ED\x1b(B", "StudyInstanceUID": "1.2.3.6.1",
		"SeriesInstanceUID": "1.2.3.6.1.2", "InstanceNumber": "-3"},
	{"SOPInstanceUID": "1.2.3.9.32", "Modality": "MR", "PatientName": "Мюллер^Йорг", "PatientID": "P6", "StudyDescription": "Голова",
		"StudyInstanceUID": "1.2.3.6.1", "SeriesInstanceUID": "1.2.3.6.1.3", "InstanceNumber": "007", "PatientComments": "a\r\nb\tc"},
	{"SOPInstanceUID": "1.2.3.9.33", "StudyInstanceUID": "1.2.3.7.1", "SeriesInstanceUID": "1.2.3.7.1.1"},
	{"SOPInstanceUID": "1.2.3.9.34", "PatientID": "", "StudyInstanceUID": "1.2.3.7.2", "SeriesInstanceUID": "1.2.3.7.2.1", "Modality": ""},
	{"SOPInstanceUID": "1.2.3.9.35", "PatientID": `A\B`, "PatientName": "^^^", "StudyInstanceUID": "1.2.3.7.3", "SeriesInstanceUID": "1.2.3.7.3.1",
		"StudyDate": "2020", "StudyTime": "noon", "AccessionNumber": "../../etc", "Modality": "X", "SeriesDescription": `C:\con`, "StudyID": "<&\">"},
}

// synthetic stores them in both.
func (p *pair) synthetic() {
	p.t.Helper()
	for _, tags := range synthetic {
		p.upload(tags["SOPInstanceUID"], syntheticFile(p.t, tags))
	}
	p.upload("multi-frame", multiFrame(p.t))
	p.upload("document", document(p.t))
}

// multiFrame is an enhanced CT image of two frames.
func multiFrame(t testing.TB) []byte {
	t.Helper()
	group := func(tag dicom.Tag, inner *dicom.Dataset) *dicom.Dataset {
		ds := &dicom.Dataset{}
		ds.SetItems(tag, inner)
		return ds
	}
	var frames []*dicom.Dataset
	for _, z := range []string{"2.5", "-1"} {
		position := &dicom.Dataset{}
		position.SetString(0x00200032, dicom.VRDS, "0", "0", z)
		frames = append(frames, group(0x00209113, position))
	}
	orientation := &dicom.Dataset{}
	orientation.SetString(0x00200037, dicom.VRDS, "1", "0", "0", "0", "1", "0")
	return fileOf(t, map[string]string{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1", "SOPInstanceUID": "1.2.3.9.40", "Modality": "CT", "PatientID": "P7",
		"PatientName": "Multi^Frame", "StudyInstanceUID": "1.2.3.8.1", "SeriesInstanceUID": "1.2.3.8.1.1", "InstanceNumber": "1", "NumberOfFrames": "2",
		"ImageType": `ORIGINAL\PRIMARY\AXIAL\NONE`, "PhotometricInterpretation": "MONOCHROME2"}, func(ds *dicom.Dataset) {
		for tag, value := range map[dicom.Tag]uint16{0x00280002: 1, 0x00280010: 2, 0x00280011: 2, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0} {
			ds.SetUint16(tag, value)
		}
		ds.SetItems(0x52009229, group(0x00209116, orientation))
		ds.SetItems(0x52009230, frames...)
		ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROB, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}})
	})
}

// document is an encapsulated PDF, of odd length and padded.
func document(t testing.TB) []byte {
	t.Helper()
	return fileOf(t, map[string]string{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.104.1", "SOPInstanceUID": "1.2.3.9.41", "Modality": "DOC", "PatientID": "P7",
		"PatientName": "Multi^Frame", "StudyInstanceUID": "1.2.3.8.1", "SeriesInstanceUID": "1.2.3.8.1.2", "InstanceNumber": "2",
		"MIMETypeOfEncapsulatedDocument": "application/pdf", "DocumentTitle": "Befund – Übersicht"}, func(ds *dicom.Dataset) {
		ds.Set(dicom.Element{Tag: 0x00420011, VR: dicom.VROB, Value: []byte("%PDF-1.4\n%%EOF\n\x00")})
	})
}

// syntheticFile makes a file of one of them. 1.2.3.9.6 has a sequence.
func syntheticFile(t testing.TB, tags map[string]string) []byte {
	t.Helper()
	return fileOf(t, tags, func(ds *dicom.Dataset) {
		if tags["SOPInstanceUID"] == "1.2.3.9.6" {
			item := &dicom.Dataset{}
			item.SetUID(0x00081150, "1.2.840.10008.5.1.4.1.1.2")
			item.SetUID(0x00081155, "1.2.3.4.5.6")
			ds.SetItems(0x00081140, item)
		}
	})
}

// fileOf makes a file of tags, as a secondary capture and in UTF-8 unless they say otherwise, and of what is added.
func fileOf(t testing.TB, tags map[string]string, add func(*dicom.Dataset)) []byte {
	t.Helper()
	all := map[string]string{"SpecificCharacterSet": "ISO_IR 192", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}
	maps.Copy(all, tags)
	ds := &dicom.Dataset{}
	for name, value := range all {
		entry, ok := dict.LookupKeyword(name)
		if !ok {
			t.Fatalf("no tag %s", name)
		}
		ds.SetString(entry.Tag, entry.VR, strings.Split(value, `\`)...)
	}
	add(ds)
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: dicom.UID(all["SOPClassUID"]),
		SOPInstanceUID: dicom.UID(all["SOPInstanceUID"]), TransferSyntaxUID: dicom.ExplicitVRLittleEndian}), body...)
}
