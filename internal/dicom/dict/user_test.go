package dict

import (
	"errors"
	"testing"

	"gantry/internal/dicom"
)

// orthancExamples are the ones that the default configuration of Orthanc gives in comments.
func orthancExamples(t *testing.T) []UserEntry {
	t.Helper()
	var entries []UserEntry
	for _, e := range []struct {
		key, name, creator string
		vr                 dicom.VR
	}{
		{"0014,1020", "ValidationExpiryDate", "", dicom.VRDA},
		{"00e1,c2", "PET-CT Multi Modality Name", "ELSCINT1", dicom.VRUI},
		{"7053,03", "Original Image Filename", "Philips PET Private Group", dicom.VRST},
		{"2001,5f", "StackSequence", "Philips Imaging DD 001", dicom.VRSQ},
	} {
		tag, err := ParseUserTag(e.key)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, UserEntry{tag, e.vr, e.name, 1, 1, e.creator})
	}
	return entries
}

func TestUserEntries(t *testing.T) {
	t.Parallel()
	d, err := New(orthancExamples(t))
	if err != nil {
		t.Fatal(err)
	}
	if vr := d.VRFor(0x00141020); vr != dicom.VRDA {
		t.Errorf("VR of the user's standard element: %v", vr)
	}
	if e, ok := d.LookupKeyword("ValidationExpiryDate"); !ok || e.Tag != 0x00141020 {
		t.Errorf("by name: %+v, %v", e, ok)
	}
	if e, ok := d.LookupPrivate("ELSCINT1 ", 0x00E111C2); !ok || e.VR != dicom.VRUI || e.Tag != 0x00E111C2 {
		t.Errorf("private, block 11: %+v, %v", e, ok)
	}
	if _, ok := d.LookupPrivate("another", 0x00E111C2); ok {
		t.Error("private element found under another creator")
	}
	if e, ok := d.LookupPrivate("SIEMENS CSA HEADER", 0x00291010); !ok || e.VR != dicom.VROB {
		t.Errorf("built-in private element: %+v, %v", e, ok)
	}
	if _, ok := d.WithoutPrivate().LookupPrivate("SIEMENS CSA HEADER", 0x00291010); ok {
		t.Error("built-in private element found though switched off")
	}
	if _, ok := d.WithoutPrivate().LookupPrivate("ELSCINT1", 0x00E110C2); !ok {
		t.Error("user's private element lost with the built-in ones")
	}
	if e, ok := d.Lookup(dicom.TagPatientName); !ok || e.Keyword != "PatientName" {
		t.Errorf("standard element: %+v, %v", e, ok)
	}
}

func TestNilDictionaryIsTheStandardOne(t *testing.T) {
	t.Parallel()
	var d *Dictionary
	if vr := d.VRFor(dicom.TagPatientName); vr != dicom.VRPN {
		t.Error(vr)
	}
	if _, ok := d.LookupPrivate("SIEMENS CSA HEADER", 0x00291010); !ok {
		t.Error("private element not found")
	}
	if _, ok := d.WithoutPrivate().LookupPrivate("SIEMENS CSA HEADER", 0x00291010); ok {
		t.Error("private element found though switched off")
	}
	if _, ok := d.Lookup(dicom.TagPatientName); !ok {
		t.Error("element not found")
	}
	if _, ok := d.LookupKeyword("PatientID"); !ok {
		t.Error("keyword not found")
	}
}

func TestUserEntriesThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, u := range []UserEntry{
		{0x00141020, dicom.ParseVR('Z', 'Z'), "Name", 1, 1, ""},
		{0x00141020, dicom.VRNone, "Name", 1, 1, ""},
		{0x00141020, dicom.VRDA, "", 1, 1, ""},
		{0x00141020, dicom.VRDA, "Name", 1, 1, "creator"},
		{0x00141020, dicom.VRDA, "Name", 3, 2, ""},
		{0x00141020, dicom.VRDA, "Name", -1, 2, ""},
	} {
		_, err := New([]UserEntry{u})
		var wrong *UserEntryError
		if !errors.As(err, &wrong) || wrong.Tag != u.Tag || wrong.Reason == "" {
			t.Errorf("New(%+v): %v", u, err)
		}
	}
	for _, key := range []string{"", "00e1,c", "00e1c2", "00e1,xx", "00e1,00c2,", "+0e1,00c2"} {
		if _, err := ParseUserTag(key); !errors.Is(err, dicom.ErrTag) {
			t.Errorf("ParseUserTag(%q): %v", key, err)
		}
	}
}

func TestMultiplicityOfUserEntries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		least, most int
		want        string
	}{{0, 0, "1"}, {1, 1, "1"}, {1, 0, "1-n"}, {2, 0, "2-n"}, {2, 4, "2-4"}, {0, 3, "1-3"}, {3, 3, "3"}} {
		d, err := New([]UserEntry{{0x00141020, dicom.VRDA, "Name", c.least, c.most, ""}})
		if err != nil {
			t.Fatal(err)
		}
		if e, _ := d.Lookup(0x00141020); e.VM != c.want {
			t.Errorf("%d to %d: %q, want %q", c.least, c.most, e.VM, c.want)
		}
	}
}
