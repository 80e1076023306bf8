package dict

import (
	"testing"

	"gantry/internal/dicom"
)

func TestLookupStandardElements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tag                       dicom.Tag
		vrText, vm, keyword, name string
		retired                   bool
	}{
		{0x00000000, "UL", "1", "CommandGroupLength", "Command Group Length", false},
		{0x00080005, "CS", "1-n", "SpecificCharacterSet", "Specific Character Set", false},
		{0x00100010, "PN", "1", "PatientName", "Patient's Name", false},
		{0x00280106, "US or SS", "1", "SmallestImagePixelValue", "Smallest Image Pixel Value", false},
		{0x7FE00010, "OB or OW", "1", "PixelData", "Pixel Data", false},
		{0x7FE00001, "OV", "1", "ExtendedOffsetTable", "Extended Offset Table", false},
		{0xFFFEE000, "", "1", "Item", "Item", false},
		{0x00000001, "UL", "1", "CommandLengthToEnd", "Command Length to End", true},
		// repeating groups and elements (PS3.5 7.6, PS3.6 6)
		{0x60003000, "OB or OW", "1", "OverlayData", "Overlay Data", false},
		{0x601E3000, "OB or OW", "1", "OverlayData", "Overlay Data", false},
		{0x50060005, "US", "1", "CurveDimensions", "Curve Dimensions", true},
		{0x00203105, "CS", "1-n", "SourceImageIDs", "Source Image IDs", true},
		{0x00280410, "US", "1", "RowsForNthOrderCoefficients", "Rows For Nth Order Coefficients", true},
		{0x00280400, "LO", "1", "TransformLabel", "Transform Label", true},
		{0x10000FF5, "US", "3", "ShiftTableTriplet", "Shift Table Triplet", true},
		{0x1010ABCD, "US", "1-n", "ZonalMap", "Zonal Map", true},
		{0x7F200010, "OB or OW", "1", "VariablePixelData", "Variable Pixel Data", true},
	} {
		e, ok := Lookup(c.tag)
		if !ok || e.Tag != c.tag || e.VRText != c.vrText || e.VM != c.vm || e.Keyword != c.keyword || e.Name != c.name || e.Retired != c.retired {
			t.Errorf("Lookup(%v) = %+v, %v; want %+v", c.tag, e, ok, c)
		}
	}
	for _, tag := range []dicom.Tag{0x00080003, 0x60013000, 0x00290010, 0x12340001, 0xFFFFFFFF} {
		if e, ok := Lookup(tag); ok {
			t.Errorf("Lookup(%v) = %+v, want nothing", tag, e)
		}
	}
}

func TestLookupKeyword(t *testing.T) {
	t.Parallel()
	for keyword, want := range map[string]dicom.Tag{
		"PatientName": dicom.TagPatientName, "SpecificCharacterSet": dicom.TagSpecificCharacterSet,
		"OverlayData": 0x60003000, "ZonalMap": 0x10100000, "SourceImageIDs": 0x00203100,
	} {
		if e, ok := LookupKeyword(keyword); !ok || e.Tag != want || e.Keyword != keyword {
			t.Errorf("LookupKeyword(%q) = %+v, %v; want %v", keyword, e, ok, want)
		}
	}
	for _, keyword := range []string{"", "patientname", "PatientNam", "ZZZ", "\t"} {
		if e, ok := LookupKeyword(keyword); ok {
			t.Errorf("LookupKeyword(%q) = %+v, want nothing", keyword, e)
		}
	}
}

func TestEveryElementIsFoundByTagAndByKeyword(t *testing.T) {
	t.Parallel()
	for i := range len(tagRows) - 1 {
		want := tagEntry(i, dicom.Tag(tagRows[i].tag))
		if i < exactTags {
			if got, ok := Lookup(want.Tag); !ok || got != want {
				t.Errorf("Lookup(%v) = %+v, want %+v", want.Tag, got, want)
			}
		}
		if want.Keyword == "" {
			continue
		}
		if got, ok := LookupKeyword(want.Keyword); !ok || got != want {
			t.Errorf("LookupKeyword(%q) = %+v, want %+v", want.Keyword, got, want)
		}
	}
}

func TestVRForWhereTheDictionaryLeavesAChoice(t *testing.T) {
	t.Parallel()
	for tag, want := range map[dicom.Tag]dicom.VR{
		dicom.TagPixelData:      dicom.VROW, // PS3.5 A.1
		0x60023000:              dicom.VROW,
		0x00283006:              dicom.VROW,
		0x00280106:              dicom.VRUS,
		0x00080018:              dicom.VRUI,
		0x00080000:              dicom.VRUL, // group length
		0x00430000:              dicom.VRUL,
		0x00430010:              dicom.VRLO, // private creator
		0x004300FF:              dicom.VRLO,
		0x00430001:              dicom.VRUN,
		0x00431001:              dicom.VRUN,
		0x12340001:              dicom.VRUN,
		dicom.TagItem:           dicom.VRNone,
		dicom.TagStatus:         dicom.VRUS,
		dicom.TagErrorComment:   dicom.VRLO,
		dicom.TagTransactionUID: dicom.VRUI,
	} {
		if got := VRFor(tag); got != want {
			t.Errorf("VRFor(%v) = %v, want %v", tag, got, want)
		}
	}
}

func TestLookupPrivate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		creator string
		tag     dicom.Tag
		vr, vm  string
		name    string
	}{
		{"1.2.840.113681", 0x00191010, "ST", "1", "CR Image Params Common"},
		{"1.2.840.113681 ", 0x0019A010, "ST", "1", "CR Image Params Common"},
		{"1.2.840.113663.1", 0x00291000, "US", "1", ""},
		{"TOSHIBA_MEC_MR3^10", 0x0019116D, "SL", "1", ""},          // written down without its block
		{"ELSCINT1", 0x01F11033, "DS", "1", "Cycle Time"},          // written down with block 10
		{"ELSCINT1", 0x01F11133, "DS", "1", "Cycle Time"},          // but good for others
		{"ELSCINT1", 0x01F11026, "FD", "1", "Pitch"},               // block 10 differs
		{"ELSCINT1", 0x01F11126, "DS", "1", "Pitch"},               // from the others
		{"PAPYRUS 3.0", 0x60031050, "US", "1-n", "Overlay Origin"}, // any group 60xx
		{"FDMS 1.0", 0x00251034, "SS", "1", "tan θ"},
		{"FDMS 1.0", 0x002710A3, "US or SS", "1-n", "Raw Data"},
		{"TOSHIBA_MEC_OT3", 0x70191080, "OB or OW", "1", "Original image data on area of original LR mark"},
		{"SIEMENS CSA HEADER\x00", 0x00291010, "OB", "1", "CSA Image Header Info"},
	} {
		e, ok := LookupPrivate(c.creator, c.tag)
		if !ok || e.Tag != c.tag || e.VRText != c.vr || e.VM != c.vm || e.Name != c.name {
			t.Errorf("LookupPrivate(%q, %v) = %+v, %v; want %+v", c.creator, c.tag, e, ok, c)
		}
	}
	for creator, tag := range map[string]dicom.Tag{
		"nobody": 0x00191010, "1.2.840.113681": 0x00190010, "": 0x00191010, "GEMS_PATI_01": 0x00111099,
		"zzz": 0x00191010, "FDMS 1.0": 0x00241034,
	} {
		if e, ok := LookupPrivate(creator, tag); ok {
			t.Errorf("LookupPrivate(%q, %v) = %+v, want nothing", creator, tag, e)
		}
	}
}

func TestEveryPrivateElementIsFound(t *testing.T) {
	t.Parallel()
	for c := range len(creatorRows) - 1 {
		for i := creatorRows[c].first; i < creatorRows[c+1].first; i++ {
			tag := dicom.Tag(privateRows[i].tag)
			if !tag.IsPrivate() {
				tag |= 0x00010000
			}
			if tag.Element() < 0x1000 {
				tag |= 0x4200
			}
			e, ok := LookupPrivate(creatorName(c), tag)
			if want := privateEntry(int(i), tag); !ok || e != want {
				t.Errorf("LookupPrivate(%q, %v) = %+v, %v; want %+v", creatorName(c), tag, e, ok, want)
			}
		}
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	allocs := testing.AllocsPerRun(100, func() {
		VRFor(dicom.TagPatientName)
		VRFor(0x60023000)
		_, _ = Lookup(dicom.TagPatientName)
		_, _ = LookupKeyword("PatientName")
		_, _ = LookupPrivate("SIEMENS CSA HEADER", 0x00291010)
		IsStorageSOPClass(dicom.CTImageStorage)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

func BenchmarkVRFor(b *testing.B) {
	tags := [...]dicom.Tag{0x00080005, 0x00080018, 0x00100010, 0x00181151, 0x0020000D, 0x00280010, 0x00280106, 0x00400275, 0x7FE00010}
	b.ReportAllocs()
	var n int
	for b.Loop() {
		VRFor(tags[n%len(tags)])
		n++
	}
}
