// Package phantom makes synthetic CT images: for benchmarks, for tests, and for the files in testdata.
package phantom

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// Image is one CT image of nobody.
type Image struct {
	SOPClassUID             dicom.UID // "": CT Image Storage
	Study, Series, Instance dicom.UID
	PatientID, PatientName  string // "": PHANTOM, Phantom^Water
	Number                  int    // Instance Number
	Side                    int    // pixels of each edge, 16 bits each; 0: 64
}

// headerSize is about what all elements but the pixels take, in bytes.
const headerSize = 1500

// SideFor returns the edge of an image whose file is about that many bytes.
func SideFor(bytes int) int { return max(int(math.Sqrt(float64(bytes-headerSize)/2)), 1) }

// Dataset returns the image's data set in Explicit VR Little Endian.
func (i Image) Dataset() ([]byte, error) {
	i.fill()
	ds := &dicom.Dataset{}
	i.identify(ds)
	i.describe(ds)
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: i.pixels()})
	return codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
}

// File returns the image as a DICOM file.
func (i Image) File() ([]byte, error) {
	i.fill()
	dataset, err := i.Dataset()
	if err != nil {
		return nil, fmt.Errorf("phantom: %w", err)
	}
	return append(codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: i.SOPClassUID, SOPInstanceUID: i.Instance,
		TransferSyntaxUID: dicom.ExplicitVRLittleEndian, ImplementationClassUID: codec.ImplementationClassUID,
		ImplementationVersionName: codec.ImplementationVersionName}), dataset...), nil
}

func (i *Image) fill() {
	if i.SOPClassUID == "" {
		i.SOPClassUID = dicom.CTImageStorage
	}
	if i.PatientID == "" {
		i.PatientID = "PHANTOM"
	}
	if i.PatientName == "" {
		i.PatientName = "Phantom^Water"
	}
	if i.Side == 0 {
		i.Side = 64
	}
}

func (i *Image) identify(ds *dicom.Dataset) {
	for _, e := range []struct {
		tag   dicom.Tag
		vr    dicom.VR
		value string
	}{
		{dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 100"},
		{dicom.NewTag(0x0008, 0x0008), dicom.VRCS, "ORIGINAL\\PRIMARY\\AXIAL"},
		{dicom.TagSOPClassUID, dicom.VRUI, string(i.SOPClassUID)},
		{dicom.TagSOPInstanceUID, dicom.VRUI, string(i.Instance)},
		{dicom.NewTag(0x0008, 0x0020), dicom.VRDA, "20260102"},
		{dicom.NewTag(0x0008, 0x0030), dicom.VRTM, "101112"},
		{dicom.NewTag(0x0008, 0x0050), dicom.VRSH, "A0001"},
		{dicom.NewTag(0x0008, 0x0060), dicom.VRCS, "CT"},
		{dicom.NewTag(0x0008, 0x0070), dicom.VRLO, "Phantom Works"},
		{dicom.NewTag(0x0008, 0x0090), dicom.VRPN, ""},
		{dicom.NewTag(0x0008, 0x1030), dicom.VRLO, "Water phantom"},
		{dicom.NewTag(0x0008, 0x103E), dicom.VRLO, "Axial 1.0"},
		{dicom.TagPatientName, dicom.VRPN, i.PatientName},
		{dicom.TagPatientID, dicom.VRLO, i.PatientID},
		{dicom.NewTag(0x0010, 0x0030), dicom.VRDA, ""},
		{dicom.NewTag(0x0010, 0x0040), dicom.VRCS, "O"},
		{dicom.TagStudyInstanceUID, dicom.VRUI, string(i.Study)},
		{dicom.TagSeriesInstanceUID, dicom.VRUI, string(i.Series)},
		{dicom.NewTag(0x0020, 0x0010), dicom.VRSH, "1"},
		{dicom.NewTag(0x0020, 0x0011), dicom.VRIS, "2"},
		{dicom.NewTag(0x0020, 0x0013), dicom.VRIS, strconv.Itoa(i.Number)},
	} {
		ds.SetString(e.tag, e.vr, e.value)
	}
}

func (i *Image) describe(ds *dicom.Dataset) {
	ds.SetString(dicom.NewTag(0x0018, 0x0050), dicom.VRDS, "1.0")
	ds.SetString(dicom.NewTag(0x0018, 0x0060), dicom.VRDS, "120")
	ds.SetString(dicom.NewTag(0x0018, 0x5100), dicom.VRCS, "HFS")
	ds.SetString(dicom.NewTag(0x0020, 0x0012), dicom.VRIS, "1")
	ds.SetString(dicom.NewTag(0x0020, 0x0052), dicom.VRUI, string(i.Study)+".9")
	ds.SetString(dicom.NewTag(0x0020, 0x0060), dicom.VRCS, "")
	ds.SetString(dicom.NewTag(0x0020, 0x1040), dicom.VRLO, "")
	ds.SetString(dicom.NewTag(0x0020, 0x0032), dicom.VRDS, fmt.Sprintf("-150\\-150\\%d", i.Number))
	ds.SetString(dicom.NewTag(0x0020, 0x0037), dicom.VRDS, "1\\0\\0\\0\\1\\0")
	ds.SetUint16(dicom.NewTag(0x0028, 0x0002), 1)
	ds.SetString(dicom.NewTag(0x0028, 0x0004), dicom.VRCS, "MONOCHROME2")
	ds.SetUint16(dicom.NewTag(0x0028, 0x0010), uint16(i.Side))
	ds.SetUint16(dicom.NewTag(0x0028, 0x0011), uint16(i.Side))
	ds.SetString(dicom.NewTag(0x0028, 0x0030), dicom.VRDS, "0.7\\0.7")
	ds.SetUint16(dicom.NewTag(0x0028, 0x0100), 16)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0101), 12)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0102), 11)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0103), 0)
	ds.SetString(dicom.NewTag(0x0028, 0x1052), dicom.VRDS, "-1024")
	ds.SetString(dicom.NewTag(0x0028, 0x1053), dicom.VRDS, "1")
}

// pixels are a round phantom with noise: like real ones they compress to about half.
func (i *Image) pixels() []byte {
	data := make([]byte, i.Side*i.Side*2)
	random := rand.New(rand.NewPCG(uint64(i.Number), 7))
	radius := i.Side * i.Side / 5
	for n := range i.Side * i.Side {
		x, y := n%i.Side-i.Side/2, n/i.Side-i.Side/2
		value := random.IntN(32)
		if x*x+y*y < radius {
			value += 1000
		}
		data[2*n], data[2*n+1] = byte(value), byte(value>>8)
	}
	return data
}
