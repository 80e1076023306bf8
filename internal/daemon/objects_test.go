package daemon_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// object is a synthetic CT image for tests.
type object struct {
	patient                 string
	study, series, instance dicom.UID
	class                   dicom.UID
	pixels                  int // bytes
}

func newObject() object {
	return object{patient: "P1", study: dicom.NewUID(), series: dicom.NewUID(), instance: dicom.NewUID(),
		class: dicom.CTImageStorage, pixels: 512}
}

// dataset returns the object's data set in Explicit VR Little Endian.
func (o object) dataset(t testing.TB) []byte {
	t.Helper()
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 100")
	ds.SetString(dicom.TagSOPClassUID, dicom.VRUI, string(o.class))
	ds.SetString(dicom.TagSOPInstanceUID, dicom.VRUI, string(o.instance))
	ds.SetString(dicom.NewTag(0x0008, 0x0060), dicom.VRCS, "CT")
	ds.SetString(dicom.TagPatientName, dicom.VRPN, "Test^Object")
	ds.SetString(dicom.TagPatientID, dicom.VRLO, o.patient)
	ds.SetString(dicom.TagStudyInstanceUID, dicom.VRUI, string(o.study))
	ds.SetString(dicom.TagSeriesInstanceUID, dicom.VRUI, string(o.series))
	ds.SetString(dicom.NewTag(0x0020, 0x0013), dicom.VRIS, "7")
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: bytes.Repeat([]byte(o.instance[len(o.instance)-2:]), o.pixels/2)})
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// file returns the object as a DICOM file.
func (o object) file(t testing.TB) []byte {
	t.Helper()
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: o.class, SOPInstanceUID: o.instance,
		TransferSyntaxUID: dicom.ExplicitVRLittleEndian, ImplementationClassUID: codec.ImplementationClassUID,
		ImplementationVersionName: codec.ImplementationVersionName}), o.dataset(t)...)
}

// writeSeries writes n objects of one series as files and returns them with the folder.
func writeSeries(t testing.TB, dir string, n int) []object {
	t.Helper()
	first := newObject()
	objects := make([]object, n)
	for i := range objects {
		objects[i] = first
		objects[i].instance = dicom.NewUID()
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.dcm", i)), objects[i].file(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return objects
}
