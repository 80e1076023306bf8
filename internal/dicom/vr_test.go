package dicom_test

import (
	"strings"
	"testing"

	"gantry/internal/dicom"
)

// PS3.5 table 6.2-1 and 7.1.2
func TestValueRepresentations(t *testing.T) {
	t.Parallel()
	const (
		all    = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV"
		long   = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
		text   = "LO LT PN SH ST UC UT"
		ascii  = "AE AS CS DA DS DT IS TM UI UR"
		single = "LT ST UT UR"
	)
	in := func(list, vr string) bool { return strings.Contains(" "+list+" ", " "+vr+" ") }
	for _, name := range strings.Fields(all) {
		vr := dicom.ParseVR(name[0], name[1])
		isString := in(text+" "+ascii, name)
		pad := byte(0)
		if isString && name != "UI" {
			pad = ' '
		}
		switch {
		case vr.String() != name, !vr.Known():
			t.Errorf("%s: %v, known %v", name, vr, vr.Known())
		case vr.LongForm() != in(long, name):
			t.Errorf("%s: long form %v", name, vr.LongForm())
		case vr.IsText() != in(text, name), vr.IsString() != isString, vr.IsBinary() != (!isString && name != "SQ"):
			t.Errorf("%s: text %v, string %v, binary %v", name, vr.IsText(), vr.IsString(), vr.IsBinary())
		case vr.Multivalued() != (isString && !in(single, name)):
			t.Errorf("%s: multivalued %v", name, vr.Multivalued())
		case vr.PadByte() != pad:
			t.Errorf("%s: padded with %d", name, vr.PadByte())
		}
	}
}

// PS3.5 7.3
func TestWidthIsTheUnitOfByteOrder(t *testing.T) {
	t.Parallel()
	for width, names := range map[int]string{
		1: "AE AS CS DA DS DT IS LO LT OB PN SH SQ ST TM UC UI UN UR UT",
		2: "AT OW SS US",
		4: "FL OF OL SL UL",
		8: "FD OD OV SV UV",
	} {
		for _, name := range strings.Fields(names) {
			if got := dicom.ParseVR(name[0], name[1]).Width(); got != width {
				t.Errorf("%s: %d, want %d", name, got, width)
			}
		}
	}
}

// PS3.5 6.2.2: an unknown VR is taken to have the long form.
func TestUnknownVRs(t *testing.T) {
	t.Parallel()
	vr := dicom.ParseVR('Z', 'X')
	if vr.Known() || !vr.LongForm() || vr.IsString() || !vr.IsBinary() || vr.String() != "ZX" {
		t.Errorf("%v: known %v, long form %v", vr, vr.Known(), vr.LongForm())
	}
	if got := dicom.ParseVR(0x01, 'a').String(); got != "??" {
		t.Errorf("control character: %q", got)
	}
	if none := dicom.VRNone; none.String() != "" || none.Known() || none.IsBinary() || none.IsString() {
		t.Error("VRNone is something")
	}
}
