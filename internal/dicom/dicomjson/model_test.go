package dicomjson_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dicom/dicomjson"
	"gantry/internal/testkit"
)

// dcm2jsonDiffers are the samples that dcm2json reads in another way, or not at all.
var dcm2jsonDiffers = map[string]string{
	"SC_rgb_jpeg.dcm":  "implicit VR under an explicit VR transfer syntax",
	"MR_truncated.dcm": "pixel data that is cut off",
	// Its repertoires are ISO 2022 in an item, which dcm2json leaves as they are.
	"empty_charset_LEI.dcm": "an empty repertoire, which it gives a value",
	"chrSQEncoding.dcm":     "code extensions in an item",
	"chrSQEncoding1.dcm":    "code extensions in an item",
}

// forSamples runs a test for every sample that can be read to its end.
func forSamples(t *testing.T, test func(t *testing.T, path string, data []byte)) {
	root := testkit.Samples(t)
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := codec.OpenFileBytes(data, codec.Limits{}); err != nil {
			return nil //nolint:nilerr // the codec's tests say which samples are no DICOM files
		}
		t.Run(strings.TrimPrefix(path, root), func(t *testing.T) {
			t.Parallel()
			test(t, path, data)
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, data []byte) *codec.Reader {
	t.Helper()
	f, err := codec.OpenFileBytes(data, codec.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Reader
}

// The DICOM JSON Model (PS3.18 F.2) of the samples says the same as DCMTK's.
func TestModelAgainstDCMTK(t *testing.T) {
	t.Parallel()
	dcm2json := testkit.Program(t, "dcm2json")
	forSamples(t, func(t *testing.T, path string, data []byte) {
		var buf bytes.Buffer
		if err := dicomjson.WriteModel(&buf, open(t, data), dicomjson.Options{}); err != nil {
			var syntax *codec.SyntaxError
			if errors.As(err, &syntax) {
				t.Skipf("not readable to its end: %v", err)
			}
			t.Fatal(err)
		}
		ours := map[string]any{}
		if err := json.Unmarshal(buf.Bytes(), &ours); err != nil {
			t.Fatalf("no JSON: %v", err)
		}
		if why := dcm2jsonDiffers[filepath.Base(path)]; why != "" {
			t.Skipf("dcm2json stumbles over %s", why)
		}
		out, err := exec.CommandContext(t.Context(), dcm2json, "-q", "+f", "-ee", path).Output()
		if err != nil {
			t.Skipf("dcm2json gives up: %v", err)
		}
		theirs := map[string]any{}
		if err := json.Unmarshal(out, &theirs); err != nil {
			t.Skipf("dcm2json writes no JSON: %v", err)
		}
		compareModels(t, "", ours, theirs)
	})
}

// compareModels reports every attribute that differs in anything but the freedoms that PS3.18 F.2 leaves.
func compareModels(t *testing.T, path string, ours, theirs map[string]any) {
	for tag, their := range theirs {
		there, ok := their.(map[string]any)
		if !ok {
			t.Fatalf("dcm2json: %s%s is no object", path, tag)
		}
		here, ok := ours[tag].(map[string]any)
		if !ok {
			if strings.HasSuffix(tag, "0000") || tag == "7FE00010" && there["vr"] == "OB" {
				continue // group lengths; compressed pixel data
			}
			t.Errorf("%s%s is missing, dcm2json has %v", path, tag, short(there))
			continue
		}
		if here["vr"] != there["vr"] {
			t.Errorf("%s%s: VR %v, dcm2json has %v", path, tag, here["vr"], there["vr"])
			continue
		}
		if tag == "00080005" && path != "" {
			continue // dcm2json leaves the repertoire of an item as it was, though the text is UTF-8
		}
		compareValues(t, path+tag, here, there)
	}
	for tag := range ours {
		if _, ok := theirs[tag]; !ok {
			t.Errorf("%s%s: dcm2json does not have it", path, tag)
		}
	}
}

func compareValues(t *testing.T, path string, here, there map[string]any) {
	if binary, given := there["InlineBinary"]; given && !sameBytes(here["InlineBinary"], binary) {
		t.Errorf("%s: bytes %v, dcm2json has %v", path, short(here), short(there))
	}
	mine, _ := here["Value"].([]any)
	other, _ := there["Value"].([]any)
	for len(other) > len(mine) && other[len(other)-1] == nil {
		other = other[:len(other)-1]
	}
	if len(mine) != len(other) {
		t.Errorf("%s: %v, dcm2json has %v", path, short(here), short(there))
		return
	}
	for i := range mine {
		item, isItem := mine[i].(map[string]any)
		otherItem, alsoItem := other[i].(map[string]any)
		if isItem && alsoItem {
			if here["vr"] == "SQ" {
				compareModels(t, path+"["+strconv.Itoa(i)+"].", item, otherItem)
			} else if !sameName(item, otherItem) {
				t.Errorf("%s: %v, dcm2json has %v", path, item, otherItem)
			}
			continue
		}
		if !same(mine[i], other[i]) {
			t.Errorf("%s: %v, dcm2json has %v", path, mine[i], other[i])
		}
	}
}

// sameBytes compares bytes in base64; DCMTK pads values of odd length.
func sameBytes(a, b any) bool {
	text, _ := a.(string)
	other, _ := b.(string)
	mine, err := base64.StdEncoding.DecodeString(text)
	theirs, otherErr := base64.StdEncoding.DecodeString(other)
	if len(mine)%2 == 1 {
		mine = append(mine, 0)
	}
	return err == nil && otherErr == nil && bytes.Equal(mine, theirs)
}

func sameName(a, b map[string]any) bool {
	for group, text := range a { // dcm2json takes empty components off the end
		if b[group] != text && b[group] != strings.TrimRight(text.(string), "^") {
			return false
		}
	}
	return len(a) == len(b)
}

// same compares values; DS and IS may be texts or numbers (PS3.18 F.2.3), and dcm2json leaves padding where it is.
func same(a, b any) bool {
	x, isNumber := number(a)
	y, alsoNumber := number(b)
	if isNumber && alsoNumber {
		return math.Abs(x-y) <= 1e-6*math.Abs(x)
	}
	p, isText := a.(string)
	q, alsoText := b.(string)
	if isText && alsoText {
		return strings.TrimSpace(p) == strings.TrimSpace(q)
	}
	return a == b
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil
	}
	return 0, false
}

func short(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text[:min(len(text), 200)])
}

// The XML of the samples is well-formed and holds as many attributes and items as their JSON.
func TestXMLHoldsWhatTheModelHolds(t *testing.T) {
	t.Parallel()
	forSamples(t, func(t *testing.T, _ string, data []byte) {
		var text, jsonText bytes.Buffer
		if err := dicomjson.WriteModel(&jsonText, open(t, data), dicomjson.Options{}); err != nil {
			t.Skipf("not readable to its end: %v", err)
		}
		if err := dicomjson.WriteXML(&text, open(t, data), dicomjson.Options{}); err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(&text)
		counts := map[string]int{}
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("no XML: %v", err)
			}
			if start, ok := token.(xml.StartElement); ok {
				counts[start.Name.Local]++
			}
		}
		if want := bytes.Count(jsonText.Bytes(), []byte(`"vr": "`)); counts["DicomAttribute"] != want {
			t.Errorf("%d attributes, the JSON has %d", counts["DicomAttribute"], want)
		}
	})
}

// A person's name has its groups and components (PS3.18 F.2.2, PS3.19 A.1.5); an empty value among others is null.
func TestModelOfNamesAndGaps(t *testing.T) {
	t.Parallel()
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagSpecificCharacterSet, dicom.VRCS, "ISO_IR 192")
	ds.SetString(dicom.TagPatientName, dicom.VRPN, `Yamada^Tarou=山田^太郎=やまだ^たろう`)
	ds.SetString(dicom.NewTag(0x0008, 0x0008), dicom.VRCS, "ORIGINAL", "", "AXIAL")
	ds.SetString(dicom.NewTag(0x0020, 0x0013), dicom.VRIS, " 7 ")
	syntax := dicom.LookupTransferSyntax(dicom.ExplicitVRLittleEndian)
	data, err := codec.Marshal(ds, syntax)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := dicomjson.WriteModel(&text, codec.NewReaderBytes(data, syntax, codec.Limits{}), dicomjson.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}]}`,
		`"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}`,
		`"00080008": {"vr": "CS", "Value": ["ORIGINAL", null, "AXIAL"]}`,
		`"00200013": {"vr": "IS", "Value": [7]}`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s\nis not in\n%s", want, text.String())
		}
	}
	text.Reset()
	if err := dicomjson.WriteXML(&text, codec.NewReaderBytes(data, syntax, codec.Limits{}), dicomjson.Options{}); err != nil {
		t.Fatal(err)
	}
	want := `<PersonName number="1"><Alphabetic><FamilyName>Yamada</FamilyName><GivenName>Tarou</GivenName></Alphabetic>`
	if !strings.Contains(text.String(), want) {
		t.Errorf("%s\nis not in\n%s", want, text.String())
	}
}
