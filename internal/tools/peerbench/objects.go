package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
)

// size is one kind of object: how large and how many.
type size struct {
	name  string
	bytes int
	count int
}

func parseSize(text string) (size, error) {
	name, count, _ := strings.Cut(text, ":")
	number := strings.TrimSuffix(name, "k")
	n, err := strconv.Atoi(number)
	if err != nil || n <= 0 {
		return size{}, fmt.Errorf("--sizes: %q is no size such as 528k", name)
	}
	if number != name {
		n *= 1000
	}
	s := size{name: name, bytes: n, count: 1000}
	if count != "" {
		if s.count, err = strconv.Atoi(count); err != nil || s.count <= 0 || s.count > 100_000 {
			return size{}, fmt.Errorf("--sizes: %q is no count from 1 to 100000", count)
		}
	}
	return s, nil
}

// writeObjects writes CT images of about the given size below dir, spread over as many folders as there will be
// associations, and returns those folders. Every call makes new UIDs.
func writeObjects(dir string, s size, folders int) ([]string, error) {
	study, series := dicom.NewUID(), dicom.NewUID()
	names := make([]string, folders)
	for i := range names {
		names[i] = filepath.Join(dir, strconv.Itoa(i))
		if err := os.MkdirAll(names[i], 0o755); err != nil {
			return nil, err
		}
	}
	for i := range s.count {
		instance := dicom.UID(fmt.Sprintf("%s.%d", series, i+1))
		object, err := ctImage(study, series, instance, i+1, s.bytes)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(names[i%folders], fmt.Sprintf("CT%06d.dcm", i))
		if err := os.WriteFile(file, object, 0o644); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// ctImage returns a Part 10 file in Explicit VR Little Endian with the header of a CT image and noisy pixels.
func ctImage(study, series, instance dicom.UID, number, total int) ([]byte, error) {
	ds := &dicom.Dataset{}
	text := func(tag dicom.Tag, vr dicom.VR, value string) { ds.SetString(tag, vr, value) }
	text(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 100")
	text(dicom.NewTag(0x0008, 0x0008), dicom.VRCS, "ORIGINAL\\PRIMARY\\AXIAL")
	text(dicom.TagSOPClassUID, dicom.VRUI, string(dicom.CTImageStorage))
	text(dicom.TagSOPInstanceUID, dicom.VRUI, string(instance))
	text(dicom.NewTag(0x0008, 0x0020), dicom.VRDA, "20260102")
	text(dicom.NewTag(0x0008, 0x0030), dicom.VRTM, "101112")
	text(dicom.NewTag(0x0008, 0x0050), dicom.VRSH, "A0001")
	text(dicom.NewTag(0x0008, 0x0060), dicom.VRCS, "CT")
	text(dicom.NewTag(0x0008, 0x0070), dicom.VRLO, "Phantom Works")
	text(dicom.NewTag(0x0008, 0x1030), dicom.VRLO, "Thorax")
	text(dicom.NewTag(0x0008, 0x103E), dicom.VRLO, "Lung 1.0")
	text(dicom.TagPatientName, dicom.VRPN, "Phantom^Peer")
	text(dicom.TagPatientID, dicom.VRLO, "PEERBENCH")
	text(dicom.NewTag(0x0010, 0x0030), dicom.VRDA, "19700101")
	text(dicom.NewTag(0x0010, 0x0040), dicom.VRCS, "O")
	text(dicom.NewTag(0x0018, 0x0050), dicom.VRDS, "1.0")
	text(dicom.NewTag(0x0018, 0x0060), dicom.VRDS, "120")
	text(dicom.TagStudyInstanceUID, dicom.VRUI, string(study))
	text(dicom.TagSeriesInstanceUID, dicom.VRUI, string(series))
	text(dicom.NewTag(0x0020, 0x0010), dicom.VRSH, "1")
	text(dicom.NewTag(0x0020, 0x0011), dicom.VRIS, "2")
	text(dicom.NewTag(0x0020, 0x0013), dicom.VRIS, strconv.Itoa(number))
	text(dicom.NewTag(0x0020, 0x0032), dicom.VRDS, fmt.Sprintf("-150\\-150\\%d", number))
	text(dicom.NewTag(0x0020, 0x0037), dicom.VRDS, "1\\0\\0\\0\\1\\0")
	text(dicom.NewTag(0x0028, 0x0004), dicom.VRCS, "MONOCHROME2")
	side := 1
	for (side+1)*(side+1)*2+1400 <= total {
		side++
	}
	ds.SetUint16(dicom.NewTag(0x0028, 0x0002), dicom.VRUS, 1)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0010), dicom.VRUS, uint16(side))
	ds.SetUint16(dicom.NewTag(0x0028, 0x0011), dicom.VRUS, uint16(side))
	ds.SetUint16(dicom.NewTag(0x0028, 0x0100), dicom.VRUS, 16)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0101), dicom.VRUS, 12)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0102), dicom.VRUS, 11)
	ds.SetUint16(dicom.NewTag(0x0028, 0x0103), dicom.VRUS, 0)
	pixels := make([]byte, side*side*2)
	random := rand.New(rand.NewPCG(uint64(number), 7))
	for i := 0; i < len(pixels); i += 2 {
		value := 1000 + random.IntN(64)
		pixels[i], pixels[i+1] = byte(value), byte(value>>8)
	}
	ds.Set(dicom.Element{Tag: dicom.TagPixelData, VR: dicom.VROW, Value: pixels})
	body, err := codec.Marshal(ds, dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian))
	if err != nil {
		return nil, err
	}
	head := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: dicom.CTImageStorage, SOPInstanceUID: instance,
		TransferSyntaxUID: dicom.ExplicitVRLittleEndian, ImplementationClassUID: codec.ImplementationClassUID,
		ImplementationVersionName: codec.ImplementationVersionName})
	return append(head, body...), nil
}
