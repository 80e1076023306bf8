package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gantry/internal/config"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string, env ...string) (*config.Config, []config.Warning) {
	t.Helper()
	c, warnings, err := config.Load(config.Options{Files: []string{write(t, t.TempDir(), "a.json", text)}, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return c, warnings
}

func TestFilesOfAFolderMergeInNameOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "2.json", `{"DicomModalities": {"b": ["B", "h", 104]}, "AcceptedSopClasses": ["1.2"], "Name": "second"}`)
	write(t, dir, "1.json", "\xef\xbb\xbf"+`{"DicomModalities": {"a": {"AET": "A", "Host": "h", "Port": 104}},
		"AcceptedSopClasses": ["1.3", "1.4"], "Name": "first", "DicomPort": 11112, }`)
	write(t, dir, "notes.txt", "not read")
	over := write(t, t.TempDir(), "over.json", `{"DicomModalities": {"a": {"AllowFind": false}}}`)
	c, _, err := config.Load(config.Options{Files: []string{dir, over}})
	if err != nil {
		t.Fatal(err)
	}
	a := config.NewModality("A", "h", 104)
	a.AllowFind = false
	want := map[string]config.Modality{"a": a, "b": config.NewModality("B", "h", 104)}
	if !reflect.DeepEqual(c.DicomModalities, want) {
		t.Errorf("modalities %+v", c.DicomModalities)
	}
	if c.Name != "second" || c.DicomPort != 11112 || !reflect.DeepEqual(c.AcceptedSopClasses, []string{"1.2"}) {
		t.Errorf("%q %d %v", c.Name, c.DicomPort, c.AcceptedSopClasses)
	}
}

func TestNamesKeepCaseAndDots(t *testing.T) {
	t.Parallel()
	c, _ := load(t, `{"RegisteredUsers": {"Alice": "1", "alice": "2"}, "DicomModalities": {"PACS.Main": ["X", "h", 1]}}`)
	if len(c.RegisteredUsers) != 2 || c.DicomModalities["PACS.Main"].AET != "X" {
		t.Errorf("%v %v", c.RegisteredUsers, c.DicomModalities)
	}
}

func TestStrongerSourcesWin(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "a.json", `{"DicomPort": 1, "HttpPort": 1, "DicomAet": "FILE", "StableAge": 1}`)
	c, _, err := config.Load(config.Options{
		Files: []string{file},
		Env: []string{
			`ORTHANC_JSON={"HttpPort": 2, "StableAge": 2, "DicomAet": "ROOT"}`, "ORTHANC__STABLE_AGE=3", "ORTHANC__DICOM_AET=O",
			"GANTRY_DICOM_AET=G", "GANTRY_URL=http://elsewhere",
		},
		Settings: []config.Setting{{Path: []string{"DicomPort"}, Value: "5", Source: "--dicom-port"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.DicomPort != 5 || c.HttpPort != 2 || c.StableAge != 3 || c.DicomAet != "G" {
		t.Errorf("%d %d %d %q", c.DicomPort, c.HttpPort, c.StableAge, c.DicomAet)
	}
}

func TestVariablesInStrings(t *testing.T) {
	t.Parallel()
	c, warnings := load(t, `{"Name": "${SITE}-${NODE:-1}", "DicomPort": "${PORT:-4343}", "StorageDirectory": "/data/${GONE}",
		"RegisteredUsers": {"${WHO}": "${SECRET}"}}`, "SITE=here", "WHO=bob", `SECRET=a"b`, "NODE=")
	if c.Name != "here-1" || c.DicomPort != 4343 || c.StorageDirectory != "/data/" || c.RegisteredUsers["bob"] != `a"b` {
		t.Errorf("%q %d %q %v", c.Name, c.DicomPort, c.StorageDirectory, c.RegisteredUsers)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0].String(), "GONE") {
		t.Errorf("warnings %v", warnings)
	}
}

func TestMistakesNameFileLineAndOption(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"{\n\"DicomPort\": \"4242\"}", "a.json:2: DicomPort: a whole number is expected here, not a string (\"4242\")"},
		{"{\n\n\"DicomPort\": 70000}", "a.json:3: DicomPort: must lie between 0 and 65535, and is 70000"},
		{`{"DicomPort": 1.5}`, "a.json:1: DicomPort: a whole number"},
		{`{"HttpServerEnabled": 1}`, "HttpServerEnabled: true or false is expected here, not a number (1)"},
		{`{"DicomAet": "SEVENTEEN-LETTERS"}`, "DicomAet: an AE title has 1 to 16"},
		{`{"DicomModalities": {"x": ["A", "h"]}}`, "DicomModalities.x: [AET, host, port]"},
		{"{\"DicomModalities\": {\n\"x\": [\"A\", \"h\",\n\"y\"]}}", "a.json:3: DicomModalities.x[2]: a whole number"},
		{`{"DicomModalities": {"x": {"AET": "A", "Host": "h"}}}`, "DicomModalities.x: Port is missing"},
		{`{"DicomModalities": []}`, "DicomModalities: an object is expected here, not an array"},
		{`{"OverwriteInstances": "Sometimes"}`, `OverwriteInstances: "Never" or "Always" or "IfChanged" expected`},
		{`{"StorageLayout": "tape"}`, `StorageLayout: "log" or "files" expected, not "tape"`},
		{`{"HttpBindAddresses": ["here"]}`, `HttpBindAddresses[0]: an IP address is expected, not "here"`},
		{`{"AcceptedTransferSyntaxes": ["abc"]}`, "AcceptedTransferSyntaxes[0]: a UID"},
		{`{"Dictionary": {"0014,1020": ["DA"]}}`, "Dictionary.0014,1020: [VR, name"},
		{"{\"Dictionary\": {\n\"0014,1020\": [\"XX\", \"a\"]}}", "a.json:2: Dictionary.0014,1020[0]: a value representation"},
		{"{\"Dictionary\": {\n\"0014;1020\": [\"DA\", \"a\"]}}", "a.json:2: Dictionary.0014;1020: a tag such as 0014,1020"},
		{`{"Dictionary": {"0014,1020": ["DA", ""]}}`, "Dictionary.0014,1020[1]: must not be empty"},
		{`{"Dictionary": {"0014,1020": ["DA", "a", 3, 2]}}`, "Dictionary.0014,1020: 3 to 2 values are no range"},
		{`{"Dictionary": {"0014,1020": ["DA", "a", 1, 1, "ACME"]}}`, "Dictionary.0014,1020: a private creator belongs"},
		{"{\"ExtraMainDicomTags\": {\n\"Series\": [\"Rows\", \"Rwos\"]}}", `a.json:2: ExtraMainDicomTags.Series[1]: "Rwos" is neither a tag`},
		{`{"ExtraMainDicomTags": {"Serie": []}}`, "ExtraMainDicomTags.Serie: "},
		{"{\"RegisteredUsers\": {\n\"a\": \"$apr1$abcdefgh$xyz\"}}", "a.json:2: RegisteredUsers.a: looks like a hash ($apr1$...)"},
		{`{"RegisteredUsers": {"a": "$2b$10$short"}}`, "RegisteredUsers.a: looks like a hash ($2b$...)"},
		{`{"DicomModalities": {"x": ["A", "b"]}}`, "not an array of 2"},
		{`{"MemoryBudget": -1}`, "MemoryBudget: must lie between"},
		{`{"StableAge": -1}`, "StableAge: must not be negative, and is -1"},
		{"{\n\"Name\" \"x\"}", "a.json: not the JSON expected: line 2"},
		{`[]`, "a.json:1: an object with options is expected, not an array"},
		{`{"RemoteAccessAllowed": true}`, `add "RegisteredUsers"`},
		{`{"HttpServerEnabled": false, "DicomServerEnabled": false}`, "nothing to serve"},
		{`{"DicomTlsEnabled": true}`, "DicomTlsEnabled: needs DicomTlsCertificate"},
	} {
		file := write(t, t.TempDir(), "a.json", test.text)
		_, _, err := config.Load(config.Options{Files: []string{file}, Keyword: func(s string) bool { return s == "Rows" }})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "a.json", `{"DicomPort": true, "Name": 1, "HttpPort": {}}`)
	_, _, err := config.Load(config.Options{Files: []string{file}})
	if n := len(config.Errors(err)); n != 3 {
		t.Errorf("%d mistakes: %v", n, err)
	}
	_, _, err = config.Load(config.Options{Files: []string{filepath.Join(t.TempDir(), "none.json")}})
	if err == nil || !strings.Contains(err.Error(), "none.json: cannot be read") {
		t.Errorf("missing file: %v", err)
	}
}

func TestUnknownOptionsAreWarnedAbout(t *testing.T) {
	t.Parallel()
	_, warnings := load(t, `{"DicomPrt": 1, "dicomaet": "X", "Plugins": ["x"], "LuaScripts": [], "HttpTimeout": 60, "DicomWeb": {}, "Zzzzz": 1, "Name": "a", "Name": "b",
		"RejectSopClasses": [], "DicomModalities": {"x": {"AET": "A", "Host": "h", "Port": 1, "AllowEhco": false}}}`,
		"GANTRY_DICOM_PROT=1", "ORTHANC__HTTP_VERBOSE=true")
	var text []string
	for _, w := range warnings {
		text = append(text, w.String())
	}
	all := strings.Join(text, "\n")
	for _, want := range []string{
		"DicomPrt: unknown option, ignored; did you mean DicomPort?", "did you mean DicomAet?", "Zzzzz: unknown option, ignored\n",
		"Plugins: known from Orthanc", "DicomWeb: a section for a plugin", "Name: given twice", "did you mean AllowEcho?",
		"GANTRY_DICOM_PROT: unknown option, ignored; did you mean GANTRY_DICOM_PORT?", "HttpVerbose: known from Orthanc",
	} {
		if !strings.Contains(all+"\n", want) {
			t.Errorf("no warning %q in\n%s", want, all)
		}
	}
	if len(warnings) != 9 {
		t.Errorf("%d warnings:\n%s", len(warnings), all)
	}
}

func TestOverwriteInstancesTakesBooleans(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.OverwriteMode{
		"true": config.OverwriteAlways, "false": config.OverwriteNever, `"IfChanged"`: config.OverwriteIfChanged,
	} {
		if c, _ := load(t, `{"OverwriteInstances": `+text+`}`); c.OverwriteInstances != want {
			t.Errorf("%s: %s", text, c.OverwriteInstances)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want string
	}{
		{`{}`, "127.0.0.1:8042"},
		{`{"HttpBindAddresses": ["10.1.2.3", "::1"]}`, "[::1]:8042"},
		{`{"RemoteAccessAllowed": true, "RegisteredUsers": {"a": "b"}}`, ":8042"},
		{`{"RemoteAccessAllowed": true, "AuthenticationEnabled": false, "HttpBindAddresses": ["10.1.2.3"], "HttpPort": 1}`, "10.1.2.3:1"},
	} {
		c, _ := load(t, test.text)
		if got := strings.Join(c.HTTPAddresses(), " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.text, got, test.want)
		}
	}
	if got := config.Default().DICOMAddresses(); !reflect.DeepEqual(got, []string{":4242"}) {
		t.Errorf("DICOM %v", got)
	}
}

func TestAddressesNotListenedOnAreWarnedAbout(t *testing.T) {
	t.Parallel()
	_, warnings := load(t, `{"HttpBindAddresses": ["10.1.2.3", "::1"]}`)
	if len(warnings) != 1 || !strings.Contains(warnings[0].String(), "10.1.2.3 is not listened on") {
		t.Error(warnings)
	}
}

func TestDefaultsFileLoadsToTheDefaults(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := config.WriteDefaults(&b); err != nil {
		t.Fatal(err)
	}
	c, warnings := load(t, b.String())
	if len(warnings) > 0 || !reflect.DeepEqual(c, config.Default()) {
		t.Errorf("warnings %v\n got %+v\nwant %+v", warnings, c, config.Default())
	}
}

func TestEffectiveConfigurationMasksPasswords(t *testing.T) {
	t.Parallel()
	c, _ := load(t, `{"RegisteredUsers": {"alice": "secret"}, "Dictionary": {"0009,01": ["LO", "Mine", 1, 0, "ACME"]},
		"DicomModalities": {"a": ["A", "h", 104]}, "AuthenticationEnabled": true}`)
	var b bytes.Buffer
	if err := config.WriteEffective(&b, c); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "secret") || c.RegisteredUsers["alice"] != "secret" {
		t.Errorf("password shown or lost:\n%s", b.String())
	}
	if !json.Valid(b.Bytes()) {
		t.Errorf("not plain JSON:\n%s", b.String())
	}
	again, _ := load(t, b.String())
	again.RegisteredUsers = c.RegisteredUsers
	if !reflect.DeepEqual(again, c) {
		t.Errorf("\n got %+v\nwant %+v", again, c)
	}
}
