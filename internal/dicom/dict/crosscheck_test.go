package dict

import (
	"strings"
	"testing"

	"github.com/grailbio/go-dicom/dicomtag"

	"gantry/internal/dicom"
)

// changed holds the elements where the standard says today what go-dicom's tables of 2021 do not.
var changed = map[dicom.Tag]string{
	0x00004000: "LT", 0x00004010: "LT", 0x00005110: "LT", 0x00005120: "LT", // go-dicom has AT
	0x00041200: "UL", 0x00041202: "UL", 0x00041400: "UL", 0x00041420: "UL", 0x00041504: "UL", // a private "UP"
	0x00083010: "1-n", 0x00089007: "4-5", 0x00189323: "1-n", 0x00620009: "1-n", // VM changed since
	0x00140023: "1", 0x00140024: "1", 0x00140025: "1", 0x00140028: "1", 0x00140042: "1", 0x00140044: "1", 0x00140045: "1",
	0x00281200: "OW", 0x00283006: "OW", // go-dicom has LT
	0x00287FE0: "UR", 0x0040E010: "UR", 0x0074100A: "UR", // UR is younger than the elements
	0x006862F0: "SQ 1", 0x00760034: "SQ", // corrected since
	dicom.TagItem: "", dicom.TagItemDelimitation: "", dicom.TagSequenceDelimitation: "", // go-dicom has a private "NA"
}

// TestAgreesWithGoDICOM compares with an independent dictionary.
func TestAgreesWithGoDICOM(t *testing.T) {
	t.Parallel()
	compared, differ := 0, 0
	for i := range exactTags {
		ours := tagEntry(i, dicom.Tag(tagRows[i].tag))
		theirs, err := dicomtag.Find(dicomtag.Tag{Group: ours.Tag.Group(), Element: ours.Tag.Element()})
		if err != nil {
			continue
		}
		compared++
		if ours.VR.String() == theirs.VR && ours.VM == theirs.VM {
			continue
		}
		differ++
		want, listed := changed[ours.Tag]
		if !listed || !strings.Contains(ours.VR.String()+" "+ours.VM, want) {
			t.Errorf("%v %s: %v %s, go-dicom %s %s", ours.Tag, ours.Keyword, ours.VR, ours.VM, theirs.VR, theirs.VM)
		}
	}
	t.Logf("%d elements compared, %d differ", compared, differ)
	if compared < 3500 || differ != len(changed) {
		t.Errorf("%d differ, %d are listed", differ, len(changed))
	}
}
