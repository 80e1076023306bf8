package codec

import "gantry/internal/dicom"

// ImplementationClassUID names this implementation in files and associations (PS3.7 D.3.3.2).
const ImplementationClassUID = dicom.UID("2.25.162023332397094325340931822199759387844")

// ImplementationVersionName goes with ImplementationClassUID.
const ImplementationVersionName = "GANTRY_0_1"

const preambleSize = 128

// MetaInfo is what file meta information says (PS3.10 7.1). Implementation fields that are empty are our own.
type MetaInfo struct {
	SOPClassUID               dicom.UID
	SOPInstanceUID            dicom.UID
	TransferSyntaxUID         dicom.UID
	ImplementationClassUID    dicom.UID
	ImplementationVersionName string
	SourceAET                 string // AE title of who wrote the object; left out when empty
}

// EncodeFileMeta returns what a file has before its data set: preamble, prefix and file meta information (PS3.10 7.1).
func EncodeFileMeta(m MetaInfo) []byte {
	if m.ImplementationClassUID == "" {
		m.ImplementationClassUID = ImplementationClassUID
		if m.ImplementationVersionName == "" {
			m.ImplementationVersionName = ImplementationVersionName
		}
	}
	var ds dicom.Dataset
	ds.Set(dicom.Element{Tag: dicom.TagFileMetaInformationVersion, VR: dicom.VROB, Value: []byte{0, 1}})
	ds.SetUID(dicom.TagMediaStorageSOPClassUID, m.SOPClassUID)
	ds.SetUID(dicom.TagMediaStorageSOPInstanceUID, m.SOPInstanceUID)
	ds.SetUID(dicom.TagTransferSyntaxUID, m.TransferSyntaxUID)
	ds.SetUID(dicom.TagImplementationClassUID, m.ImplementationClassUID)
	if m.ImplementationVersionName != "" {
		ds.SetString(dicom.TagImplementationVersionName, dicom.VRSH, m.ImplementationVersionName)
	}
	if m.SourceAET != "" {
		ds.SetString(dicom.TagSourceApplicationEntityTitle, dicom.VRAE, m.SourceAET)
	}
	b := make([]byte, preambleSize, 512)
	b = append(b, "DICM"...)
	return appendMeta(b, &ds)
}

// appendMeta appends a group 0002 whose elements are short, preceded by its group length.
func appendMeta(b []byte, ds *dicom.Dataset) []byte {
	length := Header{Tag: dicom.TagFileMetaInformationGroupLength, VR: dicom.VRUL, Length: 4}
	b = encoding{}.appendUint32(appendHeader(b, &length, encoding{}), 0)
	start := len(b)
	b, _ = appendDataset(b, ds, encoding{}) // fails only beyond 4 GiB
	encoding{}.appendUint32(b[:start-4], uint32(len(b)-start))
	return b
}
