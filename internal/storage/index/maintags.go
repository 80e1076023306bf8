package index

import (
	"strings"

	"gantry/internal/dicom"
)

// MainTags gives the tags kept for each resource of a level, ascending: those of Orthanc 1.13.0 (/system
// "MainDicomTags"). Options may add to them.
func MainTags(l Level) []dicom.Tag {
	switch l {
	case Patient:
		return []dicom.Tag{0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00101000}
	case Study:
		return []dicom.Tag{0x00080020, 0x00080030, 0x00080050, 0x00080080, 0x00080090, 0x00080201, 0x00081030,
			0x0020000d, 0x00200010, 0x00321032, 0x00321060}
	case Series:
		return []dicom.Tag{0x00080021, 0x00080031, 0x00080060, 0x00080070, 0x00080201, 0x00081010, 0x0008103e,
			0x00081070, 0x00180010, 0x00180015, 0x00180024, 0x00181030, 0x00181090, 0x00181400, 0x0020000e, 0x00200011,
			0x00200037, 0x00200105, 0x00201002, 0x00400244, 0x00400245, 0x00400254, 0x00400275, 0x00540081, 0x00540101,
			0x00541000}
	case Instance:
		return []dicom.Tag{0x00080012, 0x00080013, 0x00080018, 0x00200012, 0x00200013, 0x00200032, 0x00200037,
			0x00200100, 0x00204000, 0x00280008, 0x00541330}
	}
	return nil
}

// Signature lists tags as Orthanc's metadata MainDicomTagsSignature does: "gggg,eeee;gggg,eeee".
func Signature(tags []dicom.Tag) string {
	var b strings.Builder
	for i, t := range tags {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(strings.ToLower(strings.Trim(t.String(), "()")))
	}
	return b.String()
}
