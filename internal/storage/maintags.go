package storage

import (
	"strings"

	"gantry/internal/dicom"
)

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
