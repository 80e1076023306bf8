package dicomjson_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/dicom/dict"
)

// element is one element of a test's data set, with its value as it stands in a little endian file.
func element(group, number uint16, vr dicom.VR, value string) dicom.Element {
	if len(value)%2 == 1 {
		value += string(rune(vr.PadByte()))
	}
	return dicom.Element{Tag: dicom.NewTag(group, number), VR: vr, Value: []byte(value)}
}

func little[T any](values ...T) string {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		panic(err)
	}
	return b.String()
}

// tagsOf returns the tags of a data set as the routes give them.
func tagsOf(t *testing.T, ds *dicom.Dataset, o dicomjson.Options) map[string]any {
	t.Helper()
	syntax := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	data, err := codec.Marshal(ds, syntax)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := dicomjson.WriteTags(&text, codec.NewReaderBytes(data, syntax, codec.Limits{}), o); err != nil {
		t.Fatal(err)
	}
	tags := map[string]any{}
	if err := json.Unmarshal(text.Bytes(), &tags); err != nil {
		t.Fatalf("%v in\n%s", err, text.String())
	}
	return tags
}

// What Orthanc 1.13.0 answered for an object with these elements.
var answers = []struct {
	element dicom.Element
	kind    string
	value   any
	name    string
}{
	{element(0x0008, 0x0080, dicom.VRLO, "  lead Inst "), "String", "  lead Inst", "InstitutionName"},
	{element(0x0008, 0x0090, dicom.VRPN, "Müller^Jörg=x=y  "), "String", "Müller^Jörg=x=y", "ReferringPhysicianName"},
	{element(0x0008, 0x0119, dicom.VRUC, "unlimited "), "String", "unlimited", "LongCodeValue"},
	{element(0x0008, 0x1030, dicom.VRLO, `  a\ b \c `), "String", `  a\ b \c`, "StudyDescription"},
	{element(0x0008, 0x103e, dicom.VRLO, "tab\tand\abell"), "String", "tab\tand\abell", "SeriesDescription"},
	{element(0x0010, 0x21b0, dicom.VRLT, "  line one\r\n  "), "String", "  line one\r\n", "AdditionalPatientHistory"},
	{element(0x0010, 0x4000, dicom.VRLT, strings.Repeat("x", 256)), "String", strings.Repeat("x", 256), "PatientComments"},
	{element(0x0018, 0x9073, dicom.VRFD, little(1.5, -0.1, 1e300)), "String",
		`1.5\-0.10000000000000001\1.0000000000000001e+300`, "AcquisitionDuration"},
	{element(0x0020, 0x4000, dicom.VRLT, strings.Repeat("x", 257)), "TooLong", nil, "ImageComments"},
	{element(0x0020, 0x9157, dicom.VRUL, little[uint32](1, 2, 3)), "String", `1\2\3`, "DimensionIndexValues"},
	{element(0x0028, 0x1201, dicom.VROW, little[uint16](1, 2, 3)), "Null", nil, "RedPaletteColorLookupTableData"},
	{element(0x0028, 0x3006, dicom.VRUS, strings.Repeat(little[uint16](60000), 100)), "TooLong", nil, "LUTData"},
	{element(0x0066, 0x0016, dicom.VROF, little[float32](1, 2)), "String", `1\2`, "PointCoordinatesData"},
	{element(0x0066, 0x0022, dicom.VROD, little[float64](1, 2)), "String", `1\2`, "DoublePointCoordinatesData"},
	{element(0x0066, 0x0040, dicom.VROL, little[uint32](1, 2)), "String", `1\2`, "LongPrimitivePointIndexList"},
	{element(0x0070, 0x0022, dicom.VRFL, little[float32](1.1, 1e-20, 123456789, float32(math.Inf(1)))), "String",
		`1.1000000238418579\9.9999996826552254e-21\123456792\inf`, "GraphicData"},
	{element(0x0072, 0x0026, dicom.VRAT, little[uint16](0x10, 0x10, 0x10, 0x20)), "String", `0010,0010\0010,0020`,
		"SelectorAttribute"},
	{element(0x0072, 0x0081, dicom.VROV, little[uint64](math.MaxUint64)), "String", "18446744073709551615", "SelectorOVValue"},
	{element(0x0072, 0x0082, dicom.VRSV, little[int64](-5, 6)), "String", `-5\6`, "SelectorSVValue"},
	{element(0x0008, 0x1090, dicom.VRUN, "known as text "), "String", "known as text ", "ManufacturerModelName"},
	{element(0x4010, 0x1001, dicom.VRUN, "abc "), "Null", nil, "ThreatROIVoxelSequence"},
	{element(0x0032, 0x000a, dicom.VRCS, "READ"), "String", "READ", "RETIRED_StudyStatusID"},
	{element(0x0010, 0x1000, dicom.VRLO, "A1"), "String", "A1", "OtherPatientIDs"},
	{element(0x0008, 0x0000, dicom.VRUL, little[uint32](4)), "String", "4", "GenericGroupLength"},
}

func TestValuesAsOrthancGivesThem(t *testing.T) {
	t.Parallel()
	for _, test := range answers {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ds := &dicom.Dataset{}
			ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 192")
			ds.Set(test.element)
			key := strings.ToLower(strings.Trim(test.element.Tag.String(), "()"))
			full := tagsOf(t, ds, dicomjson.Options{MaximumLength: dicomjson.MaximumLength})
			want := map[string]any{"Name": test.name, "Type": test.kind, "Value": test.value}
			if !reflect.DeepEqual(full[key], want) {
				t.Errorf("full: %v, want %v", full[key], want)
			}
			plain := tagsOf(t, ds, dicomjson.Options{MaximumLength: dicomjson.MaximumLength, Format: dicomjson.Short})
			if plain[key] != test.value {
				t.Errorf("short: %v, want %v", plain[key], test.value)
			}
			named := tagsOf(t, ds, dicomjson.Options{MaximumLength: dicomjson.MaximumLength, Format: dicomjson.Simplified})
			if named[test.name] != test.value {
				t.Errorf("simplified: %v, want %v", named[test.name], test.value)
			}
		})
	}
}

// private is a data set with two private blocks, one of them in an item, and an element that nobody reserved.
func private() *dicom.Dataset {
	inner := &dicom.Dataset{}
	inner.Set(element(0x0009, 0x0010, dicom.VRLO, "PRIVB"))
	inner.Set(element(0x0009, 0x1004, dicom.VRLO, "inside"))
	ds := &dicom.Dataset{}
	ds.Set(element(0x0009, 0x0010, dicom.VRLO, "PRIVA "))
	ds.Set(element(0x0009, 0x1001, dicom.VRLO, " private text "))
	ds.Set(element(0x0009, 0x1002, dicom.VRUN, "AB"))
	ds.SetItems(dicom.NewTag(0x0009, 0x1003), inner)
	ds.Set(element(0x0011, 0x0010, dicom.VRLO, "GEMS_IDEN_01"))
	ds.Set(element(0x0011, 0x1001, dicom.VRSS, little[int16](-1, -2)))
	ds.Set(element(0x0013, 0x1001, dicom.VRLO, "no creator"))
	return ds
}

func TestPrivateElements(t *testing.T) {
	t.Parallel()
	full := tagsOf(t, private(), dicomjson.Options{})
	text := func(name, creator, kind string, value any) map[string]any {
		fields := map[string]any{"Name": name, "Type": kind, "Value": value}
		if creator != "" {
			fields["PrivateCreator"] = creator
		}
		return fields
	}
	for key, want := range map[string]map[string]any{
		"0009,0010": text("PrivateCreator", "", "String", "PRIVA"),
		"0009,1001": text("Unknown Tag & Data", "PRIVA", "String", " private text"),
		"0009,1002": text("Unknown Tag & Data", "PRIVA", "Null", nil),
		"0013,1001": text("Unknown Tag & Data", "", "String", "no creator"),
		"0009,1003": text("Unknown Tag & Data", "", "Sequence", []any{map[string]any{
			"0009,0010": text("PrivateCreator", "", "String", "PRIVB"),
			"0009,1004": text("Unknown Tag & Data", "PRIVB", "String", "inside")}}),
	} {
		if !reflect.DeepEqual(full[key], any(want)) {
			t.Errorf("%s: %v, want %v", key, full[key], want)
		}
	}
	named := tagsOf(t, private(), dicomjson.Options{Format: dicomjson.Simplified})
	if named["Unknown Tag & Data"] != "no creator" || named["PrivateCreator"] != "GEMS_IDEN_01" {
		t.Errorf("of elements with the same name the last one counts: %v", named)
	}
}

func TestNamesOfTheUser(t *testing.T) {
	t.Parallel()
	own, err := dict.New([]dict.UserEntry{{Tag: dicom.NewTag(0x0009, 0x0001), VR: dicom.VRLO, Name: "Ward", PrivateCreator: "PRIVA"}})
	if err != nil {
		t.Fatal(err)
	}
	named := tagsOf(t, private(), dicomjson.Options{Format: dicomjson.Simplified, Dictionary: own})
	if named["Ward"] != " private text" {
		t.Errorf("simplified: %v", named)
	}
}

func TestLongTextsOnRequest(t *testing.T) {
	t.Parallel()
	comments := dicom.NewTag(0x0020, 0x4000)
	ds := &dicom.Dataset{}
	ds.Set(element(0x0020, 0x4000, dicom.VRLT, strings.Repeat("x", 100_000)))
	whole := tagsOf(t, ds, dicomjson.Options{Format: dicomjson.Short, MaximumLength: 256,
		Whole: map[dicom.Tag]struct{}{comments: {}}})
	if text, _ := whole["0020,4000"].(string); len(text) != 100_000 {
		t.Errorf("%d characters", len(text))
	}
	if cut := tagsOf(t, ds, dicomjson.Options{Format: dicomjson.Short, MaximumLength: 256}); cut["0020,4000"] != nil {
		t.Errorf("%v", cut)
	}
}

// Pixel data ends the tags, unless the whole data set is asked for.
func TestPixelDataEndsTheTags(t *testing.T) {
	t.Parallel()
	ds := &dicom.Dataset{}
	ds.Set(element(0x7fe0, 0x0010, dicom.VROB, "pixels"))
	ds.Set(element(0xfffc, 0xfffc, dicom.VROB, "padding!"))
	if tags := tagsOf(t, ds, dicomjson.Options{}); len(tags) != 1 {
		t.Errorf("%v", tags)
	}
	if tags := tagsOf(t, ds, dicomjson.Options{PastPixelData: true}); len(tags) != 2 {
		t.Errorf("%v", tags)
	}
}

// Memory is asked for before a large value is read, and given back; none is asked for what is left out.
func TestLargeTextsAskForMemory(t *testing.T) {
	t.Parallel()
	ds := &dicom.Dataset{}
	ds.Set(element(0x0040, 0xa160, dicom.VRUT, strings.Repeat("x", 2<<20)))
	held, asked := int64(0), 0
	hold := func(n int64) (func(), error) {
		held += n
		asked++
		return func() { held -= n }, nil
	}
	if tags := tagsOf(t, ds, dicomjson.Options{Format: dicomjson.Short, Hold: hold}); len(tags["0040,a160"].(string)) != 2<<20 {
		t.Error("the text is not whole")
	}
	tagsOf(t, ds, dicomjson.Options{MaximumLength: dicomjson.MaximumLength, Hold: hold})
	if asked != 1 || held != 0 {
		t.Errorf("asked %d times, %d bytes still held", asked, held)
	}
	refused := errors.New("no memory")
	syntax := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	data, err := codec.Marshal(ds, syntax)
	if err != nil {
		t.Fatal(err)
	}
	o := dicomjson.Options{Hold: func(int64) (func(), error) { return nil, refused }}
	for name, write := range map[string]func(io.Writer, *codec.Reader, dicomjson.Options) error{
		"tags": dicomjson.WriteTags, "JSON": dicomjson.WriteModel, "XML": dicomjson.WriteXML} {
		if err := write(io.Discard, codec.NewReaderBytes(data, syntax, codec.Limits{}), o); !errors.Is(err, refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
