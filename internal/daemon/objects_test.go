package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/storage/index"
	"gantry/internal/tools/phantom"
)

// object is a synthetic CT image.
type object struct {
	study, series, instance dicom.UID
	side                    int
}

const class = dicom.CTImageStorage

func newObject() object {
	return object{study: dicom.NewUID(), series: dicom.NewUID(), instance: dicom.NewUID(), side: 16}
}

func (o object) image() phantom.Image {
	return phantom.Image{Study: o.study, Series: o.series, Instance: o.instance, Number: len(o.instance), Side: o.side}
}

// dataset returns the object's data set in Explicit VR Little Endian.
func (o object) dataset(t testing.TB) []byte {
	t.Helper()
	body, err := o.image().Dataset()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// file returns the object as a DICOM file.
func (o object) file(t testing.TB) []byte {
	t.Helper()
	file, err := o.image().File()
	if err != nil {
		t.Fatal(err)
	}
	return file
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

// publicID is the id of an instance in the REST API.
func publicID(identifiers ...string) string { return index.NewID(identifiers...).String() }
