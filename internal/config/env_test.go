package config_test

import (
	"reflect"
	"strings"
	"testing"

	"gantry/internal/config"
)

func TestVariableNames(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]string{
		"Name": "GANTRY_NAME", "DicomPort": "GANTRY_DICOM_PORT", "StoreMD5ForAttachments": "GANTRY_STORE_MD5_FOR_ATTACHMENTS",
		"H265TransferSyntaxAccepted": "GANTRY_H265_TRANSFER_SYNTAX_ACCEPTED", "Jpeg2000TransferSyntaxAccepted": "GANTRY_JPEG2000_TRANSFER_SYNTAX_ACCEPTED",
	} {
		if got := config.Variable(option); got != want {
			t.Errorf("%s: %s, want %s", option, got, want)
		}
	}
}

// Every option is reached by its variable, in both spellings, and by nothing else's.
func TestEveryOptionHasAVariable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	fields := reflect.TypeFor[config.Config]()
	for i := range fields.NumField() {
		option := fields.Field(i).Name
		name := config.Variable(option)
		if seen[name] {
			t.Errorf("%s is not unique", name)
		}
		seen[name] = true
		orthanc := "ORTHANC__" + strings.TrimPrefix(name, "GANTRY_")
		settings, warnings := config.FromEnvironment([]string{name + "=x", orthanc + "=y", "HOME=/root"})
		want := []config.Setting{
			{Path: []string{option}, Value: "y", Source: orthanc}, {Path: []string{option}, Value: "x", Source: name},
		}
		if !reflect.DeepEqual(settings, want) || len(warnings) > 0 {
			t.Errorf("%s: %v %v", option, settings, warnings)
		}
	}
}

func TestEnvironmentValues(t *testing.T) {
	t.Parallel()
	c, warnings, err := config.Load(config.Options{Env: []string{
		"GANTRY_DICOM_ALWAYS_ALLOW_STORE=False", "GANTRY_ACCEPTED_SOP_CLASSES=1.2.*, 1.3", `ORTHANC__REJECTED_SOP_CLASSES=["1.4"]`,
		`ORTHANC__DICOM_MODALITIES={"one": ["ONE", "h", 104]}`, "GANTRY_DICOM_MODALITIES__two.b=TWO@[::1]:105",
		"GANTRY_DICOM_MODALITIES__one={\"AET\": \"ONE\", \"Host\": \"i\", \"Port\": 106}", "GANTRY_DICOM_MODALITIES__one__ALLOW_ECHO=false",
		"GANTRY_REGISTERED_USERS__alice={secret}", "GANTRY_AUTHENTICATION_ENABLED=true", "GANTRY_OVERWRITE_INSTANCES=true",
		"GANTRY_EXTRA_MAIN_DICOM_TAGS__Series=Rows,Columns", `GANTRY_JSON={"Name": "json"}`,
	}})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	one := config.NewModality("ONE", "i", 106)
	one.AllowEcho = false
	want := config.Default()
	want.Name = "json"
	want.DicomAlwaysAllowStore = false
	want.AcceptedSopClasses, want.RejectedSopClasses = []string{"1.2.*", "1.3"}, []string{"1.4"}
	want.DicomModalities = map[string]config.Modality{"one": one, "two.b": config.NewModality("TWO", "::1", 105)}
	want.RegisteredUsers = map[string]string{"alice": "{secret}"}
	yes := true
	want.AuthenticationEnabled = &yes
	want.OverwriteInstances = config.OverwriteAlways
	want.ExtraMainDicomTags = map[string][]string{"Series": {"Rows", "Columns"}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("\n got %+v\nwant %+v", c, want)
	}
}

func TestEnvironmentMistakesNameTheVariable(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"GANTRY_DICOM_PORT=x":                `config: GANTRY_DICOM_PORT: DicomPort: a whole number is expected here, not text ("x")`,
		"ORTHANC__DICOM_MODALITIES=[":        "config: ORTHANC__DICOM_MODALITIES: not the JSON expected",
		"GANTRY_DICOM_MODALITIES__a=A@h":     `DicomModalities.a: AET@HOST:PORT is expected, not "A@h"`,
		"ORTHANC_JSON=3":                     "ORTHANC_JSON: an object with options is expected",
		"GANTRY_DICOM_MODALITIES__a=A@h:0":   "AET@HOST:PORT is expected",
		"GANTRY_DICOM_PORT__x=1":             "DicomPort: a whole number",
		"GANTRY_REGISTERED_USERS=alice":      "RegisteredUsers: an object",
		"GANTRY_DICOM_ALWAYS_ALLOW_ECHO=yes": "true or false",
	} {
		if _, _, err := config.Load(config.Options{Env: []string{env}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", env, err, want)
		}
	}
}
