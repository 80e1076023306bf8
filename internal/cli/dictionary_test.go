package cli

import (
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/config"
	"gantry/internal/dicom"
	"gantry/internal/dicom/dict"
)

// What the configuration takes as entries of the dictionary is taken by the dictionary, too.
func TestDictionaryEntriesConvert(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.json")
	text := `{"Dictionary": {"0014,1020": ["DA", "ValidationExpiryDate", 1, 1], "0009,01": ["LO", "Mine", 1, 0, "ACME"],
		"(4001,0010)": ["UI", "Any", 0, 0, "ACME"], "70531002": ["DS", "Short"]},
		"ExtraMainDicomTags": {"Series": ["Rows", "0028,0011", "ValidationExpiryDate"]}}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Load(config.Options{Files: []string{file}, Keyword: keywordOfTag})
	if err != nil {
		t.Fatal(err)
	}
	var entries []dict.UserEntry
	for key, e := range c.Dictionary {
		tag, err := dict.ParseUserTag(key)
		if err != nil {
			t.Error(err)
		}
		entries = append(entries, dict.UserEntry{
			Tag: tag, VR: dicom.ParseVR(e.VR[0], e.VR[1]), Name: e.Name, MinVM: e.Minimum, MaxVM: e.Maximum, PrivateCreator: e.PrivateCreator,
		})
	}
	d, err := dict.New(entries)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := d.LookupKeyword("ValidationExpiryDate"); !ok || e.Tag != dicom.NewTag(0x0014, 0x1020) {
		t.Errorf("%v %v", e, ok)
	}
	if e, ok := d.LookupPrivate("ACME", dicom.NewTag(0x0009, 0x1001)); !ok || e.Name != "Mine" {
		t.Errorf("%v %v", e, ok)
	}
}
