package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"gantry/internal/config"
)

// Whatever stands in a file or a variable is an error or a configuration that prints and loads again.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"DicomPort": 104, "DicomModalities": {"a": ["A", "h", 104], "b": {"AET": "B", "Host": "h", "Port": 1}}}`,
		`{"Dictionary": {"0009,01": ["LO", "x", 1, 0, "ACME"]}, "OverwriteInstances": true, "AuthenticationEnabled": null}`,
		`{"Name": "${A:-x}${", /* c */ "AcceptedSopClasses": ["1.2.*"],} // end`, `[`, `{"RegisteredUsers": {"": ""}}`,
	} {
		f.Add(seed, seed, "A@h:1")
	}
	f.Fuzz(func(t *testing.T, file, document, peer string) {
		path := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		c, _, err := config.Load(config.Options{Files: []string{path}, Env: []string{"GANTRY_JSON=" + document, "GANTRY_DICOM_MODALITIES__p=" + peer}})
		if err != nil {
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := config.Load(config.Options{Env: []string{"GANTRY_JSON=" + string(text)}}); err != nil {
			t.Errorf("%s\ndoes not load: %v", text, err)
		}
	})
}
